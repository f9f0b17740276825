// The variant `tiles`: the strategy of `panel` or of `stationary`, for kernels whose products are of bfloat16 tiles.
#include "variants.hpp"

namespace rnnfast {

namespace {

// What a core's own cache holds of packed weights, beside what else it is used for.
constexpr Index kOwnCacheBytes = 1024 * 1024;

// Whether each thread has rows to make full use of every tile of weights that it reads, and room for all of them.
template <class T>
bool shares_batch(const Sizes& s, const KernelTable<T>& kernels, TeamSize team) {
    const Index rows = 2 * kernels.packing.row_unit;
    const Index weights = s.hidden_size * s.hidden_size * kernels.packing.len / kernels.vector_len * Index(sizeof(T));
    return team.threads == 1 || (s.batch >= team.threads * rows && weights <= kOwnCacheBytes);
}

}  // namespace

template <class T>
void tiles_forward(const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team, const ForwardArrays<T>& arrays) {
    const auto strategy = shares_batch(sizes, kernels, team) ? panel_forward<T> : stationary_forward<T>;
    strategy(sizes, kernels, team, arrays);
}

template <class T>
void tiles_backward(const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team, const BackwardArrays<T>& arrays) {
    const auto strategy = shares_batch(sizes, kernels, team) ? panel_backward<T> : stationary_backward<T>;
    strategy(sizes, kernels, team, arrays);
}

template void tiles_forward(const Sizes&, const KernelTable<float>&, TeamSize, const ForwardArrays<float>&);
template void tiles_forward(const Sizes&, const KernelTable<double>&, TeamSize, const ForwardArrays<double>&);
template void tiles_backward(const Sizes&, const KernelTable<float>&, TeamSize, const BackwardArrays<float>&);
template void tiles_backward(const Sizes&, const KernelTable<double>&, TeamSize, const BackwardArrays<double>&);

}  // namespace rnnfast
