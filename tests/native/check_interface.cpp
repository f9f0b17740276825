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
    cpu::Forward<T> forward{x.data(), w_ih.data(), w_hh.data(), b.data(), nullptr, {}, y.data(), h_n.data()};
    cpu::Backward<T> backward{y.data(), x.data(),  y.data(),     w_ih.data(),  w_hh.data(), nullptr,   h_n.data(),
                              {},       dx.data(), dw_ih.data(), dw_hh.data(), db.data(),   dh0.data()};

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
    spoil(problem);
    try {
        problem.run();
        std::puts("no error");
    } catch (const std::invalid_argument& error) {
        const bool untouched = std::isnan(problem.y[0]) && std::isnan(problem.dx[0]);
        std::printf("%s%s\n", error.what(), untouched ? "" : " (and something was written)");
    }
}

template <class T>
double difference(const std::string& forward, const std::string& backward) {
    Problem<double> right;
    Problem<T> other;
    other.layer.forward_variant = forward, other.layer.backward_variant = backward;
    const std::vector<double> a = right.run();
    const std::vector<T> b = other.run();
    double most = 0;
    for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::isnan(b[i]) ? 1.0 : std::abs(a[i] - b[i]));
    return most;
}

}  // namespace

int main() {
    const std::vector<int64_t> lengths{1, 9, 2};
    const bool mask[kSteps * kBatch] = {};
    expect_error([](auto& p) { p.layer.batch = 0; });
    expect_error([](auto& p) { p.layer.heads = 3; });
    expect_error([](auto& p) { p.layer.activation = "tan"; });
    expect_error([](auto& p) { p.layer.clip = -1; });
    expect_error([](auto& p) { p.layer.bptt_steps = -2; });
    expect_error([](auto& p) { p.layer.forward_variant = "lane"; });
    expect_error([](auto& p) { p.layer.heads = 2, p.layer.forward_variant = "lanes"; });
    expect_error([](auto& p) { p.layer.forward_variant = "tiles"; });
    expect_error([](auto& p) { p.layer.precision = "high"; });
    expect_error([](auto& p) { p.forward.x = nullptr; });
    expect_error([&](auto& p) { p.forward.valid.lengths = lengths.data(); });
    expect_error([&](auto& p) { p.forward.valid = {lengths.data(), mask}; });
    for (const std::string& name : {"auto", "panel", "lanes", "stationary"})
        std::printf("%s %d %d\n", name.c_str(), difference<double>(name, name) < 1e-14,
                    difference<float>(name, name) < 1e-6);
}
