// The options of the cell, in a chunk of steps of the pass back: equations (4') to (6') of cell_options.hpp. The
// pre-activations s_t are not stored: from the outputs, which are known, they are computed again for a whole chunk, as
// products that the order of time does not bind. Without options each of these is a branch a step.
#pragma once

#include <algorithm>
#include <optional>

#include "recurrent_matrix.hpp"

namespace rnnfast {

template <class T>
class CellBackward {
   public:
    // `zeros` (H,) may be filled later.
    CellBackward(Arena& arena, const Sizes& s, const KernelTable<T>& kernels, const BackwardArrays<T>& arrays,
                 Index chunk_rows, const T* zeros)
        : s_(s), kernels_(kernels), a_(arrays), o_(arrays.cell), steps_(arrays.steps), zeros_(zeros) {
        const Index h = s.hidden_size;
        if (o_.recurrent_mask || o_.gain) entering_ = arena.take<T>(chunk_rows * h);
        if (o_.zoneout_mask) held_ = arena.take<T>(s.batch * h);
        if (!o_.gain) return;
        normalised_ = arena.take<T>(chunk_rows * h), da_ = arena.take<T>(chunk_rows * h);
        inverse_ = arena.take<T>(chunk_rows);
        w_ih_.emplace(arena, kernels, kernels.panel_width(chunk_rows, s.input_size), s.input_size, h);
        w_hh_.emplace(arena, s, kernels);
    }

    Index packing_tasks() const { return o_.gain ? w_ih_->panels.count + w_hh_->packing_tasks() : 0; }
    void pack(Index task) const {
        const Index ih_panels = w_ih_->panels.count;
        task < ih_panels ? w_ih_->pack_transposed(kernels_, a_.w_ih, task)
                         : w_hh_->pack_transposed(a_.w_hh, task - ih_panels);
    }

    // What the chunk of the steps [begin, end) needs before the recurrence.
    void start_chunk(Member& member, Index begin, Index end) const {
        if (!entering_) return;
        const PhaseTimer timer(Phase::kRecomputation);
        const Index parts = std::min<Index>(member.team_size(), end - begin);
        member.share(parts, [&](Index part) {
            const Range steps(end - begin, parts, part);
            recompute(begin, begin + steps.begin, begin + steps.end);
        });
    }

    // What follows da := (dy + carry) * f'(y) for some sequences of a step, whose rows are [first, ...) of the pass's
    // arrays and [chunk_row, ...) of the chunk: da becomes ds.
    void differentiate(Range sequences, Index first, Index chunk_row, const T* carry, T* da) const {
        const Index h = s_.hidden_size, count = sequences.size() * h;
        if (held_) {
            T* held = held_ + sequences.begin * h;
            std::copy_n(carry, count, held);
            if (const T* dy = a_.dy ? a_.dy + first * h : nullptr)
                for (Index j = 0; j < count; ++j) held[j] += dy[j];
            split(o_.zoneout_mask + first * h, count, held, da);
        }
        if (!o_.gain) return;
        std::copy_n(da, count, da_ + chunk_row * h);
        kernels_.normalise_gradient(o_.gain, inverse_ + chunk_row, sequences.size(), h, normalised_ + chunk_row * h,
                                    da);
    }

    // What follows carry := ds W_hh.
    void propagate(Range sequences, T* carry) const {
        const Index begin = sequences.begin * s_.hidden_size, count = sequences.size() * s_.hidden_size;
        if (const T* mask = o_.recurrent_mask ? o_.recurrent_mask + begin : nullptr)
            for (Index j = 0; j < count; ++j) carry[j] *= mask[j];
        if (const T* held = held_ ? held_ + begin : nullptr)
            for (Index j = 0; j < count; ++j) carry[j] += held[j];
    }

    CellRows<T> rows() const { return {entering_, da_, normalised_}; }

   private:
    // held := 0 where not z, da := 0 where z
    static void split(const bool* z, Index count, T* held, T* da) {
        for (Index j = 0; j < count; ++j) {
            const T dh = held[j], d = da[j];
            held[j] = holds<T>(z, j) ? dh : T(0);
            da[j] = holds<T>(z, j) ? T(0) : d;
        }
    }

    // Of the steps [begin, end) of a chunk: m * h_{t-1}, and n_t with its 1 / d_t.
    void recompute(Index chunk, Index begin, Index end) const {
        const Index h = s_.hidden_size, i = s_.input_size;
        const Index at = steps_.before(begin) - steps_.before(chunk), count = steps_.before(end) - steps_.before(begin);
        T* entering = entering_ + at * h;
        for (Index step = begin; step < end; entering += steps_.rows(step) * h, ++step)
            enter(step, steps_.rows(step) * h, entering);
        if (!o_.gain) return;
        const Index outer = steps_.reverse ? end - begin : 1, step_rows = steps_.reverse ? steps_.batch : 0;
        T* s = normalised_ + at * h;
        multiply<T>(kernels_, outer, count / outer, {a_.x + steps_.first(begin) * i, -step_rows * i, i}, *w_ih_,
                    {zeros_, 0, 0}, {s, step_rows * h, h});
        w_hh_->multiply(count, {entering_ + at * h, 0, h}, {s, 0, h}, {s, 0, h});
        kernels_.normalise(o_.epsilon, count, h, s, inverse_ + at);
    }

    void enter(Index step, Index count, T* entering) const {
        const T* previous = step ? a_.y + steps_.first(step - 1) * s_.hidden_size : a_.h0;
        if (!previous)
            std::fill_n(entering, count, T(0));
        else if (const T* mask = o_.recurrent_mask)
            for (Index j = 0; j < count; ++j) entering[j] = mask[j] * previous[j];
        else
            std::copy_n(previous, count, entering);
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const BackwardArrays<T>& a_;
    const CellOptions<T>& o_;
    const Steps& steps_;
    const T* zeros_;
    // As in the forward pass.
    std::optional<PackedMatrix<T>> w_ih_;
    std::optional<RecurrentMatrix<T>> w_hh_;
    // (chunk_rows, ...), the rows in the order of processing; null without the option that needs them
    T* entering_ = nullptr;    // H: m * h_{t-1}
    T* normalised_ = nullptr;  // H: n_t, then da_t * n_t
    T* da_ = nullptr;          // H
    T* inverse_ = nullptr;     // 1: 1 / d_t
    T* held_ = nullptr;        // (B, H): dh_t where z_t
};

}  // namespace rnnfast
