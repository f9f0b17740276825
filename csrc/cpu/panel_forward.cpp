// The variant `panel`, forward: the input projection of a chunk of steps as one blocked product, then the recurrence
// over them while they are in the cache. Threads share the batch by sequences, and meet only over the packed weights.
#include <algorithm>

#include "cell_forward.hpp"
#include "recurrent_matrix.hpp"
#include "variants.hpp"

namespace rnnfast {

namespace {

// What a chunk of inputs and outputs may take of the second-level cache, in bytes.
constexpr Index kChunkBytes = 128 * 1024;

template <class T>
struct Buffers {
    PackedMatrix<T> w_ih;
    RecurrentMatrix<T> w_hh;
    T* zeros;  // (H,)
    CellForward<T> cell;

    Buffers(Arena& arena, const Sizes& s, const KernelTable<T>& kernels, const CellOptions<T>& options)
        : w_ih(arena, kernels, kernels.panel_width(rows_at_once(s), s.input_size), s.input_size, s.hidden_size),
          w_hh(arena, s, kernels),
          zeros(arena.take<T>(s.hidden_size)),
          cell(arena, s, options) {}
};

template <class T>
class Forward {
   public:
    Forward(const Sizes& s, const KernelTable<T>& kernels, const ForwardArrays<T>& arrays, const Buffers<T>& buffers)
        : s_(s), kernels_(kernels), f_(s.activation, kernels), a_(arrays), steps_(arrays.steps), buffers_(buffers) {
        std::fill_n(buffers_.zeros, s_.hidden_size, T(0));
    }

    void run(Member& member) const {
        pack(member);
        // The rows of packed steps follow one another whatever their numbers: one product for all.
        if (const Index rows = steps_.before(steps_.count); steps_.offsets) {
            const PhaseTimer timer(Phase::kInputProjection);
            const Index parts = std::min(4 * Index(member.team_size()), rows);
            member.share(parts, [&](Index part) {
                const Range range(rows, parts, part);
                project(range.begin, 1, range.size());
            });
        }
        const PhaseTimer timer(Phase::kRecurrence);
        const Index blocks = member.team_size();
        member.share(blocks, [&](Index block) { run_block(steps_.share(0, steps_.count, blocks, block)); });
    }

   private:
    void pack(Member& member) const {
        const PhaseTimer timer(Phase::kPacking);
        const Index ih_panels = buffers_.w_ih.panels.count;
        member.share(ih_panels + buffers_.w_hh.packing_tasks(), [&](Index p) {
            if (p < ih_panels)
                buffers_.w_ih.pack_transposed(kernels_, a_.w_ih, p);
            else
                buffers_.w_hh.pack_transposed(a_.w_hh, p - ih_panels);
        });
    }

    // All steps of some sequences.
    void run_block(Range sequences) const {
        const Index step_bytes = sequences.size() * (s_.input_size + s_.hidden_size) * Index(sizeof(T));
        const Index chunk = std::clamp(kChunkBytes / std::max<Index>(step_bytes, 1), Index(1), steps_.count);
        for (Index begin = 0; begin < steps_.count; begin += chunk) {
            const Index end = std::min(begin + chunk, steps_.count);
            if (!steps_.offsets) {
                const PhaseTimer timer(Phase::kInputProjection);
                project(std::min(steps_.first(begin), steps_.first(end - 1)) + sequences.begin, end - begin,
                        sequences.size());
            }
            for (Index step = begin; step < end; ++step) recur(step, steps_.active(step, sequences));
        }
        copy_last_states(steps_, sequences, a_.y, s_.hidden_size, a_.h_n);
    }

    T* y(Index step, Index row) const { return a_.y + (steps_.first(step) + row) * s_.hidden_size; }

    // y_t := x_t W_ih^T + b for `rows` rows of each of some steps, of the arrays' from `first` on
    void project(Index first, Index steps, Index rows) const {
        const Index i = s_.input_size, h = s_.hidden_size;
        multiply<T>(kernels_, steps, rows, {a_.x + first * i, steps_.batch * i, i}, buffers_.w_ih,
                    {buffers_.cell.adds_bias() ? buffers_.zeros : a_.b, 0, 0}, {a_.y + first * h, steps_.batch * h, h});
    }

    // y_t := f(y_t + h_{t-1} W_hh^T)
    void recur(Index step, Range rows) const {
        const Index h = s_.hidden_size;
        Rows<const T> previous{buffers_.zeros, 0, 0};
        if (step)
            previous = {y(step - 1, rows.begin), 0, h};
        else if (a_.h0)
            previous = {a_.h0 + rows.begin * h, 0, h};
        T* state = y(step, rows.begin);
        buffers_.w_hh.multiply(rows.size(), buffers_.cell.entering(previous, rows), {state, 0, h}, {state, 0, h});
        buffers_.cell.normalise(kernels_, a_.b, rows.size(), state);
        f_.activate(state, rows.size() * h);
        buffers_.cell.zone_out(previous, steps_.first(step) + rows.begin, rows.size(), state);
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const Pointwise<T> f_;
    const ForwardArrays<T>& a_;
    const Steps& steps_;
    const Buffers<T>& buffers_;
};

}  // namespace

template <class T>
void panel_forward(const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team, const ForwardArrays<T>& arrays) {
    Workspace workspace(bytes_of<Buffers<T>>(sizes, kernels, arrays.cell));
    Arena arena(workspace.memory());
    const Buffers<T> buffers(arena, sizes, kernels, arrays.cell);
    const Forward<T> forward(sizes, kernels, arrays, buffers);
    run_pass(team, kernels, forward);
}

template void panel_forward(const Sizes&, const KernelTable<float>&, TeamSize, const ForwardArrays<float>&);
template void panel_forward(const Sizes&, const KernelTable<double>&, TeamSize, const ForwardArrays<double>&);

}  // namespace rnnfast
