// The variant `panel`, forward: the input projection of a chunk of steps as one blocked product, then the recurrence
// over them while they are in the cache. Threads share the batch by sequences, and meet only over the packed weights.
#include <algorithm>

#include "product.hpp"
#include "variants.hpp"

namespace rnnfast {

namespace {

// What a chunk of inputs and outputs may take of the second-level cache, in bytes.
constexpr Index kChunkBytes = 128 * 1024;

template <class T>
struct Buffers {
    PackedMatrix<T> w_ih, w_hh;
    T* zeros;  // (H,)
    T* state;  // (B, H), with lengths only

    Buffers(Arena& arena, const Sizes& s, const KernelTable<T>& kernels, bool ragged)
        : w_ih(arena, kernels, kernels.panel_width(rows_at_once(s), s.input_size), s.input_size, s.hidden_size),
          w_hh(arena, kernels, kernels.panel_width(s.batch, s.hidden_size), s.hidden_size, s.hidden_size),
          zeros(arena.take<T>(s.hidden_size)),
          state(arena.take<T>(ragged ? s.batch * s.hidden_size : 0)) {}
};

template <class T>
class Forward {
   public:
    Forward(const Sizes& s, const KernelTable<T>& kernels, const ForwardArrays<T>& arrays, const Buffers<T>& buffers)
        : s_(s), kernels_(kernels), f_(s.activation, kernels), a_(arrays), buffers_(buffers) {
        std::fill_n(buffers_.zeros, s_.hidden_size, T(0));
    }

    void run(Member& member) const {
        const Index ih_panels = buffers_.w_ih.panels.count;
        member.share(ih_panels + buffers_.w_hh.panels.count, [&](Index p) {
            if (p < ih_panels)
                buffers_.w_ih.pack_transposed(kernels_, a_.w_ih, p);
            else
                buffers_.w_hh.pack_transposed(kernels_, a_.w_hh, p - ih_panels);
        });
        const Index blocks = member.team_size();
        member.share(blocks, [&](Index block) { run_block(Range(s_.batch, blocks, block)); });
    }

   private:
    // All steps of the sequences `rows`.
    void run_block(Range rows) const {
        const Index step_bytes = rows.size() * (s_.input_size + s_.hidden_size) * Index(sizeof(T));
        const Index chunk = std::clamp(kChunkBytes / std::max<Index>(step_bytes, 1), Index(1), s_.seq_len);
        if (a_.lengths) start_states(rows);
        for (Index begin = 0; begin < s_.seq_len; begin += chunk) {
            const Index end = std::min(begin + chunk, s_.seq_len);
            project(begin, end, rows);
            for (Index step = begin; step < end; ++step) a_.lengths ? ragged_step(step, rows) : plain_step(step, rows);
        }
        finish(rows);
    }

    Index at(Index t, Index row) const { return (t * s_.batch + row) * s_.hidden_size; }

    // y_t := x_t W_ih^T + b for the steps [begin, end)
    void project(Index begin, Index end, Range rows) const {
        const Index t = std::min(s_.time(begin), s_.time(end - 1));
        multiply<T>(kernels_, end - begin, rows.size(),
                    {a_.x + (t * s_.batch + rows.begin) * s_.input_size, s_.batch * s_.input_size, s_.input_size},
                    buffers_.w_ih, {a_.b, 0, 0}, {a_.y + at(t, rows.begin), s_.batch * s_.hidden_size, s_.hidden_size});
    }

    // y_t := f(y_t + previous W_hh^T)
    void recur(Index t, Range rows, Rows<const T> previous) const {
        T* y = a_.y + at(t, rows.begin);
        multiply<T>(kernels_, 1, rows.size(), previous, buffers_.w_hh, {y, 0, s_.hidden_size}, {y, 0, s_.hidden_size});
        f_.activate(y, rows.size() * s_.hidden_size);
    }

    void plain_step(Index step, Range rows) const {
        if (step)
            recur(s_.time(step), rows, {a_.y + at(s_.time(step - 1), rows.begin), 0, s_.hidden_size});
        else if (a_.h0)
            recur(s_.time(step), rows, {a_.h0 + at(0, rows.begin), 0, s_.hidden_size});
        else
            recur(s_.time(step), rows, {buffers_.zeros, 0, 0});
    }

    // The states stand apart from the outputs here: past a length, a state is held while the output is 0.
    void ragged_step(Index step, Range rows) const {
        const Index t = s_.time(step);
        recur(t, rows, {buffers_.state + at(0, rows.begin), 0, s_.hidden_size});
        for (Index row = rows.begin; row < rows.end; ++row) {
            T* y = a_.y + at(t, row);
            if (t < a_.lengths[row])
                std::copy_n(y, s_.hidden_size, buffers_.state + at(0, row));
            else
                std::fill_n(y, s_.hidden_size, T(0));
        }
    }

    void start_states(Range rows) const {
        const Index count = rows.size() * s_.hidden_size;
        T* state = buffers_.state + at(0, rows.begin);
        a_.h0 ? std::copy_n(a_.h0 + at(0, rows.begin), count, state) : std::fill_n(state, count, T(0));
    }

    void finish(Range rows) const {
        const T* last = a_.lengths ? buffers_.state : a_.y + at(s_.time(s_.seq_len - 1), 0);
        std::copy_n(last + at(0, rows.begin), rows.size() * s_.hidden_size, a_.h_n + at(0, rows.begin));
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const Pointwise<T> f_;
    const ForwardArrays<T>& a_;
    const Buffers<T>& buffers_;
};

}  // namespace

template <class T>
void panel_forward(const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team, const ForwardArrays<T>& arrays) {
    const bool ragged = arrays.lengths;
    Workspace workspace(bytes_of<Buffers<T>>(sizes, kernels, ragged));
    Arena arena(workspace.memory());
    const Buffers<T> buffers(arena, sizes, kernels, ragged);
    const Forward<T> forward(sizes, kernels, arrays, buffers);
    run_pass(team, kernels, forward);
}

template void panel_forward(const Sizes&, const KernelTable<float>&, TeamSize, const ForwardArrays<float>&);
template void panel_forward(const Sizes&, const KernelTable<double>&, TeamSize, const ForwardArrays<double>&);

}  // namespace rnnfast
