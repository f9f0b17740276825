// The kernels without Python: a plain (Elman) recurrent layer forward and back through time, for float and double.
//
// T is seq_len, B batch, I input_size, H hidden_size. Every array is C-contiguous and aligned to its elements, by time
// first. Outputs need no initial value and overlap nothing; inputs may overlap each other. A pointer marked optional
// may be null. The equations, with f the activation:
//
//   h_t = f(x_t w_ih^T + (m * h_{t-1}) w_hh^T + b),  y_t = h_t,  h_n = the state after the last valid step
//
// m is the recurrent mask, ones if there is none.
// At a masked step the state is held: x is not read, and y is 0, or the state with `hold_masked`.
//
// Calls may come from any thread. Each runs on the caller and on threads that this library keeps, at most num_threads()
// in all; calls that come while those are at work for another do not wait, but run on their caller alone. Results have
// the same bits from run to run with the same layer on the same machine with the same number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rnnfast::cpu {

using Index = std::ptrdiff_t;

struct Layer {
    Index seq_len = 0, batch = 0, input_size = 0, hidden_size = 0;  // at least 1 each
    Index heads = 1;  // w_hh is block-diagonal with so many blocks, a divisor of hidden_size; 1: dense, H: a diagonal

    std::string activation = "tanh";  // one of activations()
    double alpha = 0, beta = 0;       // its numbers, where it has any, in the ranges of docs/semantics.md; no defaults
    double clip = 0;                  // pre-activations are clamped to [-clip, clip] first; 0: they are not

    bool reverse = false;         // from the last step to the first, each sequence within its own length
    Index bptt_steps = 0;         // the gradient does not cross a multiple of this many valid steps; 0: no such cut
    bool hold_masked = false;     // what y is at a masked step
    bool dx_batch_first = false;  // dx is (B, T, I); not where steps are masked

    // One of variants(), or "auto": stationary where several threads have fewer than two sequences each and there is no
    // recurrent mask, else panel; the Python package chooses by a fitted cost instead.
    std::string forward_variant = "auto", backward_variant = "auto";
    // Products of float in bfloat16 tiles, of each number in two parts ("high") or one ("medium"): the variant tiles
    // alone, on a processor that has them.
    std::string precision = "highest";
    std::string isa = "";  // an instruction set of this processor; "": the best, or the one that RNNFAST_ISA names
};

// At most one of them is given; neither: all steps are valid.
struct ValidSteps {
    const std::int64_t* lengths = nullptr;  // (B,), each in 0..T: valid are the steps before it
    const bool* mask = nullptr;             // (T, B): valid are those marked
};

template <class T>
struct Forward {
    const T* x = nullptr;     // (T, B, I)
    const T* w_ih = nullptr;  // (H, I)
    const T* w_hh = nullptr;  // (H, H); with heads (heads, H / heads, H / heads)
    const T* b = nullptr;     // (H,)
    const T* h0 = nullptr;    // (B, H), optional: zeros
    ValidSteps valid = {};
    const T* recurrent_mask = nullptr;  // m, (B, H), optional: ones; dropout has 0 and 1 / (1 - rate). For panel alone
    T* y = nullptr;                     // (T, B, H), out
    T* h_n = nullptr;                   // (B, H), out
};

template <class T>
struct Backward {
    const T* dy = nullptr;    // (T, B, H), optional: zeros; the gradient of a loss by y
    const T* x = nullptr;     // (T, B, I)
    const T* y = nullptr;     // (T, B, H), as forward wrote it
    const T* w_ih = nullptr;  // (H, I)
    const T* w_hh = nullptr;  // as in Forward
    const T* h0 = nullptr;    // (B, H), optional: zeros
    const T* dh_n = nullptr;  // (B, H), optional: zeros; the gradient by h_n
    ValidSteps valid = {};
    const T* recurrent_mask = nullptr;  // as in Forward
    T* dx = nullptr;                    // (T, B, I), out, optional: not computed
    T* dw_ih = nullptr;                 // (H, I), out
    T* dw_hh = nullptr;                 // as w_hh, out
    T* db = nullptr;                    // (H,), out
    T* dh0 = nullptr;                   // (B, H), out
};

// For T float and double. They throw std::invalid_argument, and write nothing, where a size, an option or a length is
// not as above, a pointer is null that must not be, or the variant does not take the layer; std::runtime_error where
// this processor lacks the instruction set or the precision.
template <class T>
void forward(const Layer& layer, const Forward<T>& arrays);
template <class T>
void backward(const Layer& layer, const Backward<T>& arrays);

std::vector<std::string> activations();
std::vector<std::string> variants();

// The most threads that a call may use: set_num_threads, else RNNFAST_NUM_THREADS, else OMP_NUM_THREADS, else the
// processors that this process may run on, or on Linux the quota of its control group where that is less.
int num_threads();
// At least 1, else std::invalid_argument; of more than 256 no more are used.
void set_num_threads(int threads);

}  // namespace rnnfast::cpu
