// The options of the cell, in the steps of a forward pass: equations (1') and (2') of cell_options.hpp. Without them
// each of these is a branch a step.
#pragma once

#include "product.hpp"
#include "recurrence.hpp"

namespace rnnfast {

template <class T>
class CellForward {
   public:
    CellForward(Arena& arena, const Sizes& s, const CellOptions<T>& options)
        : o_(options),
          hidden_size_(s.hidden_size),
          entering_(arena.take<T>(options.recurrent_mask ? s.batch * s.hidden_size : 0)) {}

    // Whether b is added after the normalisation, and not by the input projection.
    bool adds_bias() const { return o_.gain; }

    // m * h_{t-1} of some sequences, from h_{t-1}.
    Rows<const T> entering(Rows<const T> previous, Range sequences) const {
        if (!o_.recurrent_mask || previous.row == 0) return previous;  // repeated: zeros
        const Index begin = sequences.begin * hidden_size_, count = sequences.size() * hidden_size_;
        const T* mask = o_.recurrent_mask + begin;
        T* masked = entering_ + begin;
        for (Index j = 0; j < count; ++j) masked[j] = mask[j] * previous.data[j];
        return {masked, 0, hidden_size_};
    }

    // a_t from s_t, in place.
    void normalise(const KernelTable<T>& kernels, const T* b, Index rows, T* s) const {
        if (!o_.gain) return;
        kernels.normalise(o_.epsilon, rows, hidden_size_, s, nullptr);
        for (Index row = 0; row < rows; ++row, s += hidden_size_)
            for (Index j = 0; j < hidden_size_; ++j) s[j] = o_.gain[j] * s[j] + b[j];
    }

    // h_t from f(a_t), in place; `first` is its row of the pass's arrays.
    void zone_out(Rows<const T> previous, Index first, Index rows, T* h) const {
        if (!o_.zoneout_mask && o_.zoneout_rate == 0) return;
        const bool* mask = o_.zoneout_mask ? o_.zoneout_mask + first * hidden_size_ : nullptr;
        const T kept = o_.zoneout_rate, fresh = 1 - kept;
        for (Index row = 0; row < rows; ++row, h += hidden_size_, previous.data += previous.row) {
            if (mask) {
                for (Index j = 0; j < hidden_size_; ++j) {
                    const T before = previous.data[j], now = h[j];
                    h[j] = holds<T>(mask, j) ? before : now;
                }
                mask += hidden_size_;
            } else {
                for (Index j = 0; j < hidden_size_; ++j) h[j] = kept * previous.data[j] + fresh * h[j];
            }
        }
    }

   private:
    const CellOptions<T>& o_;
    const Index hidden_size_;
    T* entering_;  // (B, H)
};

}  // namespace rnnfast
