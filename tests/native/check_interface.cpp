// What the public interface says of bad input, a line each; then how far apart the variants are.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <rnnfast/cpu.hpp>
#include <stdexcept>
#include <vector>

namespace cpu = rnnfast::cpu;

namespace {

constexpr int kSteps = 6, kBatch = 3, kInputs = 4, kUnits = 8;

// Arrays of one layer, with a pass each way.
template <class T>
struct Problem {
    std::vector<T> x = waves(kSteps * kBatch * kInputs), w_ih = waves(kUnits * kInputs);
    std::vector<T> w_hh = waves(kUnits * kUnits), b = waves(kUnits), y{unset(kSteps * kBatch * kUnits)};
    std::vector<T> h_n{unset(kBatch * kUnits)}, dx{unset(kSteps * kBatch * kInputs)}, dw_ih{unset(kUnits * kInputs)};
    std::vector<T> dw_hh{unset(kUnits * kUnits)}, db{unset(kUnits)}, dh0{unset(kBatch * kUnits)};
    cpu::Layer layer{kSteps, kBatch, kInputs, kUnits};
    cpu::Forward<T> forward{x.data(), w_ih.data(), w_hh.data(), b.data(), nullptr, {}, nullptr, y.data(), h_n.data()};
    cpu::Backward<T> backward{y.data(), x.data(), y.data(),  w_ih.data(),  w_hh.data(),  nullptr,   h_n.data(),
                              {},       nullptr,  dx.data(), dw_ih.data(), dw_hh.data(), db.data(), dh0.data()};

    static std::vector<T> waves(int count) {
        std::vector<T> made(count);
        for (int i = 0; i < count; ++i) made[i] = T(0.3 * std::sin(i + 1));
        return made;
    }
    static std::vector<T> unset(int count) { return std::vector<T>(count, std::numeric_limits<T>::quiet_NaN()); }

    std::vector<T> run() {
        cpu::forward(layer, forward);
        cpu::backward(layer, backward);
        std::vector<T> all;
        for (const auto* part : {&y, &h_n, &dx, &dw_ih, &dw_hh, &db, &dh0})
            all.insert(all.end(), part->begin(), part->end());
        return all;
    }
};

void expect_error(const std::function<void(Problem<double>&)>& spoil) {
    Problem<double> problem;
    try {
        spoil(problem);
        problem.run();
        std::puts("no error");
    } catch (const std::invalid_argument& error) {
        const bool untouched = std::isnan(problem.y[0]) && std::isnan(problem.dx[0]);
        std::printf("%s%s\n", error.what(), untouched ? "" : " (and something was written)");
    }
}

double distance(double a, double b) { return std::isnan(a) || std::isnan(b) ? 1.0 : std::abs(a - b); }

template <class T>
double difference(const std::string& forward, const std::string& backward) {
    Problem<double> right;
    Problem<T> other;
    other.layer.forward_variant = forward, other.layer.backward_variant = backward;
    const std::vector<double> a = right.run();
    const std::vector<T> b = other.run();
    double most = 0;
    for (size_t i = 0; i < a.size(); ++i) most = std::max(most, distance(a[i], b[i]));
    return most;
}

// With a recurrent mask that is the same for all sequences, from W_hh with its columns scaled by it.
double difference_to_scaled_weights() {
    Problem<double> masked, scaled;
    std::vector<double> mask(kBatch * kUnits);
    for (int i = 0; i < kBatch * kUnits; ++i) mask[i] = i % kUnits % 3;
    for (int i = 0; i < kUnits * kUnits; ++i) scaled.w_hh[i] *= mask[i % kUnits];
    masked.forward.recurrent_mask = masked.backward.recurrent_mask = mask.data();
    masked.run(), scaled.run();
    for (int i = 0; i < kUnits * kUnits; ++i) scaled.dw_hh[i] *= mask[i % kUnits];
    double most = 0;
    for (const auto part : {&Problem<double>::y, &Problem<double>::h_n, &Problem<double>::dx, &Problem<double>::dw_ih,
                            &Problem<double>::dw_hh, &Problem<double>::db, &Problem<double>::dh0})
        for (size_t i = 0; i < (masked.*part).size(); ++i)
            most = std::max(most, distance((masked.*part)[i], (scaled.*part)[i]));
    return most;
}

// Whether dx is the same numbers in the order of the batch, and the rest the same with it and without.
bool dx_in_either_order_or_none(const std::string& variant, bool reverse) {
    Problem<double> right, other, without;
    for (auto* problem : {&right, &other, &without})
        problem->layer.forward_variant = problem->layer.backward_variant = variant, problem->layer.reverse = reverse;
    other.layer.dx_batch_first = true, without.backward.dx = nullptr;
    right.run(), other.run(), without.run();
    bool same = right.dw_ih == other.dw_ih && right.dw_hh == without.dw_hh && right.dw_ih == without.dw_ih;
    for (int t = 0; t < kSteps; ++t)
        for (int row = 0; row < kBatch; ++row)
            for (int i = 0; i < kInputs; ++i)
                same &= right.dx[(t * kBatch + row) * kInputs + i] == other.dx[(row * kSteps + t) * kInputs + i];
    return same && std::isnan(without.dx[0]);
}

}  // namespace

