// Operations on the rows of a table of which a batch touches a few. Legend: V rows in the table, E elements in a row, R
// rows touched, N values before those of one row are summed. The lazily exact updates and their equations:
// rnnfast/rows.py.
#pragma once

#include "contract.hpp"

namespace rnnfast {

// Sums the values (N, E) that belong to one row, in their order. rows (N,) and sums (N, E) take the result, of which
// the first R, in the order in which rows first occur; R is returned. Id is int32_t or int64_t.
template <class T, class Id>
Index combine_rows(const Id* ids, const T* values, Index n, Index e, int64_t* rows, T* sums);

// A table and its state; a pointer marked optional is null where the options have no use for it.
template <class T>
struct RowTable {
    Index e;
    T* weights;          // (V, E)
    T* accumulator;      // (V, E), RMSprop only
    T* mean_gradient;    // (V, E), optional
    T* velocity;         // (V, E), optional
    int64_t* last_step;  // (V,): the step up to which a row is current
};

struct RmspropOptions {
    int64_t step;
    double learning_rate, rho, momentum, epsilon;
    bool epsilon_inside;
};

struct SgdOptions {
    int64_t step;
    double learning_rate, momentum;
    bool nesterov;
};

// One step of `count` distinct rows with the gradients sums (count, E).
template <class T>
void rmsprop_rows(const RowTable<T>& table, const int64_t* rows, Index count, const T* sums, const RmspropOptions& o);
template <class T>
void sgd_rows(const RowTable<T>& table, const int64_t* rows, Index count, const T* sums, const SgdOptions& o);

}  // namespace rnnfast
