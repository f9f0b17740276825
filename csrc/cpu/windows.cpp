#include "windows.hpp"

#include <algorithm>

#include "backward.hpp"

namespace rnnfast {

namespace {

// What a window of inputs, outputs and gradients should take of the last-level cache, in bytes; but at least so many
// rows, for the weights are packed anew for each.
constexpr Index kWindowBytes = 4 * 1024 * 1024;
constexpr Index kWindowRows = 2048;

// Calls f(part, parts) for all parts of some work.
template <class F>
void share_parts(TeamSize team, const F& f) {
    const Index parts = team.threads;
    run_team(team, [&](Member& member) {
        const PhaseTimer timer(Phase::kPacking);
        member.share(parts, [&](Index part) { f(parts, part); });
    });
}

// What is known of each sequence before a window of steps.
struct Before {
    std::vector<Index> last;        // its last valid row of the problem's arrays, -1: none
    std::vector<int64_t> position;  // its valid steps
};

template <class T>
struct Buffers {
    T *x, *y, *dy, *dx;         // packed rows
    T *h0, *last, *dh0, *dh_n;  // (B, H)
    T *db_lost, *dgain_lost;    // (H,)
    T* recurrent_mask;          // (B, H)
    bool* zoneout_mask;         // packed rows

    Buffers(Arena& arena, const Sizes& s, const CellOptions<T>& cell, Index steps, bool backward)
        : x(arena.take<T>(steps * s.batch * s.input_size)),
          y(arena.take<T>(steps * s.batch * s.hidden_size)),
          dy(arena.take<T>(backward * steps * s.batch * s.hidden_size)),
          dx(arena.take<T>(backward * steps * s.batch * s.input_size)),
          h0(arena.take<T>(s.batch * s.hidden_size)),
          last(arena.take<T>(s.batch * s.hidden_size)),
          dh0(arena.take<T>(backward * s.batch * s.hidden_size)),
          dh_n(arena.take<T>(backward * s.batch * s.hidden_size)),
          db_lost(arena.take<T>(backward * s.hidden_size)),
          dgain_lost(arena.take<T>(backward * s.hidden_size)),
          recurrent_mask(arena.take<T>(cell.recurrent_mask ? s.batch * s.hidden_size : 0)),
          zoneout_mask(arena.take<bool>(cell.zoneout_mask ? steps * s.batch * s.hidden_size : 0)) {}
};

// The options of the cell for the packed steps of a window, whose arrays begin at row `first` of the problem's.
template <class T>
CellOptions<T> pack_cell(const KernelTable<T>& kernels, const CellOptions<T>& cell, const PackedSteps& packing,
                         Index first, Index h, TeamSize team, const Buffers<T>& packed) {
    CellOptions<T> found = cell;
    if (cell.recurrent_mask) {
        packing.pack_sequences(cell.recurrent_mask, h, packed.recurrent_mask);
        found.recurrent_mask = packed.recurrent_mask;
    }
    if (cell.zoneout_mask) {
        share_parts(team, [&](Index parts, Index part) {
            packing.pack(kernels, cell.zoneout_mask + first * h, h, packed.zoneout_mask, false, parts, part);
        });
        found.zoneout_mask = packed.zoneout_mask;
    }
    return found;
}

// Before each window, first to last; windows are counted off from the end, as the chunks of the pass back are.
std::vector<Before> befores(const Steps& all, const ValidSteps& valid, Index window) {
    const PhaseTimer timer(Phase::kPacking);
    std::vector<Before> found;
    Before now{std::vector<Index>(all.batch, -1), std::vector<int64_t>(all.batch, 0)};
    if (all.position) std::copy_n(all.position, all.batch, now.position.begin());
    for (Index step = 0; step < all.count; ++step) {
        if (step == 0 || (all.count - step) % window == 0) found.push_back(now);
        for (Index sequence = 0, row = all.first(step); sequence < all.batch; ++sequence, ++row)
            if (valid(row / all.batch, sequence, all.batch)) now.last[sequence] = row, ++now.position[sequence];
    }
    return found;
}

}  // namespace

template <class T>
Index window_steps(const Sizes& s, const KernelTable<T>& kernels) {
    const Index row_bytes = 2 * (s.input_size + s.hidden_size) * Index(sizeof(T));
    const Index rows = std::max(kWindowRows, kWindowBytes / row_bytes);
    const Index chunk = backward_chunk_steps(s, kernels);
    return std::max<Index>(1, rows / (chunk * s.batch)) * chunk;
}

template <class T, class Stored>
void windowed_forward(const Variant<T>& variant, const Sizes& s, const KernelTable<T>& kernels, TeamSize team,
                      const ForwardArrays<T, Stored>& a, const ValidSteps& valid, MaskedOutput masked_output) {
    const Index i = s.input_size, h = s.hidden_size, window = std::min(window_steps(s, kernels), a.steps.count);
    const bool hold = masked_output == MaskedOutput::kHold;
    Workspace workspace(bytes_of<Buffers<T>>(s, a.cell, window, false));
    Arena arena(workspace.memory());
    const Buffers<T> packed(arena, s, a.cell, window, false);
    copy_or_zero(a.h0, a.steps.batch * h, a.h_n);  // the state before each window
    for (Index begin = 0; begin < a.steps.count; begin += window) {
        const Index end = std::min(begin + window, a.steps.count), first = first_row(a.steps, begin, end);
        const PackedSteps packing(a.steps, valid, begin, end);
        share_parts(team, [&](Index parts, Index part) {
            packing.pack(kernels, a.x + first * i, i, packed.x, false, parts, part);
        });
        packing.pack_sequences(a.h_n, h, packed.h0);
        if (packing.rows())
            variant.forward(s, kernels, team,
                            {packing.steps(nullptr), packed.x, a.w_ih, a.w_hh, a.b, packed.h0, packed.y, packed.last,
                             pack_cell(kernels, a.cell, packing, first, h, team, packed)});
        share_parts(team, [&](Index parts, Index part) {
            packing.unpack<T>(kernels, packed.y, h, a.y + first * h, hold, a.h_n, parts, part);
        });
        packing.unpack_sequences(packed.last, h, a.h_n);
    }
}

template <class T, class Stored>
void windowed_backward(const Variant<T>& variant, const Sizes& s, const KernelTable<T>& kernels, TeamSize team,
                       const BackwardArrays<T, Stored>& a, const ValidSteps& valid, MaskedOutput masked_output) {
    const Index i = s.input_size, h = s.hidden_size, batch = a.steps.batch;
    const Index window = std::min(window_steps(s, kernels), a.steps.count);
    const bool hold = masked_output == MaskedOutput::kHold;
    Workspace workspace(bytes_of<Buffers<T>>(s, a.cell, window, true));
    Arena arena(workspace.memory());
    const Buffers<T> packed(arena, s, a.cell, window, true);
    T *lost = a.db_lost, *gain_lost = a.dgain_lost;
    if (!lost) {
        lost = packed.db_lost, gain_lost = packed.dgain_lost;
        std::fill_n(a.dw_ih, h * i, T(0)), std::fill_n(a.dw_hh, h * s.head_size(), T(0));
        std::fill_n(a.db, h, T(0)), std::fill_n(lost, h, T(0));
        if (a.dgain) std::fill_n(a.dgain, h, T(0)), std::fill_n(gain_lost, h, T(0));
    }
    const std::vector<Before> before = befores(a.steps, valid, window);
    copy_or_zero(a.dh_n, batch * h, a.dh0);  // the gradient of the state after each window
    std::vector<int64_t> position(batch);
    Index end = a.steps.count;
    for (auto known = before.rbegin(); known != before.rend(); ++known, end -= std::min(window, end)) {
        const Index begin = std::max<Index>(0, end - window), first = first_row(a.steps, begin, end);
        const PackedSteps packing(a.steps, valid, begin, end);
        if (packing.rows()) {
            share_parts(team, [&](Index parts, Index part) {
                packing.pack(kernels, a.x + first * i, i, packed.x, false, parts, part);
                packing.pack(kernels, a.y + first * h, h, packed.y, false, parts, part);
                if (a.dy) packing.pack(kernels, a.dy + first * h, h, packed.dy, hold, parts, part);
            });
            packing.pack_sequences(a.dh0, h, packed.dh_n);
            packing.pack_sequences(known->position.data(), 1, position.data());
            for (Index r = 0; r < packing.batch(); ++r) {
                const Index sequence = packing.sequence(r), last = known->last[sequence];
                T* state = packed.h0 + r * h;
                last >= 0 ? widen(kernels, a.y + last * h, h, state)
                          : copy_or_zero(a.h0 ? a.h0 + sequence * h : nullptr, h, state);
            }
            variant.backward(
                s, kernels, team,
                {packing.steps(position.data()), a.dy ? packed.dy : nullptr, packed.x, packed.y, a.w_ih, a.w_hh,
                 packed.h0, packed.dh_n, a.dx ? packed.dx : nullptr, a.dw_ih, a.dw_hh, a.db, packed.dh0, lost,
                 pack_cell(kernels, a.cell, packing, first, h, team, packed), a.dgain, gain_lost});
            packing.unpack_sequences(packed.dh0, h, a.dh0);
        }
        if (hold && a.dy) packing.add_leading(kernels, a.dy + first * h, h, a.dh0);
        if (!a.dx) continue;
        share_parts(team, [&](Index parts, Index part) {
            packing.unpack<T>(kernels, packed.dx, i, a.dx + first * i, false, nullptr, parts, part);
        });
    }
}

template Index window_steps(const Sizes&, const KernelTable<float>&);
template Index window_steps(const Sizes&, const KernelTable<double>&);

#define RNNFAST_INSTANTIATE(T, Stored)                                                                \
    template void windowed_forward(const Variant<T>&, const Sizes&, const KernelTable<T>&, TeamSize,  \
                                   const ForwardArrays<T, Stored>&, const ValidSteps&, MaskedOutput); \
    template void windowed_backward(const Variant<T>&, const Sizes&, const KernelTable<T>&, TeamSize, \
                                    const BackwardArrays<T, Stored>&, const ValidSteps&, MaskedOutput);
RNNFAST_INSTANTIATE(float, float)
RNNFAST_INSTANTIATE(double, double)
RNNFAST_INSTANTIATE(float, Float16)
RNNFAST_INSTANTIATE(float, BFloat16)
#undef RNNFAST_INSTANTIATE

}  // namespace rnnfast
