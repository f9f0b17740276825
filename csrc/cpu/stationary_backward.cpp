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
          steps_(arrays.steps),
          w_hh_(arena, kernels, kernels.panel_width(s.batch, s.hidden_size), s.hidden_size, s.hidden_size, threads),
          zeros_(arena.take<T>(s.hidden_size)),
          carry_(arena.take<T>(s.batch * s.hidden_size)) {}

    Index da_row() const { return s_.hidden_size; }
    CellRows<T> cell_rows() const { return {}; }
    Index packing_tasks() const { return w_hh_.panels.count; }
    void pack(Index task) const {
        w_hh_.pack(kernels_, a_.w_hh, task);
        if (task == 0) std::fill_n(zeros_, s_.hidden_size, T(0));
    }

    void run(Member& member, Index begin, Index end, T* da) const {
        member.together([&](Party& party) {
            const Share share(w_hh_.panels, party);
            if (end == steps_.count) start_carry(share);
            for (Index step = end - 1; step >= begin; --step) {
                T* da_step = da + (steps_.before(step) - steps_.before(begin)) * s_.hidden_size;
                differentiate(step, share, da_step);
                party.meet();
                if (!share.empty()) propagate(step, share, da_step);
            }
            if (begin == 0) copy_rows(carry_, share, a_.dh0);
        });
    }

   private:
    void copy_rows(const T* from, const Share& share, T* to) const {
        for (Index row = 0; row < steps_.batch; ++row)
            std::copy_n(from + at(row, share), share.columns, to + at(row, share));
    }

    void start_carry(const Share& share) const {
        if (a_.dh_n) return copy_rows(a_.dh_n, share, carry_);
        for (Index row = 0; row < steps_.batch; ++row) std::fill_n(carry_ + at(row, share), share.columns, T(0));
    }

    Index at(Index row, const Share& share) const { return row * s_.hidden_size + share.first; }

    // da := (dy_t + carry) * f'(y_t)
    void differentiate(Index step, const Share& share, T* da) const {
        const Index first = steps_.first(step) * s_.hidden_size + share.first;
        f_.differentiate_rows(a_.dy ? a_.dy + first : nullptr, carry_ + share.first, a_.y + first, da + share.first,
                              steps_.rows(step), s_.hidden_size, share.columns);
    }

    // carry := da W_hh, some columns of it, and 0 where the gradient is cut
    void propagate(Index step, const Share& share, const T* da) const {
        const Index h = s_.hidden_size, rows = steps_.rows(step);
        if (!steps_.cut(step, s_.bptt_steps))
            multiply<T>(kernels_, 1, rows, {da, 0, h}, w_hh_, share.panels.begin, share.panels.end, {zeros_, 0, 0},
                        {carry_, 0, h});
        if (!s_.bptt_steps) return;
        for (Index row = 0; row < rows; ++row)
            if (steps_.cut(step, row, s_.bptt_steps)) std::fill_n(carry_ + at(row, share), share.columns, T(0));
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const Pointwise<T> f_;
    const BackwardArrays<T>& a_;
    const Steps& steps_;
    PackedMatrix<T> w_hh_;
    T* zeros_;  // (H,)
    T* carry_;  // (B, H): dL/dh_t that comes from the steps after it
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
