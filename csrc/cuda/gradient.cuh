// A step of the pass back, for the variants that keep what a masked step carries on in `carry`.
#pragma once

#include "pointwise.cuh"

// What reaches the state after the steps before `step` from those that follow: da W_hh of that step where it is valid.
template <class T>
__device__ inline T carried(const BackwardArguments<T>& a, int step, int row, Index at, T product) {
    if (step == a.seq_len) return a.carry[at];
    const int position = position_at(a, time_of(a, step), row);
    return position < 0 ? a.carry[at] : cut(a, position) ? 0 : product;
}

// da_t = (dy_t + carry) * f'(a_t); a masked step carries on what reaches it.
template <class T>
__device__ inline T gradient(const BackwardArguments<T>& a, const Pointwise<T>& activation, int t, int row, Index at,
                             T carry) {
    const Index in_time = Index(t) * a.batch * a.hidden_size + at;
    const bool valid = position_at(a, t, row) >= 0;
    if (a.dy && (valid || a.hold)) carry += a.dy[in_time];
    if (!valid) a.carry[at] = carry;
    return valid ? carry * activation.derivative(a.y[in_time]) : 0;
}

// A step of one element, from the product da_{t+1} W_hh: da_t, or of the step -1 dh_0.
template <class T>
__device__ inline void retreat(const BackwardArguments<T>& a, const Pointwise<T>& activation, int step, int row,
                               int unit, T product) {
    const Index at = Index(row) * a.hidden_size + unit;
    const T carry = carried(a, step + 1, row, at, product);
    if (step < 0) {
        a.carry[at] = carry;
        return;
    }
    const int t = time_of(a, step);
    a.da[Index(t) * a.batch * a.hidden_size + at] = gradient(a, activation, t, row, at, carry);
}
