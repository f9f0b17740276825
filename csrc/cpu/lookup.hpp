// The last states of sequences of ids, for inference: the input part of the pre-activations is looked up in a table.
#pragma once

#include "recurrence.hpp"

namespace rnnfast {

template <class T>
struct LookupArrays {
    const int64_t* ids;  // (B, T) in 0..V-1
    const T* table;   // (V, table_row), of which H are used: row v is what input v adds to a pre-activation, b included
    Index table_row;  // H, filled up to whole vectors
    const T* w_hh;    // (H, H)
    bool mask_zero;   // a step with id 0 holds the state
    T* h_n;           // (B, H), out
};

// Equations (1) and (2) with x_t W_ih^T + b = table[ids[t]] from a state of zeros; only h_n is kept.
template <class T>
void lookup_states(const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team, const LookupArrays<T>& arrays);

}  // namespace rnnfast
