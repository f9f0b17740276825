// What the machine can do at most, measured.
#include <pybind11/pybind11.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "cpu/dispatch.hpp"
#include "cpu/thread_pool.hpp"

namespace py = pybind11;

namespace rnnfast {

namespace {

// The largest rate, per second, over `rounds` rounds in which every thread does `work` once, which says how much it
// did.
template <class Work>
double best_rate(int threads, int rounds, Work work) {
    double best = 0;
    std::vector<double> done(threads);
    for (int round = 0; round < rounds; ++round) {
        double seconds = 0;
        run_team({threads, true}, [&](Member& member) {
            member.together([&](Party& party) {
                party.meet();
                const auto start = std::chrono::steady_clock::now();
                done[party.rank] = work(party.rank);
                party.meet();
                if (party.rank) return;
                seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
                std::fill(done.begin() + party.size, done.end(), 0);
            });
        });
        double total = 0;
        for (double amount : done) total += amount;
        best = std::max(best, total / seconds);
    }
    return best;
}

double multiply_add_rate(const std::string& isa, int threads) {
    py::gil_scoped_release release;
    const KernelTable<float>& kernels = rnnfast::kernels<float>(isa);
    constexpr Index kSteps = 200000;
    constexpr int kRounds = 40;
    std::vector<float> out(threads * 64);
    return best_rate(threads, kRounds, [&](int rank) { return kernels.multiply_add_peak(kSteps, &out[rank * 64]); });
}

double read_rate(const std::string& isa, Index bytes, int threads) {
    py::gil_scoped_release release;
    const KernelTable<float>& kernels = rnnfast::kernels<float>(isa);
    constexpr Index kBytesARound = Index(1) << 25;
    constexpr int kRounds = 20;
    const Index step = 4 * kernels.vector_len;
    const Index count = std::max(step, bytes / Index(sizeof(float)) / step * step);
    const Index repeats = std::max<Index>(1, kBytesARound / (count * Index(sizeof(float))));
    std::vector<std::vector<float>> data(threads, std::vector<float>(count, 1.0f));
    std::vector<float> out(threads * 64);
    return best_rate(threads, kRounds, [&](int rank) {
        double read = 0;
        for (Index i = 0; i < repeats; ++i) read += kernels.read_peak(data[rank].data(), count, &out[rank * 64]);
        return read;
    });
}

}  // namespace

void bind_peaks(py::module_& m) {
    m.def("multiply_add_rate", &multiply_add_rate, py::arg("isa"), py::arg("threads"));
    m.def("read_rate", &read_rate, py::arg("isa"), py::arg("bytes"), py::arg("threads"));
}

}  // namespace rnnfast
