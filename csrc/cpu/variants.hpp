// The variants: strategies for the recurrence, each a file, and a row of a table. What they compute: recurrence.hpp.
#pragma once

#include <string>
#include <vector>

#include "contract.hpp"
#include "recurrence.hpp"

namespace rnnfast {

#define RNNFAST_DECLARE_VARIANT(name)                                                            \
    template <class T>                                                                           \
    void name##_forward(const Sizes&, const KernelTable<T>&, TeamSize, const ForwardArrays<T>&); \
    template <class T>                                                                           \
    void name##_backward(const Sizes&, const KernelTable<T>&, TeamSize, const BackwardArrays<T>&);

// All hidden units of some sequences a thread; packed panels of weights.
RNNFAST_DECLARE_VARIANT(panel)
// The batch in the lanes of the vectors.
RNNFAST_DECLARE_VARIANT(lanes)
// Some hidden units of all sequences a thread: its weights stay in its cache, and threads meet at every step.
RNNFAST_DECLARE_VARIANT(stationary)
// One of the two above, for the kernels of tile_kernels: bfloat16 products.
RNNFAST_DECLARE_VARIANT(tiles)

#undef RNNFAST_DECLARE_VARIANT

template <class T>
struct Variant {
    const char* name;
    bool (*accepts)(const Sizes&);
    void (*forward)(const Sizes&, const KernelTable<T>&, TeamSize, const ForwardArrays<T>&);
    void (*backward)(const Sizes&, const KernelTable<T>&, TeamSize, const BackwardArrays<T>&);
};

// Those that there are, for float and double alike.
std::vector<std::string> variant_names();

// Throws std::invalid_argument for a name that there is not.
template <class T>
const Variant<T>& variant(const std::string& name);

}  // namespace rnnfast
