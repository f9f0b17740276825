// The variant `lanes`, backward: the recurrence of a group in its lanes; the products over all steps are those of every
// variant, from da in rows that are filled up to whole vectors.
#include "backward.hpp"
#include "lanes.hpp"
#include "variants.hpp"

namespace rnnfast {

namespace {

template <class T>
class LanesRecurrence {
   public:
    LanesRecurrence(Arena& arena, const Sizes& s, const KernelTable<T>& kernels, const BackwardArrays<T>& arrays,
                    int threads)
        : s_(s),
          kernels_(kernels),
          f_(s.activation, kernels),
          a_(arrays),
          groups_(lane_groups(s, kernels, threads)),
          most_lanes_(groups_.width(0) * kernels.vector_len),
          zeros_(arena.take<T>(most_lanes_)),
          carry_(arena.take<T>(groups_.vectors * kernels.vector_len * s.hidden_size)),
          scratch_(arena.take<T>(threads * 4 * s.hidden_size * most_lanes_)) {}

    Index da_row() const {
        return (s_.hidden_size + kernels_.vector_len - 1) / kernels_.vector_len * kernels_.vector_len;
    }
    Index packing_tasks() const { return 1; }
    void pack(Index) const { std::fill_n(zeros_, most_lanes_, T(0)); }

    void run(Member& member, Index begin, Index end, T* da) const {
        member.share(groups_.count, [&](Index group) { run_group(group, member.id, begin, end, da); });
    }

   private:
    void run_group(Index group, int member, Index begin, Index end, T* da_rows) const {
        const Index first = groups_.first_column(group), count = groups_.columns_in(group);
        const Index lanes = groups_.width(group) * kernels_.vector_len, h = s_.hidden_size;
        T* carry = carry_ + first * h;
        T *y = scratch_ + member * 4 * h * most_lanes_, *dy = y + h * lanes, *da = dy + h * lanes;
        T* product = da + h * lanes;
        const GroupProduct<T> propagate(kernels_, true, a_.w_hh, h, h, lanes);
        if (end == s_.seq_len) {
            if (a_.dh_n)
                kernels_.transpose_padded(a_.dh_n + first * h, h, count, h, carry, lanes);
            else
                std::fill_n(carry, h * lanes, T(0));
        }
        for (Index step = end - 1; step >= begin; --step) {
            const Index t = s_.time(step), row = t * s_.batch + first;
            kernels_.transpose_padded(a_.y + row * h, h, count, h, y, lanes);
            if (a_.dy) kernels_.transpose_padded(a_.dy + row * h, h, count, h, dy, lanes);
            f_.differentiate(a_.dy ? dy : nullptr, carry, y, da, h * lanes);
            if (a_.lengths)
                for (Index lane = 0; lane < count; ++lane)
                    if (t >= a_.lengths[first + lane]) fill_lane(da, h, lanes, lane, T(0));
            kernels_.transpose_padded(da, lanes, h, count, da_rows + ((step - begin) * s_.batch + first) * da_row(),
                                      da_row());
            if (a_.lengths) {
                propagate.run(da, zeros_, 0, product);
                take(t, first, count, lanes, product, carry);
            } else if (s_.cut(t, s_.seq_len)) {
                std::fill_n(carry, h * lanes, T(0));
            } else {
                propagate.run(da, zeros_, 0, carry);
            }
        }
        if (begin == 0) kernels_.transpose_dense(carry, lanes, h, count, a_.dh0 + first * h);
    }

    // A masked step hands the gradient of its state on as it is.
    void take(Index t, Index first, Index count, Index lanes, const T* product, T* carry) const {
        for (Index lane = 0; lane < count; ++lane) {
            const Index length = a_.lengths[first + lane];
            if (t >= length) continue;
            if (s_.cut(t, length))
                fill_lane(carry, s_.hidden_size, lanes, lane, T(0));
            else
                copy_lane(product, s_.hidden_size, lanes, lane, carry);
        }
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const Pointwise<T> f_;
    const BackwardArrays<T>& a_;
    const Panels groups_;
    const Index most_lanes_;
    T* zeros_;    // (most_lanes,)
    T* carry_;    // (H, lanes) of each group: dL/dh_t that comes from the steps after it
    T* scratch_;  // y, dy, da and da W_hh of a step, each (H, lanes), for each member
};

}  // namespace

template <class T>
void lanes_backward(const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team, const BackwardArrays<T>& arrays) {
    run_backward<T, LanesRecurrence<T>>(sizes, kernels, team, arrays);
}

template void lanes_backward(const Sizes&, const KernelTable<float>&, TeamSize, const BackwardArrays<float>&);
template void lanes_backward(const Sizes&, const KernelTable<double>&, TeamSize, const BackwardArrays<double>&);

}  // namespace rnnfast
