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
          steps_(arrays.steps),
          w_ih_(arena, kernels, kernels.panel_width(kChunkRows, s.input_size), s.input_size, s.hidden_size, threads),
          w_hh_(arena, kernels, kernels.panel_width(s.batch, s.hidden_size), s.hidden_size, s.hidden_size, threads),
          zeros_(arena.take<T>(s.hidden_size)) {}

    // The one who calls, before anyone runs.
    void start() const { std::fill_n(zeros_, s_.hidden_size, T(0)); }

    void run(Member& member) const {
        pack(member);
        const Index chunk = std::max<Index>(1, kChunkRows / s_.batch);
        for (Index begin = 0; begin < steps_.count; begin += chunk) {
            const Index end = std::min(begin + chunk, steps_.count);
            project(member, begin, end);
            const PhaseTimer timer(Phase::kRecurrence);
            member.together([&](Party& party) {
                const Share share(w_hh_.panels, party);
                for (Index step = begin; step < end; ++step) {
                    if (!share.empty()) recur(step, share);
                    party.meet();
                }
            });
        }
        member.share(1, [&](Index) { copy_last_states(steps_, {0, steps_.batch}, a_.y, s_.hidden_size, a_.h_n); });
    }

   private:
    void pack(Member& member) const {
        const PhaseTimer timer(Phase::kPacking);
        const Index ih_panels = w_ih_.panels.count;
        member.share(ih_panels + w_hh_.panels.count, [&](Index p) {
            p < ih_panels ? w_ih_.pack_transposed(kernels_, a_.w_ih, p)
                          : w_hh_.pack_transposed(kernels_, a_.w_hh, p - ih_panels);
        });
    }

    void project(Member& member, Index begin, Index end) const {
        const PhaseTimer timer(Phase::kInputProjection);
        const Index ih_panels = w_ih_.panels.count;
        const Index parts = std::min(ih_panels, kProjectionsPerMember * member.team_size());
        member.share(parts, [&](Index part) { project(begin, end, Range(ih_panels, parts, part)); });
    }

    T* y(Index step) const { return a_.y + steps_.first(step) * s_.hidden_size; }

    // Some panels of y_t := x_t W_ih^T + b for the steps [begin, end)
    void project(Index begin, Index end, Range panels) const {
        const Index first = std::min(steps_.first(begin), steps_.first(end - 1));
        multiply<T>(kernels_, 1, steps_.before(end) - steps_.before(begin),
                    {a_.x + first * s_.input_size, 0, s_.input_size}, w_ih_, panels.begin, panels.end, {a_.b, 0, 0},
                    {a_.y + first * s_.hidden_size, 0, s_.hidden_size});
    }

    // y_t := f(y_t + h_{t-1} W_hh^T), some columns of it
    void recur(Index step, const Share& share) const {
        const Index h = s_.hidden_size, rows = steps_.rows(step);
        Rows<const T> previous{zeros_, 0, 0};
        if (step)
            previous = {y(step - 1), 0, h};
        else if (a_.h0)
            previous = {a_.h0, 0, h};
        T* state = y(step);
        multiply<T>(kernels_, 1, rows, previous, w_hh_, share.panels.begin, share.panels.end, {state, 0, h},
                    {state, 0, h});
        f_.activate_rows(state + share.first, rows, h, share.columns);
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const Pointwise<T> f_;
    const ForwardArrays<T>& a_;
    const Steps& steps_;
    PackedMatrix<T> w_ih_, w_hh_;
    T* zeros_;  // (H,)
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
