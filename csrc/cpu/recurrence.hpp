// What every variant is given: the sizes of the whole problem, by which it chooses how to work, and arrays of some of
// its steps. T is the number of those steps where every sequence has them all, and (T, B) stands for as many rows as
// they have where some have fewer: steps.hpp. Shapes and equations: contract.hpp. Arrays are C-contiguous and do not
// overlap, but for inputs, which may; the outputs need no initial value. A pointer marked optional may be null. What
// has a row for every step may be stored in 16 bits; the variants take it as T alone (windows.hpp).
#pragma once

#include "activation.hpp"
#include "cell_options.hpp"
#include "contract.hpp"
#include "steps.hpp"
#include "thread_pool.hpp"

namespace rnnfast {

struct Sizes {
    Index seq_len, batch, input_size, hidden_size;
    Activation activation;
    bool reverse;      // process from the last step to the first
    Index bptt_steps;  // the gradient does not cross a multiple of this many steps; 0: no such cut
    Index heads = 1;   // W_hh is block-diagonal with so many blocks; 1: dense, H: a diagonal

    // The time index that is processed as number `step`.
    Index time(Index step) const { return reverse ? seq_len - 1 - step : step; }
    // Of a block of W_hh, and whether these are single elements.
    Index head_size() const { return hidden_size / heads; }
    bool diagonal() const { return heads > 1 && heads == hidden_size; }
    // All of it in one pass.
    Steps steps() const { return {seq_len, batch, reverse, nullptr, nullptr}; }
};

// The rows of products over many steps: all steps of a lone sequence, which stand one after another; else the batch.
inline Index rows_at_once(const Sizes& s) { return s.batch == 1 ? s.seq_len : s.batch; }

template <class T, class Stored = T>
struct ForwardArrays {
    Steps steps;
    const Stored* x;  // (T, B, I)
    const T* w_ih;    // (H, I)
    const T* w_hh;    // (heads, H / heads, H / heads)
    const T* b;       // (H,)
    const T* h0;      // (B, H), optional: zeros
    Stored* y;        // (T, B, H), out
    T* h_n;           // (B, H), out
    CellOptions<T> cell{};
};

template <class T, class Stored = T>
struct BackwardArrays {
    Steps steps;
    const Stored* dy;  // (T, B, H), optional: zeros
    const Stored* x;   // (T, B, I)
    const Stored* y;   // (T, B, H), as forward wrote it
    const T* w_ih;     // (H, I)
    const T* w_hh;     // (heads, H / heads, H / heads)
    const T* h0;       // (B, H), optional: zeros
    const T* dh_n;     // (B, H), optional: zeros
    Stored* dx;        // (T, B, I), out, optional: not computed
    T* dw_ih;          // (H, I), out
    T* dw_hh;          // (heads, H / heads, H / heads), out
    T* db;             // (H,), out
    T* dh0;            // (B, H), out
    T* db_lost;        // (H,): what rounding took from db, in and out. Given, the weights' gradients are added to what
                       // their arrays hold; null: they need no initial value
    CellOptions<T> cell{};
    T* dgain = nullptr;           // (H,), out, where the cell has a gain
    T* dgain_lost = nullptr;      // (H,), as db_lost and with it
    bool dx_batch_first = false;  // dx is (B, T, I); where all sequences have all steps
};

// What the options of the cell put in the place of rows that are summed up for the weights' gradients, each (rows, H)
// in the order of processing, or null.
template <class T>
struct CellRows {
    const T* entering = nullptr;  // m * h_{t-1}, for dW_hh; null: h_{t-1}
    const T* da = nullptr;        // for db; null: as for the products
    const T* dgain = nullptr;     // for dgain; null: there is none
};

// Runs pass.run(member) on a team whose threads are ready for the kernels.
template <class T, class Pass>
void run_pass(TeamSize team, const KernelTable<T>& kernels, const Pass& pass) {
    run_team(team, [&](Member& member) {
        kernels.enter();
        pass.run(member);
        kernels.leave();
    });
}

// The threads, at most `most`, that one pass over such a problem is worth.
TeamSize team_size(const Sizes& sizes, int most);

}  // namespace rnnfast
