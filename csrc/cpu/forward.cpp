// Forward: the input projection of a chunk of steps as one blocked product, then the recurrence over them while they
// are in the cache. Each thread has its own sequences of the batch, so threads meet only once, over the packed weights.
#include <algorithm>

#include "product.hpp"
#include "recurrence.hpp"

namespace rnnfast {

namespace {

// What a chunk of inputs and outputs may take of the second-level cache, in bytes.
constexpr Index kChunkBytes = 128 * 1024;

// Below this many multiplications, a thread costs more to wake up than it saves: about 5 us.
constexpr double kMultiplicationsPerThread = 50e3;

template <class T>
struct Buffers {
    PackedMatrix<T> w_ih, w_hh;
    T* zeros;  // (H,)
    T* state;  // (B, H), with lengths only

    Buffers(Arena& arena, const Sizes& s, const KernelTable<T>& kernels, bool ragged)
        : w_ih(arena, kernels, kernels.panel_width(s.batch), s.input_size, s.hidden_size),
          w_hh(arena, kernels, kernels.panel_width(s.batch), s.hidden_size, s.hidden_size),
          zeros(arena.take<T>(s.hidden_size)),
          state(arena.take<T>(ragged ? s.batch * s.hidden_size : 0)) {}
};

template <class T>
class Forward {
 public:
    Forward(const Sizes& s, const KernelTable<T>& kernels, const ForwardArrays<T>& arrays, const Buffers<T>& buffers)
        : s_(s), kernels_(kernels), a_(arrays), buffers_(buffers) {}

    void run(Team& team, int member) const {
        buffers_.w_ih.pack_transposed(kernels_, a_.w_ih, team, member);
        buffers_.w_hh.pack_transposed(kernels_, a_.w_hh, team, member);
        if (member == 0) std::fill_n(buffers_.zeros, s_.hidden_size, T(0));
        team.barrier();

        const Share rows(s_.batch, team, member);
        const Index step_bytes = (rows.end - rows.begin) * (s_.input_size + s_.hidden_size) * Index(sizeof(T));
        const Index chunk = std::clamp(kChunkBytes / std::max<Index>(step_bytes, 1), Index(1), s_.seq_len);
        if (a_.lengths) start_states(rows);
        for (Index step = 0; step < s_.seq_len; step += chunk) {
            const Index end = std::min(step + chunk, s_.seq_len);
            project(step, end, rows);
            for (Index i = step; i < end; ++i) a_.lengths ? ragged_step(i, rows) : plain_step(i, rows);
        }
        finish(rows);
    }

 private:
    Index at(Index t, Index row) const { return (t * s_.batch + row) * s_.hidden_size; }

    // y_t := x_t W_ih^T + b for the steps [begin, end)
    void project(Index begin, Index end, Share rows) const {
        const Index t = std::min(s_.time(begin), s_.time(end - 1));
        multiply<T>(kernels_, end - begin, rows.end - rows.begin,
                    {a_.x + (t * s_.batch + rows.begin) * s_.input_size, s_.batch * s_.input_size, s_.input_size},
                    buffers_.w_ih, {a_.b, 0, 0}, {a_.y + at(t, rows.begin), s_.batch * s_.hidden_size, s_.hidden_size});
    }

    // y_t := f(y_t + previous W_hh^T)
    void recur(Index t, Share rows, Rows<const T> previous) const {
        T* y = a_.y + at(t, rows.begin);
        multiply<T>(kernels_, 1, rows.end - rows.begin, previous, buffers_.w_hh, {y, 0, s_.hidden_size},
                    {y, 0, s_.hidden_size});
        kernels_.activate[s_.activation](y, (rows.end - rows.begin) * s_.hidden_size);
    }

    void plain_step(Index step, Share rows) const {
        if (step)
            recur(s_.time(step), rows, {a_.y + at(s_.time(step - 1), rows.begin), 0, s_.hidden_size});
        else if (a_.h0)
            recur(s_.time(step), rows, {a_.h0 + at(0, rows.begin), 0, s_.hidden_size});
        else
            recur(s_.time(step), rows, {buffers_.zeros, 0, 0});
    }

    // The states stand apart from the outputs here: past a length, a state is held while the output is 0.
    void ragged_step(Index step, Share rows) const {
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

    void start_states(Share rows) const {
        const Index count = (rows.end - rows.begin) * s_.hidden_size;
        T* state = buffers_.state + at(0, rows.begin);
        a_.h0 ? std::copy_n(a_.h0 + at(0, rows.begin), count, state) : std::fill_n(state, count, T(0));
    }

    void finish(Share rows) const {
        const T* last = a_.lengths ? buffers_.state : a_.y + at(s_.time(s_.seq_len - 1), 0);
        std::copy_n(last + at(0, rows.begin), (rows.end - rows.begin) * s_.hidden_size, a_.h_n + at(0, rows.begin));
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const ForwardArrays<T>& a_;
    const Buffers<T>& buffers_;
};

}  // namespace

int useful_threads(const Sizes& s, int most) {
    const double multiplications = double(s.seq_len) * s.batch * s.hidden_size * (s.input_size + s.hidden_size);
    const double worth = multiplications / kMultiplicationsPerThread;
    return static_cast<int>(std::clamp(std::min(worth, double(s.batch)), 1.0, double(most)));
}

template <class T>
void rnn_forward(const Sizes& sizes, const KernelTable<T>& kernels, int threads, const ForwardArrays<T>& arrays) {
    const bool ragged = arrays.lengths;
    Workspace workspace(bytes_of<Buffers<T>>(sizes, kernels, ragged));
    Arena arena(workspace.memory());
    const Buffers<T> buffers(arena, sizes, kernels, ragged);
    const Forward<T> forward(sizes, kernels, arrays, buffers);
    run_team(threads, [&](Team& team, int member) { forward.run(team, member); });
}

template void rnn_forward(const Sizes&, const KernelTable<float>&, int, const ForwardArrays<float>&);
template void rnn_forward(const Sizes&, const KernelTable<double>&, int, const ForwardArrays<double>&);

}  // namespace rnnfast
