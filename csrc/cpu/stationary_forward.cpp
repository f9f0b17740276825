// The variant `stationary`, forward.
#include <algorithm>

#include "stationary.hpp"
#include "variants.hpp"

namespace rnnfast {

namespace {

// The rows of a chunk of steps whose input projection is one product: as many as make up for reading W_ih.
constexpr Index kChunkRows = 256;
// The parts, for each thread, that it is cut into: enough that a late thread finds some.
constexpr Index kProjectionsPerMember = 4;

template <class T>
class StationaryForward {
   public:
    StationaryForward(Arena& arena, const Sizes& s, const KernelTable<T>& kernels, const ForwardArrays<T>& arrays,
                      int threads)
        : s_(s),
          kernels_(kernels),
          f_(s.activation, kernels),
          a_(arrays),
          w_ih_(arena, kernels, kernels.panel_width(kChunkRows, s.input_size), s.input_size, s.hidden_size, threads),
          w_hh_(arena, kernels, kernels.panel_width(s.batch, s.hidden_size), s.hidden_size, s.hidden_size, threads),
          zeros_(arena.take<T>(s.hidden_size)),
          states_(arena.take<T>(arrays.lengths ? 2 * s.batch * s.hidden_size : 0)) {}

    // The one who calls, before anyone runs.
    void start() const {
        std::fill_n(zeros_, s_.hidden_size, T(0));
        if (!a_.lengths) return;
        const Index count = s_.batch * s_.hidden_size;
        a_.h0 ? std::copy_n(a_.h0, count, states_) : std::fill_n(states_, count, T(0));
    }

    void run(Member& member) const {
        const Index ih_panels = w_ih_.panels.count;
        member.share(ih_panels + w_hh_.panels.count, [&](Index p) {
            p < ih_panels ? w_ih_.pack_transposed(kernels_, a_.w_ih, p)
                          : w_hh_.pack_transposed(kernels_, a_.w_hh, p - ih_panels);
        });
        const Index chunk = std::max<Index>(1, kChunkRows / s_.batch);
        for (Index begin = 0; begin < s_.seq_len; begin += chunk) {
            const Index end = std::min(begin + chunk, s_.seq_len);
            const Index parts = std::min(ih_panels, kProjectionsPerMember * member.team_size());
            member.share(parts, [&](Index part) { project(begin, end, Range(ih_panels, parts, part)); });
            member.together([&](Party& party) {
                const Share share(w_hh_.panels, party);
                for (Index step = begin; step < end; ++step) {
                    if (!share.empty()) a_.lengths ? ragged_step(step, share) : plain_step(step, share);
                    party.meet();
                }
            });
        }
        member.share(1, [&](Index) { finish(); });
    }

   private:
    T* y(Index step) const { return a_.y + s_.time(step) * s_.batch * s_.hidden_size; }

    // Some panels of y_t := x_t W_ih^T + b for the steps [begin, end)
    void project(Index begin, Index end, Range panels) const {
        const Index t = std::min(s_.time(begin), s_.time(end - 1));
        const Index x_step = s_.batch * s_.input_size, y_step = s_.batch * s_.hidden_size;
        multiply<T>(kernels_, end - begin, s_.batch, {a_.x + t * x_step, x_step, s_.input_size}, w_ih_, panels.begin,
                    panels.end, {a_.b, 0, 0}, {a_.y + t * y_step, y_step, s_.hidden_size});
    }

    // y_t := f(y_t + previous W_hh^T), some columns of it
    void recur(T* y, Rows<const T> previous, const Share& share) const {
        const Index h = s_.hidden_size;
        multiply<T>(kernels_, 1, s_.batch, previous, w_hh_, share.panels.begin, share.panels.end, {y, 0, h}, {y, 0, h});
        for (Index row = 0; row < s_.batch; ++row) f_.activate(y + row * h + share.first, share.columns);
    }

    void plain_step(Index step, const Share& share) const {
        if (step)
            recur(y(step), {y(step - 1), 0, s_.hidden_size}, share);
        else if (a_.h0)
            recur(y(step), {a_.h0, 0, s_.hidden_size}, share);
        else
            recur(y(step), {zeros_, 0, 0}, share);
    }

    // The states stand apart from the outputs here: past a length, a state is held while the output is 0.
    void ragged_step(Index step, const Share& share) const {
        const T* previous = states(step);
        recur(y(step), {previous, 0, s_.hidden_size}, share);
        for (Index row = 0; row < s_.batch; ++row) {
            const Index at = row * s_.hidden_size + share.first;
            const bool masked = s_.time(step) >= a_.lengths[row];
            std::copy_n((masked ? previous : y(step)) + at, share.columns, states(step + 1) + at);
            if (masked) std::fill_n(y(step) + at, share.columns, T(0));
        }
    }

    // The states before a step, with lengths.
    T* states(Index step) const { return states_ + step % 2 * s_.batch * s_.hidden_size; }

    void finish() const {
        std::copy_n(a_.lengths ? states(s_.seq_len) : y(s_.seq_len - 1), s_.batch * s_.hidden_size, a_.h_n);
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const Pointwise<T> f_;
    const ForwardArrays<T>& a_;
    PackedMatrix<T> w_ih_, w_hh_;
    T* zeros_;   // (H,)
    T* states_;  // 2 x (B, H), with lengths only
};

}  // namespace

template <class T>
void stationary_forward(const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team,
                        const ForwardArrays<T>& arrays) {
    Workspace workspace(bytes_of<StationaryForward<T>>(sizes, kernels, arrays, team.threads));
    Arena arena(workspace.memory());
    const StationaryForward<T> forward(arena, sizes, kernels, arrays, team.threads);
    forward.start();
    run_pass(team, kernels, forward);
}

template void stationary_forward(const Sizes&, const KernelTable<float>&, TeamSize, const ForwardArrays<float>&);
template void stationary_forward(const Sizes&, const KernelTable<double>&, TeamSize, const ForwardArrays<double>&);

}  // namespace rnnfast
