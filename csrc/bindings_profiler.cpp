// The timers of the passes, switched on and read.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <mutex>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "cpu/profiler.hpp"

namespace py = pybind11;

namespace rnnfast {

namespace {

std::vector<ThreadLog*> all_logs() {
    std::vector<ThreadLog*> found;
    for (const auto& log : thread_logs) {
        ThreadLog* const one = log.load(std::memory_order_acquire);
        if (!one) break;
        found.push_back(one);
    }
    return found;
}

py::array_t<int64_t> table(Index rows, Index columns) { return py::array_t<int64_t>({rows, columns}); }

// Since the process began: ticks in each phase itself and how often it was entered, (threads, phases), and the
// events that found no room, (threads, 1).
py::tuple totals() {
    const std::vector<ThreadLog*> logs = all_logs();
    const Index threads = static_cast<Index>(logs.size());
    py::array_t<int64_t> spent = table(threads, kPhases), counts = table(threads, kPhases), dropped = table(threads, 1);
    for (Index thread = 0; thread < threads; ++thread) {
        for (Index phase = 0; phase < kPhases; ++phase) {
            spent.mutable_at(thread, phase) = logs[thread]->totals[phase].load();
            counts.mutable_at(thread, phase) = logs[thread]->counts[phase].load();
        }
        dropped.mutable_at(thread, 0) = logs[thread]->dropped.load();
    }
    return py::make_tuple(std::move(spent), std::move(counts), std::move(dropped));
}

// Those that were not read yet, (n, 5): thread, phase, begin and end by steady_clock, time of its own; in nanoseconds.
py::array_t<int64_t> events() {
    static std::mutex one_reader;
    const std::lock_guard<std::mutex> lock(one_reader);
    const ClockRate clock = clock_rate();
    std::vector<int64_t> found;
    const std::vector<ThreadLog*> logs = all_logs();
    for (size_t thread = 0; thread < logs.size(); ++thread) {
        ThreadLog& log = *logs[thread];
        const int64_t end = log.written.load(std::memory_order_acquire);
        for (int64_t at = log.read.load(); at < end; ++at) {
            const Event& event = log.events[at % ThreadLog::kEvents];
            found.insert(found.end(),
                         {static_cast<int64_t>(thread), static_cast<int64_t>(event.phase), clock.at(event.begin),
                          clock.at(event.end), static_cast<int64_t>(double(event.own) * clock.nanoseconds_per_tick)});
        }
        log.read.store(end, std::memory_order_release);
    }
    py::array_t<int64_t> rows = table(static_cast<Index>(found.size()) / 5, 5);
    std::copy(found.begin(), found.end(), rows.mutable_data());
    return rows;
}

Ticks ticks_of_this_thread() {
    const ThreadLog* log = claimed_thread_log();
    return log ? log->outermost.load(std::memory_order_relaxed) : 0;
}

}  // namespace

void bind_profiler(py::module_& m) {
    m.attr("phases") = std::vector<std::string>(kPhaseNames, kPhaseNames + kPhases);
    m.def("set_profiling", &set_profiling, py::arg("on"));
    m.def("profiler_totals", &totals);
    m.def("profiler_events", &events);
    m.def("profiler_thread", &thread_log_number);
    m.def("profiler_ticks", &ticks_of_this_thread);
    m.def("profiler_nanoseconds_per_tick", [] { return clock_rate().nanoseconds_per_tick; });
}

}  // namespace rnnfast