int main() {
    const std::vector<int64_t> lengths{1, 9, 2};
    const bool mask[kSteps * kBatch] = {};
    expect_error([](auto& p) { p.layer.batch = 0; });
    expect_error([](auto& p) { p.layer.heads = 3; });
    expect_error([](auto& p) { p.layer.activation = "tan"; });
    expect_error([](auto& p) { p.layer.clip = -1; });
    expect_error([](auto& p) { p.layer.alpha = std::nan(""); });
    expect_error([](auto& p) { p.layer.activation = "leaky_relu", p.layer.alpha = -1; });
    expect_error([](auto& p) { p.layer.activation = "softplus"; });
    expect_error([](auto& p) { p.layer.activation = "hard_tanh", p.layer.alpha = 2, p.layer.beta = 1; });
    expect_error([](auto& p) { p.layer.activation = "scaled_tanh", p.layer.alpha = 1; });
    expect_error([](auto& p) { p.layer.seq_len = std::numeric_limits<cpu::Index>::max(); });
    expect_error([](auto& p) { p.layer = {}; });
    expect_error([](auto& p) { p.layer.isa = "sse9"; });
    expect_error([](auto&) { cpu::set_num_threads(0); });
    expect_error([](auto& p) { p.layer.bptt_steps = -2; });
    expect_error([](auto& p) { p.layer.forward_variant = "lane"; });
    expect_error([](auto& p) { p.layer.heads = 2, p.layer.forward_variant = "lanes"; });
    expect_error([](auto& p) { p.layer.forward_variant = "tiles"; });
    expect_error([](auto& p) { p.layer.precision = "high"; });
    expect_error([](auto& p) { p.forward.x = nullptr; });
    expect_error([&](auto& p) { p.forward.valid.lengths = lengths.data(); });
    expect_error([&](auto& p) { p.forward.valid = {lengths.data(), mask}; });
    expect_error([&](auto& p) { p.layer.forward_variant = "lanes", p.forward.recurrent_mask = p.b.data(); });
    expect_error([&](auto& p) { p.layer.dx_batch_first = true, p.forward.valid.mask = mask; });
    std::printf("recurrent_mask %d\n", difference_to_scaled_weights() < 1e-14);
    for (const std::string& name : {"panel", "lanes", "stationary"})
        std::printf("dx %d %d\n", dx_in_either_order_or_none(name, false), dx_in_either_order_or_none(name, true));
    for (const std::string& name : {"auto", "panel", "lanes", "stationary"})
        std::printf("%s %d %d\n", name.c_str(), difference<double>(name, name) < 1e-14,
                    difference<float>(name, name) < 1e-6);
}
