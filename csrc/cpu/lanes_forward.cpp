// The variant `lanes`, forward: everything of a group in one pass over time.
#include "lanes.hpp"
#include "variants.hpp"

namespace rnnfast {

namespace {

template <class T>
class LanesForward {
   public:
    LanesForward(Arena& arena, const Sizes& s, const KernelTable<T>& kernels, const ForwardArrays<T>& arrays,
                 int threads)
        : s_(s),
          kernels_(kernels),
          f_(s.activation, kernels),
          a_(arrays),
          steps_(arrays.steps),
          groups_(lane_groups(s, kernels, threads)),
          most_lanes_(groups_.width(0) * kernels.vector_len),
          depth_(s.input_size + s.hidden_size),
          weights_(arena.take<T>(s.hidden_size * depth_)),
          bias_(arena.take<T>(s.hidden_size * most_lanes_)),
          operands_(arena.take<T>(threads * 2 * depth_ * most_lanes_)) {}

    // The one who calls, before anyone runs.
    void start() const {
        const PhaseTimer timer(Phase::kPacking);
        for (Index k = 0; k < s_.hidden_size; ++k) {
            T* w = std::copy_n(a_.w_ih + k * s_.input_size, s_.input_size, weights_ + k * depth_);
            std::copy_n(a_.w_hh + k * s_.hidden_size, s_.hidden_size, w);
            std::fill_n(bias_ + k * most_lanes_, most_lanes_, a_.b[k]);
        }
    }

    void run(Member& member) const {
        const PhaseTimer timer(Phase::kRecurrence);
        member.share(groups_.count, [&](Index group) { run_group(group, member.id); });
    }

   private:
    // A step reads one operand, [x_t; h_{t-1}] with a row for each input and hidden unit, and writes h_t to the other.
    void run_group(Index group, int member) const {
        const Index first = groups_.first_column(group), i = s_.input_size, h = s_.hidden_size;
        const Range sequences(first, std::min(first + groups_.columns_in(group), steps_.batch));
        if (sequences.size() <= 0) return;
        T* operand = operands_ + member * 2 * depth_ * most_lanes_;
        T* other = operand + depth_ * most_lanes_;
        Index active = sequences.size(), lanes = lanes_for(active, kernels_);
        GroupProduct<T> product(kernels_, false, weights_, h, depth_, lanes);
        if (a_.h0)
            kernels_.transpose_padded(a_.h0 + first * h, h, sequences.size(), h, operand + i * lanes, lanes);
        else
            std::fill_n(operand + i * lanes, h * lanes, T(0));
        for (Index step = 0; step < steps_.count; ++step) {
            const Index row = steps_.first(step) + first, count = steps_.active(step, sequences).size();
            if (count == 0) break;
            if (count < active) {
                active = count;
                if (const Index fewer = lanes_for(count, kernels_); fewer < lanes) {
                    change_lanes(operand, depth_, lanes, fewer);
                    lanes = fewer;
                    product = GroupProduct<T>(kernels_, false, weights_, h, depth_, lanes);
                }
            }
            T* state = other + i * lanes;
            kernels_.transpose_padded(a_.x + row * i, i, count, i, operand, lanes);
            product.run(operand, bias_, most_lanes_, state);
            f_.activate(state, h * lanes);
            kernels_.transpose_dense(state, lanes, h, count, a_.y + row * h);
            std::swap(operand, other);
        }
        copy_last_states(steps_, sequences, a_.y, h, a_.h_n);
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const Pointwise<T> f_;
    const ForwardArrays<T>& a_;
    const Steps& steps_;
    const Panels groups_;
    const Index most_lanes_;
    const Index depth_;  // I + H
    T* weights_;         // (H, depth): [W_ih W_hh]
    T* bias_;            // (H, most_lanes)
    T* operands_;        // 2 x (depth, lanes) for each member
};

}  // namespace

template <class T>
void lanes_forward(const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team, const ForwardArrays<T>& arrays) {
    Workspace workspace(bytes_of<LanesForward<T>>(sizes, kernels, arrays, team.threads));
    Arena arena(workspace.memory());
    const LanesForward<T> forward(arena, sizes, kernels, arrays, team.threads);
    forward.start();
    run_pass(team, kernels, forward);
}

template void lanes_forward(const Sizes&, const KernelTable<float>&, TeamSize, const ForwardArrays<float>&);
template void lanes_forward(const Sizes&, const KernelTable<double>&, TeamSize, const ForwardArrays<double>&);

}  // namespace rnnfast
