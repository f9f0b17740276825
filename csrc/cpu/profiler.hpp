// Where a call spends its time: timers around the phases of the passes, off by default.
//
// A timer that is off is one branch. On, it reads the processor's time-stamp counter at both ends, adds what was spent
// in the phase itself, without the timers inside it, to its thread's totals, and notes an event. Threads share nothing:
// each writes its own log, and whoever reads the logs disturbs no one. What finds no room is counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "contract.hpp"

namespace rnnfast {

enum class Phase : int {
    kCall,  // outside the phases below: workspace, handing out the work
    kPacking,
    kInputProjection,
    kRecurrence,
    kActivation,  // of either direction: f, or f'
    kBackwardRecurrence,
    kRecomputation,  // pre-activations that were not stored
    kWeightGradients,
    kInputGradient,
    kWaiting,  // for other threads, and waking them up
};
constexpr int kPhases = 10;
extern const char* const kPhaseNames[kPhases];

using Ticks = int64_t;

struct Event {
    Ticks begin, end, own;  // own: without the timers inside it
    Phase phase;
};

class PhaseTimer;

// What one thread has done. It alone writes; the counters only grow.
struct ThreadLog {
    static constexpr int64_t kEvents = 1 << 15;

    std::atomic<bool> owned{false};
    std::atomic<Ticks> totals[kPhases] = {};
    std::atomic<int64_t> counts[kPhases] = {};
    std::atomic<Ticks> outermost{0};  // in timers that no other one was around
    std::atomic<int64_t> written{0}, read{0}, dropped{0};
    std::unique_ptr<Event[]> events{new Event[kEvents]};  // a ring
    PhaseTimer* open = nullptr;                           // the innermost
    int until_sample = 1;                                 // activations

    void add(Phase phase, Ticks own, int64_t count) {
        grow(totals[static_cast<int>(phase)], own);
        grow(counts[static_cast<int>(phase)], count);
    }
    void note(const Event& event) {
        const int64_t at = written.load(std::memory_order_relaxed);
        if (at - read.load(std::memory_order_acquire) == kEvents) return grow(dropped, 1);
        events[at % kEvents] = event;
        written.store(at + 1, std::memory_order_release);
    }
    static void grow(std::atomic<int64_t>& counter, int64_t by) {
        counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }
};

// The logs of all threads that have had one, by number; null from the first that is not there on.
constexpr int kMostThreadLogs = 512;
extern std::atomic<ThreadLog*> thread_logs[kMostThreadLogs];

// That of this thread, null before it is claimed. On Linux reading it takes no call: eight bytes fit into what a
// process keeps for libraries that are loaded late.
#if defined(__linux__)
extern __thread ThreadLog* this_thread_log __attribute__((tls_model("initial-exec")));
#else
extern __thread ThreadLog* this_thread_log;
#endif

// Claims one if there is none yet; null if there are too many. And its number, or -1.
ThreadLog* claimed_thread_log();
int thread_log_number();

extern std::atomic<bool> profiling_on;
inline bool profiling() { return profiling_on.load(std::memory_order_relaxed); }
void set_profiling(bool on);

// Nanoseconds of std::chrono::steady_clock for a time in ticks, after set_profiling(true).
struct ClockRate {
    double nanoseconds_per_tick;
    int64_t nanoseconds;  // at
    Ticks ticks;

    int64_t at(Ticks t) const { return nanoseconds + static_cast<int64_t>(double(t - ticks) * nanoseconds_per_tick); }
};
ClockRate clock_rate();

Ticks steady_ticks();
extern const bool has_steady_counter;

inline Ticks now_ticks() {
#if defined(__x86_64__)
    if (has_steady_counter) return static_cast<Ticks>(__rdtsc());
#elif defined(__aarch64__)
    Ticks ticks;
    asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#endif
    return steady_ticks();
}

// Times its own lifetime.
class PhaseTimer {
   public:
    enum Record { kEvent, kTotalAlone };

    explicit PhaseTimer(Phase phase, Record record = kEvent) : phase_(phase), record_(record) {
        if (__builtin_expect(profiling(), 0)) begin();
    }
    ~PhaseTimer() {
        if (__builtin_expect(log_ != nullptr, 0)) end();
    }
    PhaseTimer(const PhaseTimer&) = delete;
    PhaseTimer& operator=(const PhaseTimer&) = delete;

   private:
    friend class ActivationTimer;
    void begin();
    void end();

    const Phase phase_;
    const Record record_;
    ThreadLog* log_ = nullptr;
    PhaseTimer* outer_;
    Ticks begin_, inside_;  // inside_: in timers within this one
};

// The activation of one step, within a timer. Where that is too short to be timed each time, one in kStride stands for
// all; a number without small factors keeps it apart from the rhythm of the steps.
class ActivationTimer {
   public:
    explicit ActivationTimer(Index elements) {
        if (__builtin_expect(profiling(), 0)) begin(elements);
    }
    ~ActivationTimer() {
        if (__builtin_expect(log_ != nullptr, 0)) end();
    }
    ActivationTimer(const ActivationTimer&) = delete;
    ActivationTimer& operator=(const ActivationTimer&) = delete;

   private:
    static constexpr Index kWorthTiming = 8192;
    static constexpr int kStride = 17;

    void begin(Index elements) {
        ThreadLog* log = this_thread_log;
        if (!log || !log->open) return;
        weight_ = 1;
        if (elements < kWorthTiming) {
            if (--log->until_sample) return;
            log->until_sample = weight_ = kStride;
        }
        log_ = log;
        begin_ = now_ticks();
    }
    void end();

    ThreadLog* log_ = nullptr;
    Ticks begin_;
    int weight_;
};

}  // namespace rnnfast
