// What the kernels are launched with. The backend makes the same structs in Python from this very text: a field is a T,
// an int or a pointer, one a line.
//
// Arrays are C-contiguous and on the GPU, and overlap nothing else here. T steps, B sequences, H hidden units; "step"
// counts in the order of processing, t in the order of the arrays.
#pragma once

typedef long long Index;

template <class T>
struct ForwardArguments {
    T* y;                 // (T, B, H): x_t W_ih^T comes in, h_t goes out
    const T* w_hh;        // (H, H)
    const T* b;           // (H,)
    T* state;             // (B, H), block: h0 comes in, h_n goes out
    const T* product;     // (B, H), stepwise with cuBLAS: h_{t-1} W_hh^T
    T* exchange;          // (2, B, H), stepwise and persistent: h_{t-1} and h_t, taking turns; h0 in the first half
    unsigned* arrived;    // (batch tiles,), persistent: zeros
    const int* position;  // (T, B): valid steps before this one, -1 where it is masked; null: none is masked
    int seq_len;
    int batch;
    int hidden_size;
    int reverse;        // whether the last step is processed first
    int hold;           // whether y repeats the state at masked steps, in place of 0
    int rows_per_tile;  // persistent: sequences of a batch tile
    int groups;         // persistent: groups of units of a block
    int activation;     // an Activation
    T alpha;
    T beta;
    T clip;  // above 0, or 0: nothing is clamped
};

template <class T>
struct BackwardArguments {
    const T* dy;          // (T, B, H); null: zeros
    const T* y;           // (T, B, H); not read at masked steps
    const T* w_hh;        // (H, H); stepwise: its transpose
    T* da;                // (T, B, H): goes out, 0 at masked steps
    T* carry;             // (B, H): dh_n comes in, dh_0 goes out
    const T* product;     // (B, H), stepwise with cuBLAS: da_{t+1} W_hh
    unsigned* arrived;    // (batch tiles,), persistent: zeros
    const int* position;  // as above
    int seq_len;
    int batch;
    int hidden_size;
    int reverse;
    int hold;
    int bptt_steps;  // the gradient is cut before every so many valid steps; 0: nowhere
    int rows_per_tile;
    int groups;
    int activation;
    T alpha;
    T beta;
    T clip;
};

// Whether an index lies inside an array, a tile or a sequence of so many.
__device__ inline bool inside(Index i, Index count) { return i < count; }

// The time of a step.
template <class A>
__device__ inline int time_of(const A& a, int step) {
    return a.reverse ? a.seq_len - 1 - step : step;
}

// The valid steps of a sequence before that time, or -1 where it is masked.
template <class A>
__device__ inline int position_at(const A& a, int t, int row) {
    return a.position ? a.position[Index(t) * a.batch + row] : a.reverse ? a.seq_len - 1 - t : t;
}

// Whether the gradient is cut between a step at that position and the one before it.
template <class A>
__device__ inline bool cut(const A& a, int position) {
    return a.bptt_steps && position > 0 && position % a.bptt_steps == 0;
}
