// A step of the pass forward, for the variants that hand states on in `exchange`: those before a step with an even
// number are in its first half.
#pragma once

#include "pointwise.cuh"

// h_t = f(x_t W_ih^T + h_{t-1} W_hh^T + b), from the product h_{t-1} W_hh^T; a masked step holds the state.
template <class T>
__device__ inline void advance(const ForwardArguments<T>& a, const Pointwise<T>& activation, int step, int row,
                               int unit, T product) {
    const Index count = Index(a.batch) * a.hidden_size, at = Index(row) * a.hidden_size + unit;
    const int t = time_of(a, step);
    T* const y = a.y + t * count + at;
    const bool valid = position_at(a, t, row) >= 0;
    const T before = valid ? 0 : __ldcg(a.exchange + step % 2 * count + at);
    const T state = valid ? activation.value(*y + product + a.b[unit]) : before;
    a.exchange[(step + 1) % 2 * count + at] = state;
    *y = valid || a.hold ? state : 0;
}
