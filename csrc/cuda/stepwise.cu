// Variant `stepwise`: a step is one matrix product, by cuBLAS, and one of these kernels. A thread has one hidden unit
// of one sequence.
#include "gradient.cuh"

// The element of a (B, H) array that the thread has; it may lie beyond the last.
__device__ inline Index element() { return Index(blockIdx.x) * blockDim.x + threadIdx.x; }

// h_t = f(x_t W_ih^T + h_{t-1} W_hh^T + b), from y and product
template <class T>
__global__ void stepwise_forward(ForwardArguments<T> a, int step) {
    const Index i = element(), count = Index(a.batch) * a.hidden_size;
    if (!inside(i, count)) return;
    const int row = i / a.hidden_size, unit = i % a.hidden_size, t = time_of(a, step);
    T* const y = a.y + t * count + i;
    if (position_at(a, t, row) >= 0) {
        *y = a.state[i] = Pointwise<T>(a).value(*y + a.product[i] + a.b[unit]);
    } else {
        *y = a.hold ? a.state[i] : 0;
    }
}

// da_t = (dy_t + da_{t+1} W_hh) * f'(a_t), from product
template <class T>
__global__ void stepwise_backward(BackwardArguments<T> a, int step) {
    const Index i = element(), count = Index(a.batch) * a.hidden_size;
    if (!inside(i, count)) return;
    const int row = i / a.hidden_size, t = time_of(a, step);
    const T carry = carried(a, step + 1, row, i, a.product[i]);
    a.da[t * count + i] = gradient(a, Pointwise<T>(a), t, row, i, carry);
}

// dh_0 = da_1 W_hh, from product
template <class T>
__global__ void stepwise_initial(BackwardArguments<T> a) {
    const Index i = element();
    if (!inside(i, Index(a.batch) * a.hidden_size)) return;
    a.carry[i] = carried(a, 0, i / a.hidden_size, i, a.product[i]);
}
