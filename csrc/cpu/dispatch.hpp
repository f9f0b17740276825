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

}  // namespace rnnfast
