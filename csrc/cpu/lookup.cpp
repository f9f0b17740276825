// The batch in the lanes of the vectors, as in the variant `lanes`; but rows of the table take the place of a product.
#include "lookup.hpp"

#include <algorithm>

#include "lanes.hpp"

namespace rnnfast {

namespace {

template <class T>
class Lookup {
   public:
    Lookup(Arena& arena, const Sizes& s, const KernelTable<T>& kernels, const LookupArrays<T>& arrays, int threads)
        : s_(s),
          kernels_(kernels),
          f_(s.activation, kernels),
          a_(arrays),
          groups_(lane_groups(s, kernels, threads)),
          most_lanes_(groups_.width(0) * kernels.vector_len),
          rows_(arena.take<T>(threads * most_lanes_ * arrays.table_row)),
          inputs_(arena.take<T>(threads * s.hidden_size * most_lanes_)),
          states_(arena.take<T>(threads * 2 * s.hidden_size * most_lanes_)),
          packed_(arena.take<int64_t>(arrays.mask_zero ? threads * most_lanes_ * s.seq_len : 0)),
          begins_(arena.take<Index>(arrays.mask_zero ? threads * most_lanes_ : 0)) {}

    void run(Member& member) const {
        member.share(groups_.count, [&](Index group) { run_group(group, member.id); });
    }

   private:
    void run_group(Index group, int member) const {
        const Index first = groups_.first_column(group), count = groups_.columns_in(group);
        const Index lanes = groups_.width(group) * kernels_.vector_len, h = s_.hidden_size;
        T* input = inputs_ + member * h * most_lanes_;
        T *previous = states_ + member * 2 * h * most_lanes_, *state = previous + h * most_lanes_;
        const GroupProduct<T> product(kernels_, false, a_.w_hh, h, h, lanes);
        const int64_t* ids = a_.ids + first * s_.seq_len;
        Index* begins = begins_ + member * most_lanes_;
        Index begin = 0;
        if (a_.mask_zero) {
            int64_t* packed = packed_ + member * most_lanes_ * s_.seq_len;
            begin = pack_valid(ids, count, packed, begins);
            ids = packed;
        }
        std::fill_n(previous, h * lanes, T(0));
        for (Index step = begin; step < s_.seq_len; ++step) {
            look_up(ids + s_.time(step), count, member, input, lanes);
            product.run(previous, input, lanes, state);
            f_.activate(state, h * lanes);
            if (a_.mask_zero) clear_waiting(step, count, begins, state, lanes);
            std::swap(previous, state);
        }
        kernels_.transpose_dense(previous, lanes, h, count, a_.h_n + first * h);
    }

    // A masked step holds the state, so that only the order of the valid ids matters: those of each sequence come to
    // lie at the end of the pass, and begins[i] is the first step that one has. Returns the first step that any has.
    Index pack_valid(const int64_t* ids, Index count, int64_t* packed, Index* begins) const {
        Index earliest = s_.seq_len;
        for (Index i = 0; i < count; ++i, ids += s_.seq_len, packed += s_.seq_len) {
            Index begin = s_.seq_len;
            std::fill_n(packed, s_.seq_len, int64_t(0));
            for (Index step = s_.seq_len; step-- > 0;)
                if (const int64_t id = ids[s_.time(step)]) packed[s_.time(--begin)] = id;
            begins[i] = begin;
            earliest = std::min(earliest, begin);
        }
        return earliest;
    }

    // The state before the first valid step is zero.
    void clear_waiting(Index step, Index count, const Index* begins, T* state, Index lanes) const {
        for (Index i = 0; i < count; ++i)
            if (step < begins[i])
                for (Index unit = 0; unit < s_.hidden_size; ++unit) state[unit * lanes + i] = T(0);
    }

    void look_up(const int64_t* ids, Index count, int member, T* input, Index lanes) const {
        T* rows = rows_ + member * most_lanes_ * a_.table_row;
        kernels_.gather_rows(a_.table, a_.table_row, ids, s_.seq_len, count, rows);
        kernels_.transpose_padded(rows, a_.table_row, count, s_.hidden_size, input, lanes);
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const Pointwise<T> f_;
    const LookupArrays<T>& a_;
    const Panels groups_;
    const Index most_lanes_;
    T* rows_;          // (lanes, table_row) for each member
    T* inputs_;        // (H, lanes) for each member
    T* states_;        // 2 x (H, lanes) for each member
    int64_t* packed_;  // (lanes, T) for each member
    Index* begins_;    // (lanes,) for each member
};

}  // namespace

template <class T>
void lookup_states(const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team, const LookupArrays<T>& arrays) {
    Workspace workspace(bytes_of<Lookup<T>>(sizes, kernels, arrays, team.threads));
    Arena arena(workspace.memory());
    const Lookup<T> lookup(arena, sizes, kernels, arrays, team.threads);
    run_team(team, [&](Member& member) {
        const PhaseTimer timer(Phase::kRecurrence);
        lookup.run(member);
    });
}

template void lookup_states(const Sizes&, const KernelTable<float>&, TeamSize, const LookupArrays<float>&);
template void lookup_states(const Sizes&, const KernelTable<double>&, TeamSize, const LookupArrays<double>&);

}  // namespace rnnfast
