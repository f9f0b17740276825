// The variant `stationary`, backward.
#include "backward.hpp"
#include "stationary.hpp"
#include "variants.hpp"

namespace rnnfast {

namespace {

template <class T>
class StationaryRecurrence {
   public:
    StationaryRecurrence(Arena& arena, const Sizes& s, const KernelTable<T>& kernels, const BackwardArrays<T>& arrays,
                         int threads)
        : s_(s),
          kernels_(kernels),
          f_(s.activation, kernels),
          a_(arrays),
          w_hh_(arena, kernels, kernels.panel_width(s.batch, s.hidden_size), s.hidden_size, s.hidden_size, threads),
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
        const Index count = s_.batch * s_.hidden_size;
        member.together([&](Party& party) {
            const Share share(w_hh_.panels, party);
            if (end == s_.seq_len) start_carry(share);
            for (Index step = end - 1; step >= begin; --step) {
                T* da_step = da + (step - begin) * count;
                differentiate(s_.time(step), share, da_step);
                party.meet();
                if (share.empty()) continue;
                a_.lengths ? ragged_step(s_.time(step), share, da_step) : plain_step(s_.time(step), share, da_step);
            }
            if (begin == 0) copy_rows(carry_, share, a_.dh0);
        });
    }

   private:
    void copy_rows(const T* from, const Share& share, T* to) const {
        for (Index row = 0; row < s_.batch; ++row)
            std::copy_n(from + at(row, share), share.columns, to + at(row, share));
    }

    void start_carry(const Share& share) const {
        if (a_.dh_n) return copy_rows(a_.dh_n, share, carry_);
        for (Index row = 0; row < s_.batch; ++row) std::fill_n(carry_ + at(row, share), share.columns, T(0));
    }

    Index at(Index row, const Share& share) const { return row * s_.hidden_size + share.first; }

    bool masked(Index t, Index row) const { return a_.lengths && t >= a_.lengths[row]; }

    // da := (dy_t + carry) * f'(y_t), 0 where the step is masked
    void differentiate(Index t, const Share& share, T* da) const {
        const Index step = t * s_.batch * s_.hidden_size;
        for (Index row = 0; row < s_.batch; ++row) {
            const Index i = at(row, share);
            if (masked(t, row))
                std::fill_n(da + i, share.columns, T(0));
            else
                f_.differentiate(a_.dy ? a_.dy + step + i : nullptr, carry_ + i, a_.y + step + i, da + i,
                                 share.columns);
        }
    }

    // product := da W_hh, some columns of it
    void propagate(const T* da, const Share& share, T* product) const {
        const Index h = s_.hidden_size;
        multiply<T>(kernels_, 1, s_.batch, {da, 0, h}, w_hh_, share.panels.begin, share.panels.end, {zeros_, 0, 0},
                    {product, 0, h});
    }

    void plain_step(Index t, const Share& share, const T* da) const {
        if (!s_.cut(t, s_.seq_len)) return propagate(da, share, carry_);
        for (Index row = 0; row < s_.batch; ++row) std::fill_n(carry_ + at(row, share), share.columns, T(0));
    }

    // A masked step hands the gradient of its state on as it is.
    void ragged_step(Index t, const Share& share, const T* da) const {
        propagate(da, share, product_);
        for (Index row = 0; row < s_.batch; ++row) {
            if (masked(t, row)) continue;
            T* carry = carry_ + at(row, share);
            if (s_.cut(t, a_.lengths[row]))
                std::fill_n(carry, share.columns, T(0));
            else
                std::copy_n(product_ + at(row, share), share.columns, carry);
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
void stationary_backward(const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team,
                         const BackwardArrays<T>& arrays) {
    run_backward<T, StationaryRecurrence<T>>(sizes, kernels, team, arrays);
}

template void stationary_backward(const Sizes&, const KernelTable<float>&, TeamSize, const BackwardArrays<float>&);
template void stationary_backward(const Sizes&, const KernelTable<double>&, TeamSize, const BackwardArrays<double>&);

}  // namespace rnnfast
