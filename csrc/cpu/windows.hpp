// Passes over arrays that the variants do not read as they are, for steps are masked or stored in 16 bits: window by
// window of steps the rows are copied to arrays of T (packed_steps.hpp), a variant runs on those with the state of the
// window before, and the results are copied back. So the copies are small however long the problem is, and states
// and gradients go from window to window in T, the outputs rounded alone.
#pragma once

#include "packed_steps.hpp"
#include "variants.hpp"

namespace rnnfast {

// What the output of a masked step is: 0, or the state that it holds.
enum class MaskedOutput { kZero, kHold };

// The most steps in a window. Windows are counted off from the last step on, and the weights' gradients are added up by
// them, so that they have the same bits however the steps of a problem are cut into passes of whole windows.
template <class T>
Index window_steps(const Sizes& sizes, const KernelTable<T>& kernels);

// One pass by any variant. The pass back takes the outputs for the states as they are stored; what y holds at masked
// steps is not read.
template <class T, class Stored>
void windowed_forward(const Variant<T>& variant, const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team,
                      const ForwardArrays<T, Stored>& arrays, const ValidSteps& valid, MaskedOutput masked_output);
template <class T, class Stored>
void windowed_backward(const Variant<T>& variant, const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team,
                       const BackwardArrays<T, Stored>& arrays, const ValidSteps& valid, MaskedOutput masked_output);

}  // namespace rnnfast
