// Variant `stepwise`: a kernel for each step, in two ways.
//
// stepwise_forward and stepwise_backward make the product themselves. Their arguments lie in the memory of the GPU, so
// that a CUDA graph of all steps can be launched again for other arrays. finish_forward and finish_backward take it
// from `product`, where cuBLAS put it.
#include "gradient.cuh"
#include "state.cuh"
#include "weight_tile.cuh"

constexpr int kLanes = 32, kRows = 8;
static_assert(kRows * kUnits == kLanes, "a lane finishes one element");

// Where the arguments are that the kernels below read.
template <class A>
__global__ void set_arguments(A given, A* arguments) {
    *arguments = given;
}

// A warp has kRows sequences and kUnits units; its lanes share the depth, and then each has one element.
struct WarpTile {
    __device__ WarpTile()
        : lane(threadIdx.x % kLanes),
          first_row(blockIdx.x * kRows),
          first_unit((blockIdx.y * (blockDim.x / kLanes) + threadIdx.x / kLanes) * kUnits) {}

    __device__ int row() const { return first_row + lane / kUnits; }
    __device__ int unit() const { return first_unit + lane % kUnits; }
    __device__ bool exists(int batch, int hidden_size) const {
        return inside(row(), batch) && inside(unit(), hidden_size);
    }

    // This lane's element of states (B, H) times the transpose of weights (H, H).
    template <class T>
    __device__ T product(const T* states, const T* weights, int batch, int hidden_size) const {
        T sums[kRows * kUnits] = {};
#pragma unroll 2
        for (int d = lane; d < hidden_size; d += kLanes) {
            T w[kUnits];
#pragma unroll
            for (int u = 0; u < kUnits; ++u)
                w[u] = inside(first_unit + u, hidden_size) ? weights[Index(first_unit + u) * hidden_size + d] : 0;
#pragma unroll
            for (int r = 0; r < kRows; ++r) {
                const T s = inside(first_row + r, batch) ? states[Index(first_row + r) * hidden_size + d] : 0;
#pragma unroll
                for (int u = 0; u < kUnits; ++u) sums[r * kUnits + u] += s * w[u];
            }
        }
        reduce_scatter<kLanes, kRows * kUnits>(sums, lane);
        return sums[0];
    }

    const int lane, first_row, first_unit;
};

template <class T>
__global__ void __launch_bounds__(256, 1) stepwise_forward(const ForwardArguments<T>* arguments, int step) {
    const ForwardArguments<T> a = *arguments;
    const WarpTile tile;
    const T* const before = a.exchange + step % 2 * Index(a.batch) * a.hidden_size;
    const T product = tile.product(before, a.w_hh, a.batch, a.hidden_size);
    if (tile.exists(a.batch, a.hidden_size)) advance(a, Pointwise<T>(a), step, tile.row(), tile.unit(), product);
}

// Of the step -1 what is left is dh_0.
template <class T>
__global__ void __launch_bounds__(256, 1) stepwise_backward(const BackwardArguments<T>* arguments, int step) {
    const BackwardArguments<T> a = *arguments;
    const WarpTile tile;
    T product = 0;
    if (step + 1 < a.seq_len) {
        const T* const following = a.da + time_of(a, step + 1) * Index(a.batch) * a.hidden_size;
        product = tile.product(following, a.w_hh, a.batch, a.hidden_size);
    }
    if (tile.exists(a.batch, a.hidden_size)) retreat(a, Pointwise<T>(a), step, tile.row(), tile.unit(), product);
}

// The element of a (B, H) array that a thread has; it may lie beyond the last.
__device__ inline Index element() { return Index(blockIdx.x) * blockDim.x + threadIdx.x; }

template <class T>
__global__ void finish_forward(ForwardArguments<T> a, int step) {
    const Index i = element();
    if (!inside(i, Index(a.batch) * a.hidden_size)) return;
    advance(a, Pointwise<T>(a), step, i / a.hidden_size, i % a.hidden_size, a.product[i]);
}

template <class T>
__global__ void finish_backward(BackwardArguments<T> a, int step) {
    const Index i = element();
    if (!inside(i, Index(a.batch) * a.hidden_size)) return;
    retreat(a, Pointwise<T>(a), step, i / a.hidden_size, i % a.hidden_size, a.product[i]);
}
