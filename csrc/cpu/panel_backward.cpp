// The variant `panel`, backward: packed panels of W_hh, all hidden units of some sequences a thread.
#include "backward.hpp"
#include "cell_backward.hpp"
#include "recurrent_matrix.hpp"
#include "variants.hpp"

namespace rnnfast {

namespace {

template <class T>
class PanelRecurrence {
   public:
    PanelRecurrence(Arena& arena, const Sizes& s, const KernelTable<T>& kernels, const BackwardArrays<T>& arrays, int)
        : s_(s),
          kernels_(kernels),
          f_(s.activation, kernels),
          a_(arrays),
          steps_(arrays.steps),
          w_hh_(arena, s, kernels),
          zeros_(arena.take<T>(s.hidden_size)),
          carry_(arena.take<T>(s.batch * s.hidden_size)),
          cell_(arena, s, kernels, arrays, backward_chunk_steps(s, kernels) * s.batch, zeros_) {}

    Index da_row() const { return s_.hidden_size; }
    CellRows<T> cell_rows() const { return cell_.rows(); }
    Index packing_tasks() const { return w_hh_.packing_tasks() + cell_.packing_tasks(); }
    void pack(Index task) const {
        if (task >= w_hh_.packing_tasks()) return cell_.pack(task - w_hh_.packing_tasks());
        w_hh_.pack(a_.w_hh, task);
        if (task == 0) std::fill_n(zeros_, s_.hidden_size, T(0));
    }

    void run(Member& member, Index begin, Index end, T* da) const {
        cell_.start_chunk(member, begin, end);
        const Index blocks = member.team_size();
        member.share(blocks, [&](Index block) { run_block(begin, end, steps_.share(begin, end, blocks, block), da); });
    }

   private:
    void run_block(Index begin, Index end, Range sequences, T* da) const {
        for (Index step = end - 1; step >= begin; --step) {
            const Range rows = steps_.active(step, sequences);
            if (rows.size() == 0) continue;
            if (const Range ending = steps_.ending(step, sequences); ending.size()) start_carry(ending);
            const Index chunk_row = steps_.before(step) - steps_.before(begin) + rows.begin;
            T* da_step = da + chunk_row * s_.hidden_size;
            differentiate(step, rows, da_step);
            cell_.differentiate(rows, steps_.first(step) + rows.begin, chunk_row, carry(rows.begin), da_step);
            propagate(step, rows, da_step);
        }
        if (begin == 0)
            std::copy_n(carry(sequences.begin), sequences.size() * s_.hidden_size,
                        a_.dh0 + sequences.begin * s_.hidden_size);
    }

    T* carry(Index row) const { return carry_ + row * s_.hidden_size; }

    void start_carry(Range rows) const {
        const Index count = rows.size() * s_.hidden_size;
        a_.dh_n ? std::copy_n(a_.dh_n + rows.begin * s_.hidden_size, count, carry(rows.begin))
                : std::fill_n(carry(rows.begin), count, T(0));
    }

    // da := (dy_t + carry) * f'(y_t)
    void differentiate(Index step, Range rows, T* da) const {
        const Index at = (steps_.first(step) + rows.begin) * s_.hidden_size;
        f_.differentiate(a_.dy ? a_.dy + at : nullptr, carry(rows.begin), a_.y + at, da, rows.size() * s_.hidden_size);
    }

    // carry := da W_hh, and 0 where the gradient is cut
    void propagate(Index step, Range rows, const T* da) const {
        const Index h = s_.hidden_size;
        if (!steps_.cut(step, s_.bptt_steps)) {
            w_hh_.multiply(rows.size(), {da, 0, h}, {zeros_, 0, 0}, {carry(rows.begin), 0, h});
            cell_.propagate(rows, carry(rows.begin));
        }
        if (!s_.bptt_steps) return;
        for (Index row = rows.begin; row < rows.end; ++row)
            if (steps_.cut(step, row, s_.bptt_steps)) std::fill_n(carry(row), h, T(0));
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const Pointwise<T> f_;
    const BackwardArrays<T>& a_;
    const Steps& steps_;
    RecurrentMatrix<T> w_hh_;
    T* zeros_;  // (H,)
    T* carry_;  // (B, H): dL/dh_t that comes from the steps after it
    CellBackward<T> cell_;
};

}  // namespace

template <class T>
void panel_backward(const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team, const BackwardArrays<T>& arrays) {
    run_backward<T, PanelRecurrence<T>>(sizes, kernels, team, arrays);
}

template void panel_backward(const Sizes&, const KernelTable<float>&, TeamSize, const BackwardArrays<float>&);
template void panel_backward(const Sizes&, const KernelTable<double>&, TeamSize, const BackwardArrays<double>&);

}  // namespace rnnfast
