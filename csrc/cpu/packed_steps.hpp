// The valid steps of a window of steps, copied to arrays of their own: those of each sequence follow one another, the
// sequences sorted by how many they have (steps.hpp). The loops then work on rows that are all valid, so that a masked
// step costs no arithmetic and what its inputs hold is never read; and on rows of T, however the problem stores them.
#pragma once

#include <vector>

#include "recurrence.hpp"
#include "storage.hpp"

namespace rnnfast {

// Which steps are valid, at most one pointer given: all of them, those before a length, or those marked.
struct ValidSteps {
    const int64_t* lengths;  // (B,) in 0..T
    const bool* mask;        // (T, B)

    explicit operator bool() const { return lengths || mask; }
    bool operator()(Index t, Index row, Index batch) const {
        return lengths ? t < lengths[row] : !mask || mask[t * batch + row];
    }
};

template <class T>
void copy_or_zero(const T* from, Index count, T* to) {
    from ? std::copy_n(from, count, to) : std::fill_n(to, count, T(0));
}

// The valid ones of the steps [begin, end) of a pass. Where all of the pass are, their rows stay in their order.
class PackedSteps {
   public:
    PackedSteps(const Steps& all, const ValidSteps& valid, Index begin, Index end);

    Index rows() const { return whole() ? count_ * batch_ : offsets_.back(); }
    // The sequences that have valid steps, and which one of the pass each of them is.
    Index batch() const { return batch_; }
    Index sequence(Index i) const { return sequences_[i]; }
    // `position` as in Steps.
    Steps steps(const int64_t* position) const {
        return {count_, batch_, whole() && stride_ < 0, whole() ? nullptr : offsets_.data(), position};
    }

    // The arrays below are those of the window, (steps, B, n) by time, or (B, n); packed, n elements a row too. Each is
    // one of `parts` parts of the work.

    // to := the valid rows of `from`; with `hold` each takes those of the masked steps that hold its state, too.
    template <class T, class Stored, class Computed>
    void pack(const KernelTable<T>& kernels, const Stored* from, Index n, Computed* to, bool hold, Index parts,
              Index part) const {
        if (whole())
            return for_elements(n, parts, part, [&](Index i, Index m) { widen(kernels, from + i, m, to + i); });
        for_rows(parts, part, [&](Index row, Index step, Index sequence) {
            widen(kernels, from + source_[row] * n, n, to + row * n);
            if (hold)
                held_rows(step, sequence, [&](Index held) { add_row(kernels, from + held * n, n, to + row * n); });
        });
    }

    // to := packed rows; those of masked steps are 0, or with `hold` the row that they hold: a packed one, or before
    // the first valid step that of `initial` (B, n), where null stands for zeros.
    template <class T, class Stored>
    void unpack(const KernelTable<T>& kernels, const T* from, Index n, Stored* to, bool hold, const T* initial,
                Index parts, Index part) const {
        if (whole())
            return for_elements(n, parts, part, [&](Index i, Index m) { narrow(kernels, from + i, m, to + i); });
        const auto fill = [&](const T* held, Index row) {
            held ? narrow(kernels, held, n, to + row * n) : void(std::fill_n(to + row * n, n, Stored{}));
        };
        for_rows(parts, part, [&](Index row, Index step, Index sequence) {
            narrow(kernels, from + row * n, n, to + source_[row] * n);
            held_rows(step, sequence, [&](Index held) { fill(hold ? from + row * n : nullptr, held); });
        });
        const Range leading(all_, parts, part);
        for (Index sequence = leading.begin; sequence < leading.end; ++sequence) {
            const T* state = hold && initial ? initial + sequences_[sequence] * n : nullptr;
            held_rows(-1, sequence, [&](Index held) { fill(state, held); });
        }
    }

    // to (B, n) += the rows of `from` that hold the state from before the window.
    template <class T, class Stored>
    void add_leading(const KernelTable<T>& kernels, const Stored* from, Index n, T* to) const {
        for (Index sequence = 0; sequence < all_ && !whole(); ++sequence)
            held_rows(-1, sequence,
                      [&](Index held) { add_row(kernels, from + held * n, n, to + sequences_[sequence] * n); });
    }

    // The sequences that have valid steps, of (B, n).
    template <class T>
    void pack_sequences(const T* from, Index n, T* to) const {
        for (Index i = 0; i < batch_; ++i) std::copy_n(from + sequences_[i] * n, n, to + i * n);
    }
    template <class T>
    void unpack_sequences(const T* from, Index n, T* to) const {
        for (Index i = 0; i < batch_; ++i) std::copy_n(from + i * n, n, to + sequences_[i] * n);
    }

   private:
    bool whole() const { return offsets_.empty(); }

    // Calls f(first element, elements) for a part of rows that stay as they are.
    template <class F>
    void for_elements(Index n, Index parts, Index part, F&& f) const {
        const Range range(rows(), parts, part);
        f(range.begin * n, range.size() * n);
    }

    // Calls f(row, step, sequence) for a part of the packed rows.
    template <class F>
    void for_rows(Index parts, Index part, F&& f) const {
        const Range range(rows(), parts, part);
        if (range.size() == 0) return;
        Index step = steps(nullptr).step_of(range.begin), sequence = range.begin - offsets_[step];
        for (Index row = range.begin; row < range.end; ++row) {
            f(row, step, sequence);
            if (++sequence == offsets_[step + 1] - offsets_[step]) sequence = 0, ++step;
        }
    }

    // Calls f(row) for the masked rows of a sequence after a packed step (-1: from its beginning) up to the next.
    template <class F>
    void held_rows(Index step, Index sequence, F&& f) const {
        const Index begin = step < 0 ? start_ + sequences_[sequence] : source_[offsets_[step] + sequence] + stride_;
        const bool more = step + 1 < count_ && sequence < offsets_[step + 2] - offsets_[step + 1];
        const Index next = more ? source_[offsets_[step + 1] + sequence] : -1;
        for (Index row = begin; row != next && 0 <= row && row < steps_ * all_; row += stride_) f(row);
    }

    // to (n,) += from
    template <class T, class Stored, class Computed>
    static void add_row(const KernelTable<T>& kernels, const Stored* from, Index n, Computed* to) {
        const Computed* row = widened<Computed>(kernels, from, n);
        for (Index j = 0; j < n; ++j) to[j] += row[j];
    }

    const Index steps_, all_;       // steps and sequences of the window
    const Index stride_, start_;    // of its rows: from step to step, and where the first step begins
    Index count_ = 0, batch_ = 0;   // packed steps; sequences that have any
    std::vector<Index> sequences_;  // (B,), sorted
    std::vector<Index> offsets_;    // (count + 1,); empty: each step has all rows of the window
    std::vector<Index> source_;     // (rows,): rows of the window's arrays
};

// Where the arrays (T, B, n) of some steps [begin, end) begin, in rows.
inline Index first_row(const Steps& all, Index begin, Index end) {
    return (all.reverse ? all.count - end : begin) * all.batch;
}

}  // namespace rnnfast
