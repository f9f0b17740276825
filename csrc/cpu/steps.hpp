// The steps that one pass goes through, and which rows of its arrays each of them works on.
//
// Where some steps of some sequences are masked, the loops never see them: the valid steps of each sequence follow one
// another, and the sequences are sorted by how many they have, longest first (packed_steps.hpp). So a step works on the
// first so many sequences, the step before it had at least as many, and h_{t-1} of a row is the same row of that step.
#pragma once

#include <algorithm>

#include "contract.hpp"

namespace rnnfast {

// [begin, end), or one of `parts` ranges that [0, count) is cut into, as even as they can be.
struct Range {
    Index begin, end;
    Range(Index begin, Index end) : begin(begin), end(end) {}
    Range(Index count, Index parts, Index part) : begin(count * part / parts), end(count * (part + 1) / parts) {}
    Index size() const { return end - begin; }
};

struct Steps {
    Index count;              // steps, at least 1
    Index batch;              // sequences: the rows of the first step
    bool reverse;             // the arrays hold the steps from the last to the first
    const Index* offsets;     // (count + 1,): the rows of all steps before each; null: each has `batch` rows
    const int64_t* position;  // (batch,): the steps of each sequence that came before these; null: none

    // The rows of the steps before this one, in the order of processing.
    Index before(Index step) const { return offsets ? offsets[step] : step * batch; }
    Index rows(Index step) const { return offsets ? offsets[step + 1] - offsets[step] : batch; }
    // The row of the arrays at which those of a step begin; with `reverse` all steps have as many.
    Index first(Index step) const { return reverse ? (count - 1 - step) * batch : before(step); }
    // The step of a row that so many come before.
    Index step_of(Index row) const {
        return offsets ? std::upper_bound(offsets, offsets + count, row) - offsets - 1 : row / batch;
    }
    // Those of some sequences that a step has, and those of which it is the last step.
    Range active(Index step, Range sequences) const {
        return {sequences.begin, std::max(sequences.begin, std::min(sequences.end, rows(step)))};
    }
    Range ending(Index step, Range sequences) const {
        const Range all = active(step, sequences);
        return step + 1 == count ? all : Range(active(step + 1, sequences).end, all.end);
    }

    // One of `parts` ranges of the sequences, with about as many rows each in the steps [begin, end).
    Range share(Index begin, Index end, Index parts, Index part) const {
        if (!offsets) return Range(batch, parts, part);
        const Index all = before(end) - before(begin);
        Index sequence = 0, rows_before = 0, steps = end - begin;
        const auto boundary = [&](Index at) {
            for (; sequence < rows(begin) && rows_before < all * at / parts; ++sequence) {
                while (rows(begin + steps - 1) <= sequence) --steps;
                rows_before += steps;
            }
            return sequence;
        };
        const Index first = boundary(part);
        return {first, part + 1 == parts ? rows(begin) : boundary(part + 1)};
    }

    // Whether the gradient is cut between this step of a sequence and the one before it.
    bool cut(Index step, Index sequence, Index bptt_steps) const {
        const Index at = step + (position ? position[sequence] : 0);
        return bptt_steps && at > 0 && at % bptt_steps == 0;
    }
    // Whether it is for all sequences.
    bool cut(Index step, Index bptt_steps) const { return !position && cut(step, 0, bptt_steps); }
};

// h_n := the last state of each of some sequences, from y by rows.
template <class T>
void copy_last_states(const Steps& steps, Range sequences, const T* y, Index hidden_size, T* h_n) {
    Index step = steps.count - 1;
    for (Index row = sequences.begin; row < sequences.end; ++row) {
        while (steps.rows(step) <= row) --step;
        std::copy_n(y + (steps.first(step) + row) * hidden_size, hidden_size, h_n + row * hidden_size);
    }
}

}  // namespace rnnfast
