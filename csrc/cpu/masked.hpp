// Masked steps: of a window of steps, the valid ones of each sequence follow one another in arrays of their own, the
// sequences sorted by how many they have (steps.hpp). The loops then work on rows that are all valid, so that a masked
// step costs no arithmetic and what its inputs hold is never read.
#pragma once

#include <vector>

#include "recurrence.hpp"
#include "variants.hpp"

namespace rnnfast {

// Which steps are valid, at most one pointer given: all of them, those before a length, or those marked.
struct ValidSteps {
    const int64_t* lengths;  // (B,) in 0..T
    const bool* mask;        // (T, B)

    explicit operator bool() const { return lengths || mask; }
    bool operator()(Index t, Index row, Index batch) const {
        return lengths ? t < lengths[row] : mask[t * batch + row];
    }
};

// What the output of a masked step is: 0, or the state that it holds.
enum class MaskedOutput { kZero, kHold };

// The valid ones of the steps [begin, end) of a pass.
class PackedSteps {
   public:
    PackedSteps(const Steps& all, const ValidSteps& valid, Index begin, Index end);

    Index rows() const { return offsets_.back(); }
    // The sequences that have valid steps, and which one of the pass each of them is.
    Index batch() const { return batch_; }
    Index sequence(Index i) const { return sequences_[i]; }
    // `position` as in Steps.
    Steps steps(const int64_t* position) const { return {count_, batch_, false, offsets_.data(), position}; }

    // The arrays below are those of the window, (steps, B, n) by time, or (B, n); packed, n elements a row too. Each is
    // one of `parts` parts of the work.

    // to := the valid rows of `from`; with `hold` each takes those of the masked steps that hold its state, too.
    template <class T>
    void pack(const T* from, Index n, T* to, bool hold, Index parts, Index part) const;
    // to := packed rows; those of masked steps are 0, or with `hold` the row that they hold: a packed one, or before
    // the first valid step that of `initial` (B, n), where null stands for zeros.
    template <class T>
    void unpack(const T* from, Index n, T* to, bool hold, const T* initial, Index parts, Index part) const;
    // to (B, n) += the rows of `from` that hold the state from before the window.
    template <class T>
    void add_leading(const T* from, Index n, T* to) const;

    // The sequences that have valid steps, of (B, n).
    template <class T>
    void pack_sequences(const T* from, Index n, T* to) const;
    template <class T>
    void unpack_sequences(const T* from, Index n, T* to) const;

   private:
    // Calls f(row, step, sequence) for a part of the packed rows.
    template <class F>
    void for_rows(Index parts, Index part, F&& f) const;
    // Calls f(row) for the masked rows of a sequence after a packed step (-1: from its beginning) up to the next.
    template <class F>
    void held_rows(Index step, Index sequence, F&& f) const;

    const Index steps_, all_;       // steps and sequences of the window
    const Index stride_, start_;    // of its rows: from step to step, and where the first step begins
    Index count_ = 0, batch_ = 0;   // packed steps; sequences that have any
    std::vector<Index> sequences_;  // (B,), sorted
    std::vector<Index> offsets_;    // (count + 1,)
    std::vector<Index> source_;     // (rows,): rows of the window's arrays
};

// The most steps in a window. Windows are counted off from the last step on, and the weights' gradients are added up by
// them, so that they have the same bits however the steps of a problem are cut into passes of whole windows.
template <class T>
Index window_steps(const Sizes& sizes, const KernelTable<T>& kernels);

// One pass with masked steps, by any variant, over arrays as without. What y holds at masked steps is not read.
template <class T>
void masked_forward(const Variant<T>& variant, const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team,
                    const ForwardArrays<T>& arrays, const ValidSteps& valid, MaskedOutput masked_output);
template <class T>
void masked_backward(const Variant<T>& variant, const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team,
                     const BackwardArrays<T>& arrays, const ValidSteps& valid, MaskedOutput masked_output);

}  // namespace rnnfast
