#include "masked.hpp"

#include <algorithm>
#include <numeric>

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
    run_team(team, [&](Member& member) { member.share(parts, [&](Index part) { f(parts, part); }); });
}

// Where the arrays (T, B, n) of some steps [begin, end) begin, in rows.
Index first_row(const Steps& all, Index begin, Index end) {
    return (all.reverse ? all.count - end : begin) * all.batch;
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

template <class T>
void copy_or_zero(const T* from, Index count, T* to) {
    from ? std::copy_n(from, count, to) : std::fill_n(to, count, T(0));
}

template <class T>
void add_to(const T* from, Index n, T* to) {
    for (Index j = 0; j < n; ++j) to[j] += from[j];
}

// The options of the cell for the packed steps of a window, whose arrays begin at row `first` of the problem's.
template <class T>
CellOptions<T> pack_cell(const CellOptions<T>& cell, const PackedSteps& packing, Index first, Index h, TeamSize team,
                         const Buffers<T>& packed) {
    CellOptions<T> found = cell;
    if (cell.recurrent_mask) {
        packing.pack_sequences(cell.recurrent_mask, h, packed.recurrent_mask);
        found.recurrent_mask = packed.recurrent_mask;
    }
    if (cell.zoneout_mask) {
        share_parts(team, [&](Index parts, Index part) {
            packing.pack(cell.zoneout_mask + first * h, h, packed.zoneout_mask, false, parts, part);
        });
        found.zoneout_mask = packed.zoneout_mask;
    }
    return found;
}

// Before each window, first to last; windows are counted off from the end, as the chunks of the pass back are.
std::vector<Before> befores(const Steps& all, const ValidSteps& valid, Index window) {
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

PackedSteps::PackedSteps(const Steps& all, const ValidSteps& valid, Index begin, Index end)
    : steps_(end - begin),
      all_(all.batch),
      stride_(all.reverse ? -all.batch : all.batch),
      start_(all.reverse ? (steps_ - 1) * all.batch : 0),
      sequences_(all.batch) {
    const Index first_time = first_row(all, begin, end) / all_;
    const auto for_valid = [&](auto&& f) {
        for (Index step = 0, row = start_; step < steps_; ++step, row += stride_)
            for (Index sequence = 0; sequence < all_; ++sequence)
                if (valid(first_time + row / all_, sequence, all_)) f(row + sequence, sequence);
    };
    std::vector<Index> lengths(all_);
    for_valid([&](Index, Index sequence) { ++lengths[sequence]; });
    std::iota(sequences_.begin(), sequences_.end(), 0);
    std::stable_sort(sequences_.begin(), sequences_.end(), [&](Index a, Index b) { return lengths[a] > lengths[b]; });
    batch_ = std::count_if(lengths.begin(), lengths.end(), [](Index length) { return length > 0; });
    count_ = lengths[sequences_[0]];
    offsets_.assign(count_ + 1, 0);
    std::vector<Index> place(all_);  // where the next valid step of each sequence goes, as a row of its packed step
    for (Index rank = 0; rank < batch_; ++rank) {
        place[sequences_[rank]] = rank;
        ++offsets_[lengths[sequences_[rank]]];
    }
    // offsets_[n] counts the sequences of n steps; from the longest on, the rows of a step are those that have it.
    for (Index step = count_ - 1; step > 0; --step) offsets_[step] += offsets_[step + 1];
    std::partial_sum(offsets_.begin(), offsets_.end(), offsets_.begin());
    source_.resize(offsets_.back());
    std::fill(lengths.begin(), lengths.end(), 0);
    for_valid([&](Index row, Index sequence) { source_[offsets_[lengths[sequence]++] + place[sequence]] = row; });
}

template <class F>
void PackedSteps::held_rows(Index step, Index sequence, F&& f) const {
    const Index begin = step < 0 ? start_ + sequences_[sequence] : source_[offsets_[step] + sequence] + stride_;
    const bool more = step + 1 < count_ && sequence < offsets_[step + 2] - offsets_[step + 1];
    const Index next = more ? source_[offsets_[step + 1] + sequence] : -1;
    for (Index row = begin; row != next && 0 <= row && row < steps_ * all_; row += stride_) f(row);
}

template <class F>
void PackedSteps::for_rows(Index parts, Index part, F&& f) const {
    const Range range(rows(), parts, part);
    if (range.size() == 0) return;
    Index step = steps(nullptr).step_of(range.begin), sequence = range.begin - offsets_[step];
    for (Index row = range.begin; row < range.end; ++row) {
        f(row, step, sequence);
        if (++sequence == offsets_[step + 1] - offsets_[step]) sequence = 0, ++step;
    }
}

template <class T>
void PackedSteps::pack(const T* from, Index n, T* to, bool hold, Index parts, Index part) const {
    for_rows(parts, part, [&](Index row, Index step, Index sequence) {
        std::copy_n(from + source_[row] * n, n, to + row * n);
        if (hold) held_rows(step, sequence, [&](Index held) { add_to(from + held * n, n, to + row * n); });
    });
}

template <class T>
void PackedSteps::unpack(const T* from, Index n, T* to, bool hold, const T* initial, Index parts, Index part) const {
    for_rows(parts, part, [&](Index row, Index step, Index sequence) {
        std::copy_n(from + row * n, n, to + source_[row] * n);
        held_rows(step, sequence, [&](Index held) { copy_or_zero(hold ? from + row * n : nullptr, n, to + held * n); });
    });
    const Range leading(all_, parts, part);
    for (Index sequence = leading.begin; sequence < leading.end; ++sequence) {
        const T* state = hold && initial ? initial + sequences_[sequence] * n : nullptr;
        held_rows(-1, sequence, [&](Index held) { copy_or_zero(state, n, to + held * n); });
    }
}

template <class T>
void PackedSteps::add_leading(const T* from, Index n, T* to) const {
    for (Index sequence = 0; sequence < all_; ++sequence)
        held_rows(-1, sequence, [&](Index held) { add_to(from + held * n, n, to + sequences_[sequence] * n); });
}

template <class T>
void PackedSteps::pack_sequences(const T* from, Index n, T* to) const {
    for (Index i = 0; i < batch_; ++i) std::copy_n(from + sequences_[i] * n, n, to + i * n);
}

template <class T>
void PackedSteps::unpack_sequences(const T* from, Index n, T* to) const {
    for (Index i = 0; i < batch_; ++i) std::copy_n(from + i * n, n, to + sequences_[i] * n);
}

template <class T>
void masked_forward(const Variant<T>& variant, const Sizes& s, const KernelTable<T>& kernels, TeamSize team,
                    const ForwardArrays<T>& a, const ValidSteps& valid, MaskedOutput masked_output) {
    const Index i = s.input_size, h = s.hidden_size, window = std::min(window_steps(s, kernels), a.steps.count);
    const bool hold = masked_output == MaskedOutput::kHold;
    Workspace workspace(bytes_of<Buffers<T>>(s, a.cell, window, false));
    Arena arena(workspace.memory());
    const Buffers<T> packed(arena, s, a.cell, window, false);
    copy_or_zero(a.h0, a.steps.batch * h, a.h_n);  // the state before each window
    for (Index begin = 0; begin < a.steps.count; begin += window) {
        const Index end = std::min(begin + window, a.steps.count), first = first_row(a.steps, begin, end);
        const PackedSteps packing(a.steps, valid, begin, end);
        share_parts(team,
                    [&](Index parts, Index part) { packing.pack(a.x + first * i, i, packed.x, false, parts, part); });
        packing.pack_sequences(a.h_n, h, packed.h0);
        if (packing.rows())
            variant.forward(s, kernels, team,
                            {packing.steps(nullptr), packed.x, a.w_ih, a.w_hh, a.b, packed.h0, packed.y, packed.last,
                             pack_cell(a.cell, packing, first, h, team, packed)});
        share_parts(team, [&](Index parts, Index part) {
            packing.unpack<T>(packed.y, h, a.y + first * h, hold, a.h_n, parts, part);
        });
        packing.unpack_sequences(packed.last, h, a.h_n);
    }
}

template <class T>
void masked_backward(const Variant<T>& variant, const Sizes& s, const KernelTable<T>& kernels, TeamSize team,
                     const BackwardArrays<T>& a, const ValidSteps& valid, MaskedOutput masked_output) {
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
                packing.pack(a.x + first * i, i, packed.x, false, parts, part);
                packing.pack(a.y + first * h, h, packed.y, false, parts, part);
                if (a.dy) packing.pack(a.dy + first * h, h, packed.dy, hold, parts, part);
            });
            packing.pack_sequences(a.dh0, h, packed.dh_n);
            packing.pack_sequences(known->position.data(), 1, position.data());
            for (Index r = 0; r < packing.batch(); ++r) {
                const Index sequence = packing.sequence(r), last = known->last[sequence];
                const T* state = last >= 0 ? a.y + last * h : a.h0 ? a.h0 + sequence * h : nullptr;
                copy_or_zero(state, h, packed.h0 + r * h);
            }
            variant.backward(s, kernels, team,
                             {packing.steps(position.data()), a.dy ? packed.dy : nullptr, packed.x, packed.y, a.w_ih,
                              a.w_hh, packed.h0, packed.dh_n, packed.dx, a.dw_ih, a.dw_hh, a.db, packed.dh0, lost,
                              pack_cell(a.cell, packing, first, h, team, packed), a.dgain, gain_lost});
            packing.unpack_sequences(packed.dh0, h, a.dh0);
        }
        if (hold && a.dy) packing.add_leading(a.dy + first * h, h, a.dh0);
        share_parts(team, [&](Index parts, Index part) {
            packing.unpack<T>(packed.dx, i, a.dx + first * i, false, nullptr, parts, part);
        });
    }
}

#define RNNFAST_INSTANTIATE(T)                                                                      \
    template Index window_steps(const Sizes&, const KernelTable<T>&);                               \
    template void masked_forward(const Variant<T>&, const Sizes&, const KernelTable<T>&, TeamSize,  \
                                 const ForwardArrays<T>&, const ValidSteps&, MaskedOutput);         \
    template void masked_backward(const Variant<T>&, const Sizes&, const KernelTable<T>&, TeamSize, \
                                  const BackwardArrays<T>&, const ValidSteps&, MaskedOutput);
RNNFAST_INSTANTIATE(float)
RNNFAST_INSTANTIATE(double)
#undef RNNFAST_INSTANTIATE

}  // namespace rnnfast
