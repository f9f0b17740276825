// The choice of an instruction set, made here and nowhere else.
#pragma once

#include <string>
#include <vector>

#include "contract.hpp"

namespace rnnfast {

// Those that this build has and this processor runs, best first.
std::vector<std::string> supported_isas();

// The best of them, or the one that the environment variable RNNFAST_ISA names; throws std::runtime_error if that is
// not one of them.
std::string default_isa();

// The kernels of a supported instruction set; throws std::runtime_error for another.
template <class T>
const KernelTable<T>& kernels(const std::string& isa);

// The precisions of products that a supported instruction set has kernels of its own for: "highest", and where it has
// bfloat16 tiles "high" (two bfloat16s for each float32) and "medium" (one).
std::vector<std::string> precisions(const std::string& isa);

// The kernels of a supported instruction set for float32 problems; throws std::runtime_error for a precision that it
// lacks.
const KernelTable<float>& kernels_for(const std::string& isa, const std::string& precision);

}  // namespace rnnfast
