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
          steps_(arrays.steps),
          groups_(lane_groups(s, kernels, threads)),
          most_lanes_(groups_.width(0) * kernels.vector_len),
          zeros_(arena.take<T>(most_lanes_)),
          carry_(arena.take<T>(groups_.vectors * kernels.vector_len * s.hidden_size)),
          scratch_(arena.take<T>(threads * 4 * s.hidden_size * most_lanes_)) {}

    Index da_row() const {
        return (s_.hidden_size + kernels_.vector_len - 1) / kernels_.vector_len * kernels_.vector_len;
    }
    CellRows<T> cell_rows() const { return {}; }
    Index packing_tasks() const { return 1; }
    void pack(Index) const { std::fill_n(zeros_, most_lanes_, T(0)); }

    void run(Member& member, Index begin, Index end, T* da) const {
        member.share(groups_.count, [&](Index group) { run_group(group, member.id, begin, end, da); });
    }

   private:
    void run_group(Index group, int member, Index begin, Index end, T* da_rows) const {
        const Index first = groups_.first_column(group), h = s_.hidden_size;
        const Range sequences(first, std::min(first + groups_.columns_in(group), steps_.batch));
        if (sequences.size() <= 0) return;
        T* carry = carry_ + first * h;
        T *y = scratch_ + member * 4 * h * most_lanes_, *dy = y + h * most_lanes_, *da = dy + h * most_lanes_;
        T* product = da + h * most_lanes_;
        Index active = end == steps_.count ? 0 : steps_.active(end, sequences).size();
        Index lanes = lanes_for(active, kernels_);
        const auto product_for = [&](Index some) { return GroupProduct<T>(kernels_, true, a_.w_hh, h, h, some); };
        GroupProduct<T> propagate = product_for(std::max(lanes, kernels_.vector_len));
        for (Index step = end - 1; step >= begin; --step) {
            const Index count = steps_.active(step, sequences).size();
            if (count == 0) continue;
            if (count > active) {
                active = count;
                if (const Index more = lanes_for(count, kernels_); more > lanes) {
                    begin_lanes(sequences, lanes, more, carry);
                    lanes = more;
                    propagate = product_for(lanes);
                }
            }
            const Index row = steps_.first(step) + first;
            kernels_.transpose_padded(a_.y + row * h, h, count, h, y, lanes);
            if (a_.dy) kernels_.transpose_padded(a_.dy + row * h, h, count, h, dy, lanes);
            f_.differentiate(a_.dy ? dy : nullptr, carry, y, da, h * lanes);
            const Index da_first = steps_.before(step) - steps_.before(begin) + first;
            kernels_.transpose_padded(da, lanes, h, count, da_rows + da_first * da_row(), da_row());
            // Of a vector's lanes, those whose sequences have ended keep the gradient of their last states.
            const bool whole = count == std::min(lanes, sequences.size());
            if (!steps_.cut(step, s_.bptt_steps)) propagate.run(da, zeros_, 0, whole ? carry : product);
            for (Index lane = 0; lane < count && !whole; ++lane) copy_lane(product, lanes, lane, carry);
            for (Index lane = 0; lane < count && s_.bptt_steps; ++lane)
                if (steps_.cut(step, first + lane, s_.bptt_steps)) clear_lane(carry, lanes, lane);
        }
        if (begin == 0) kernels_.transpose_dense(carry, lanes, h, sequences.size(), a_.dh0 + first * h);
    }

    // The lanes [lanes, more) get the gradients of the last states of their sequences.
    void begin_lanes(Range sequences, Index lanes, Index more, T* carry) const {
        const Index h = s_.hidden_size, count = std::min(more, sequences.size()) - lanes;
        change_lanes(carry, h, lanes, more);
        if (a_.dh_n)
            return kernels_.transpose_padded(a_.dh_n + (sequences.begin + lanes) * h, h, count, h, carry + lanes, more);
        for (Index k = 0; k < h; ++k) std::fill(carry + k * more + lanes, carry + (k + 1) * more, T(0));
    }

    void copy_lane(const T* from, Index lanes, Index lane, T* to) const {
        for (Index k = 0; k < s_.hidden_size; ++k) to[k * lanes + lane] = from[k * lanes + lane];
    }
    void clear_lane(T* panel, Index lanes, Index lane) const {
        for (Index k = 0; k < s_.hidden_size; ++k) panel[k * lanes + lane] = T(0);
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const Pointwise<T> f_;
    const BackwardArrays<T>& a_;
    const Steps& steps_;
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
