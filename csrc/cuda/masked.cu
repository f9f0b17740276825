// Masked steps, for every variant: which they are, and copies of arrays without what those hold at such steps.
#include "arguments.cuh"

// position (T, B) := the valid steps of the sequence before this one in the order of processing, or -1 where it is
// masked: at or past its length (B,), or where the mask (T, B) is 0; one of the two is null. A thread has a sequence.
__global__ void number_steps(const int* lengths, const unsigned char* mask, int seq_len, int batch, int reverse,
                             int* position) {
    const int row = blockIdx.x * blockDim.x + threadIdx.x;
    if (!inside(row, batch)) return;
    for (int step = 0, count = 0; step < seq_len; ++step) {
        const int t = reverse ? seq_len - 1 - step : step;
        const bool valid = lengths ? t < lengths[row] : mask[Index(t) * batch + row] != 0;
        position[Index(t) * batch + row] = valid ? count++ : -1;
    }
}

// to (T, B, n) := from, and 0 at masked steps. A thread has an element.
template <class T>
__global__ void clear_masked(const T* from, const int* position, Index rows, int n, T* to) {
    const Index i = Index(blockIdx.x) * blockDim.x + threadIdx.x;
    if (!inside(i, rows * n)) return;
    to[i] = position[i / n] < 0 ? 0 : from[i];
}

// previous (T, B, H) := h_{t-1} of every step: the last valid y before it, or h0 (B, H), which may be null for zeros.
// A thread has one hidden unit of one sequence.
template <class T>
__global__ void hold_states(const T* y, const T* h0, const int* position, int seq_len, int batch, int hidden_size,
                            int reverse, T* previous) {
    const Index i = Index(blockIdx.x) * blockDim.x + threadIdx.x, count = Index(batch) * hidden_size;
    if (!inside(i, count)) return;
    T state = h0 ? h0[i] : 0;
    for (int step = 0; step < seq_len; ++step) {
        const int t = reverse ? seq_len - 1 - step : step;
        previous[t * count + i] = state;
        if (position[Index(t) * batch + i / hidden_size] >= 0) state = y[t * count + i];
    }
}
