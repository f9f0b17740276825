// Back-propagation through time, for every variant: its recurrence runs from the last step to the first in chunks of
// steps; after each chunk, while the pre-activation gradients are in the cache, come the products that the order of
// time does not bind: dx, and the weight gradients.
//
// A Recurrence<T> is made from an arena, as a workspace's Buffers are, and has
//   Index da_row() const                                        elements between the rows of da, at least H
//   CellRows<T> cell_rows() const                               of the chunk that has run
//   Index packing_tasks() const;  void pack(Index task) const   what is packed once a call
//   void run(Member&, Index begin, Index end, T* da) const      da of the steps [begin, end), their rows in the order
//   of
//                                                               processing, each of da_row; with step 0, dh0 too
#pragma once

#include <algorithm>

#include "weight_gradients.hpp"

namespace rnnfast {

// What a chunk of inputs, outputs and gradients should take of the second-level cache, in bytes; but it has at least
// two blocks of rows, for the weight gradients are read and written once a chunk.
constexpr Index kBackwardChunkBytes = 256 * 1024;

template <class T>
Index backward_chunk_steps(const Sizes& s, const KernelTable<T>& kernels) {
    const Index row_bytes = (s.input_size + 2 * s.hidden_size) * Index(sizeof(T));
    const Index least = 2 * WeightGradients<T>::block_rows(kernels);
    const Index rows = std::max(least, kBackwardChunkBytes / row_bytes);
    return std::min((rows + s.batch - 1) / s.batch, s.seq_len);
}

template <class T, class Recurrence>
class Backward {
   public:
    Backward(Arena& arena, const Sizes& s, const KernelTable<T>& kernels, const BackwardArrays<T>& arrays, int threads)
        : s_(s),
          kernels_(kernels),
          a_(arrays),
          steps_(arrays.steps),
          chunk_rows_(backward_chunk_steps(s, kernels) * s.batch),
          recurrence_(arena, s, kernels, arrays, threads),
          w_ih_(arena, kernels, kernels.panel_width(chunk_rows_, s.hidden_size), s.hidden_size, s.input_size),
          zeros_(arena.take<T>(std::max(s.input_size, s.hidden_size))),
          da_(arena.take<T>(chunk_rows_ * recurrence_.da_row())),
          weight_gradients_(arena, s, kernels, arrays, chunk_rows_, threads, zeros_) {}

    void run(Member& member) const {
        pack(member);
        for (Index end = steps_.count, begin; end > 0; end = begin) {
            begin = chunk_begin(end);
            {
                const PhaseTimer timer(Phase::kBackwardRecurrence);
                recurrence_.run(member, begin, end, da_);
            }
            const PhaseTimer timer(Phase::kWeightGradients);
            const ChunkRows<T> rows(s_, a_, zeros_, begin, end, da_, recurrence_.da_row(), recurrence_.cell_rows());
            const Index parts = a_.dx ? std::min<Index>(member.team_size(), end - begin) : 0;
            typename WeightGradients<T>::Group group;
            member.share(parts + weight_gradients_.tasks(), [&](Index task) {
                if (task < parts)
                    input_gradient(begin, begin + (end - begin) * task / parts,
                                   begin + (end - begin) * (task + 1) / parts);
                else
                    weight_gradients_.add(rows, task - parts, member.id, group);
            });
        }
    }

    // The one who calls, before anyone runs.
    void start() const { std::fill_n(zeros_, std::max(s_.input_size, s_.hidden_size), T(0)); }

   private:
    void pack(Member& member) const {
        const PhaseTimer timer(Phase::kPacking);
        const Index ih_panels = w_ih_.panels.count;
        member.share(ih_panels + recurrence_.packing_tasks(), [&](Index task) {
            task < ih_panels ? w_ih_.pack(kernels_, a_.w_ih, task) : recurrence_.pack(task - ih_panels);
        });
    }

    // The first step of the chunk that ends there: as many steps as there is room for their rows.
    Index chunk_begin(Index end) const {
        Index begin = end - 1;
        while (begin > 0 && steps_.before(end) - steps_.before(begin - 1) <= chunk_rows_) --begin;
        return begin;
    }

    // dx_t := da_t W_ih for the steps [begin, end) of a chunk
    void input_gradient(Index chunk, Index begin, Index end) const {
        const PhaseTimer timer(Phase::kInputGradient);
        const Index da_row = recurrence_.da_row(), count = steps_.before(end) - steps_.before(begin);
        const bool by_step = steps_.reverse || a_.dx_batch_first;
        const Index outer = by_step ? end - begin : 1, step_rows = by_step ? steps_.batch : 0;
        multiply<T>(kernels_, outer, count / outer,
                    {da_ + (steps_.before(begin) - steps_.before(chunk)) * da_row, step_rows * da_row, da_row}, w_ih_,
                    {zeros_, 0, 0}, input_gradient_rows(begin));
    }

    // The rows of dx, from a step on.
    Rows<T> input_gradient_rows(Index step) const {
        const Index i = s_.input_size, first = steps_.first(step), sign = steps_.reverse ? -1 : 1;
        if (a_.dx_batch_first) return {a_.dx + first / steps_.batch * i, sign * i, steps_.count * i};
        return {a_.dx + first * i, sign * steps_.batch * i, i};
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const BackwardArrays<T>& a_;
    const Steps& steps_;
    const Index chunk_rows_;  // the most in a chunk
    Recurrence recurrence_;
    PackedMatrix<T> w_ih_;
    T* zeros_;  // (max(I, H),)
    T* da_;     // (chunk_rows, da_row)
    WeightGradients<T> weight_gradients_;
};

template <class T, class Recurrence>
void run_backward(const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team, const BackwardArrays<T>& arrays) {
    using Pass = Backward<T, Recurrence>;
    Workspace workspace(bytes_of<Pass>(sizes, kernels, arrays, team.threads));
    Arena arena(workspace.memory());
    const Pass backward(arena, sizes, kernels, arrays, team.threads);
    backward.start();
    run_pass(team, kernels, backward);
}

}  // namespace rnnfast
