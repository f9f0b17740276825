// The variant `panel`, backward: packed panels of W_hh, all hidden units of some sequences a thread.
#include "backward.hpp"
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
          w_hh_(arena, kernels, kernels.panel_width(s.batch, s.hidden_size), s.hidden_size, s.hidden_size),
          zeros_(arena.take<T>(s.hidden_size)),
          carry_(arena.take<T>(s.batch * s.hidden_size)),
          product_(arena.take<T>(arrays.lengths ? s.batch * s.hidden_size : 0)) {}

    Index da_row() const { return s_.hidden_size; }
    Index packing_tasks() const { return w_hh_.panels.count; }
    void pack(Index task) const {
        w_hh_.pack(kernels_, a_.w_hh, task);
        if (task == 0) std::fill_n(zeros_, s_.hidden_size, T(0));
    }

    void run(Member& member, Index begin, Index end, T* da) const {
        const Index blocks = member.team_size();
        member.share(blocks, [&](Index block) { run_block(begin, end, Range(s_.batch, blocks, block), da); });
    }

   private:
    void run_block(Index begin, Index end, Range rows, T* da) const {
        if (end == s_.seq_len) start_carry(rows);
        for (Index step = end - 1; step >= begin; --step) {
            T* da_step = da + ((step - begin) * s_.batch + rows.begin) * s_.hidden_size;
            a_.lengths ? ragged_step(s_.time(step), rows, da_step) : plain_step(s_.time(step), rows, da_step);
        }
        if (begin == 0)
            std::copy_n(carry_ + at(0, rows.begin), rows.size() * s_.hidden_size, a_.dh0 + at(0, rows.begin));
    }

    void start_carry(Range rows) const {
        T* carry = carry_ + at(0, rows.begin);
        const Index count = rows.size() * s_.hidden_size;
        a_.dh_n ? std::copy_n(a_.dh_n + at(0, rows.begin), count, carry) : std::fill_n(carry, count, T(0));
    }

    Index at(Index t, Index row) const { return (t * s_.batch + row) * s_.hidden_size; }

    bool masked(Index t, Index row) const { return a_.lengths && t >= a_.lengths[row]; }

    // da := (dy_t + carry) * f'(y_t)
    void differentiate(Index t, Range rows, T* da) const {
        const T* dy = a_.dy ? a_.dy + at(t, rows.begin) : nullptr;
        f_.differentiate(dy, carry_ + at(0, rows.begin), a_.y + at(t, rows.begin), da, rows.size() * s_.hidden_size);
    }

    // product := da W_hh
    void propagate(Range rows, const T* da, T* product) const {
        multiply<T>(kernels_, 1, rows.size(), {da, 0, s_.hidden_size}, w_hh_, {zeros_, 0, 0},
                    {product + at(0, rows.begin), 0, s_.hidden_size});
    }

    void plain_step(Index t, Range rows, T* da) const {
        differentiate(t, rows, da);
        if (s_.cut(t, s_.seq_len))
            std::fill_n(carry_ + at(0, rows.begin), rows.size() * s_.hidden_size, T(0));
        else
            propagate(rows, da, carry_);
    }

    // A masked step hands the gradient of its state on as it is.
    void ragged_step(Index t, Range rows, T* da) const {
        differentiate(t, rows, da);
        for (Index row = rows.begin; row < rows.end; ++row)
            if (masked(t, row)) std::fill_n(da + (row - rows.begin) * s_.hidden_size, s_.hidden_size, T(0));
        propagate(rows, da, product_);
        for (Index row = rows.begin; row < rows.end; ++row) {
            T* carry = carry_ + at(0, row);
            if (masked(t, row)) continue;
            if (s_.cut(t, a_.lengths[row]))
                std::fill_n(carry, s_.hidden_size, T(0));
            else
                std::copy_n(product_ + at(0, row), s_.hidden_size, carry);
        }
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const Pointwise<T> f_;
    const BackwardArrays<T>& a_;
    PackedMatrix<T> w_hh_;
    T* zeros_;    // (H,)
    T* carry_;    // (B, H): dL/dh_t that comes from the steps after it
    T* product_;  // (B, H), with lengths only: da W_hh, before it is known which sequences take it
};

}  // namespace

template <class T>
void panel_backward(const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team, const BackwardArrays<T>& arrays) {
    run_backward<T, PanelRecurrence<T>>(sizes, kernels, team, arrays);
}

template void panel_backward(const Sizes&, const KernelTable<float>&, TeamSize, const BackwardArrays<float>&);
template void panel_backward(const Sizes&, const KernelTable<double>&, TeamSize, const BackwardArrays<double>&);

}  // namespace rnnfast
