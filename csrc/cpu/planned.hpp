// A problem with the kernels that were chosen for it: what every way into the kernels calls.
#pragma once

#include <type_traits>

#include "profiler.hpp"
#include "variants.hpp"
#include "windows.hpp"

namespace rnnfast {

// Computes with T, on arrays that are Stored where they have a row for every step. The sizes are those of the whole
// problem; the arrays may be of some of its steps.
template <class T, class Stored = T>
struct Planned {
    Sizes sizes;
    MaskedOutput masked_output;
    const KernelTable<T>& kernels;
    const Variant<T>& forward_variant;
    const Variant<T>& backward_variant;

    void forward(const ForwardArrays<T, Stored>& arrays, const ValidSteps& valid) const {
        const PhaseTimer timer(Phase::kCall);
        const TeamSize team = team_size(sizes, num_threads());
        if constexpr (std::is_same_v<T, Stored>)
            if (!valid) return forward_variant.forward(sizes, kernels, team, arrays);
        windowed_forward(forward_variant, sizes, kernels, team, arrays, valid, masked_output);
    }

    void backward(const BackwardArrays<T, Stored>& arrays, const ValidSteps& valid) const {
        const PhaseTimer timer(Phase::kCall);
        const TeamSize team = team_size(sizes, num_threads());
        if constexpr (std::is_same_v<T, Stored>)
            if (!valid) return backward_variant.backward(sizes, kernels, team, arrays);
        windowed_backward(backward_variant, sizes, kernels, team, arrays, valid, masked_output);
    }
};

}  // namespace rnnfast
