#include "profiler.hpp"

#include <algorithm>
#include <mutex>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "clock.hpp"

namespace rnnfast {

const char* const kPhaseNames[kPhases] = {
    "call",          "packing",          "input projection", "recurrence", "activation", "backward recurrence",
    "recomputation", "weight gradients", "input gradient",   "waiting",
};

std::atomic<ThreadLog*> thread_logs[kMostThreadLogs] = {};
std::atomic<bool> profiling_on{false};

namespace {

// Whether the counter runs at one rate whatever the processor does, on all of its cores.
bool counter_is_invariant() {
#if defined(__x86_64__)
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) && (edx & (1u << 8));
#else
    return true;
#endif
}

// A log outlives its thread, for it may not have been read yet; then another thread goes on with it.
int claim_log() {
    for (int number = 0; number < kMostThreadLogs; ++number) {
        ThreadLog* log = thread_logs[number].load(std::memory_order_acquire);
        if (!log) {
            ThreadLog* made = new ThreadLog;
            made->owned.store(true);
            if (thread_logs[number].compare_exchange_strong(log, made, std::memory_order_acq_rel)) return number;
            delete made;
        }
        bool owned = false;
        if (log->owned.compare_exchange_strong(owned, true, std::memory_order_acq_rel)) return number;
    }
    return -1;
}

struct Claim {
    const int number = claim_log();
    ThreadLog* const log = number < 0 ? nullptr : thread_logs[number].load(std::memory_order_relaxed);
    ~Claim() {
        this_thread_log = nullptr;
        if (log) log->open = nullptr, log->owned.store(false, std::memory_order_release);
    }
};

const Claim& claim() {
    static thread_local const Claim claimed;
    return claimed;
}

struct Instant {
    Ticks ticks;
    int64_t nanoseconds;

    // The tightest of some readings of both clocks.
    static Instant now() {
        Instant best{};
        Ticks least = INT64_MAX;
        for (int reading = 0; reading < 16; ++reading) {
            const Ticks before = now_ticks();
            const int64_t nanoseconds = steady_nanoseconds();
            const Ticks after = now_ticks();
            if (after - before < least) least = after - before, best = {before + least / 2, nanoseconds};
        }
        return best;
    }
};

// When profiling was first switched on; the longer ago, the better the rate is known.
Instant first;
constexpr int64_t kLeastBaseline = 2000000;

}  // namespace

const bool has_steady_counter = counter_is_invariant();

Ticks steady_ticks() { return steady_nanoseconds(); }

__thread ThreadLog* this_thread_log = nullptr;

ThreadLog* claimed_thread_log() { return this_thread_log = claim().log; }
int thread_log_number() { return claim().number; }

void set_profiling(bool on) {
    static std::once_flag once;
    if (on) {
        std::call_once(once, [] {
            first = Instant::now();
            while (steady_nanoseconds() - first.nanoseconds < kLeastBaseline) {
            }
        });
    }
    profiling_on.store(on);
}

ClockRate clock_rate() {
    const Instant now = Instant::now();
    return {double(now.nanoseconds - first.nanoseconds) / double(now.ticks - first.ticks), first.nanoseconds,
            first.ticks};
}

void PhaseTimer::begin() {
    log_ = this_thread_log ? this_thread_log : claimed_thread_log();
    if (!log_) return;
    outer_ = log_->open;
    log_->open = this;
    inside_ = 0;
    begin_ = now_ticks();
}

void PhaseTimer::end() {
    const Ticks now = now_ticks(), all = now - begin_, own = all - inside_;
    log_->open = outer_;
    outer_ ? void(outer_->inside_ += all) : ThreadLog::grow(log_->outermost, all);
    log_->add(phase_, own, 1);
    if (record_ == kEvent) log_->note({begin_, now, own, phase_});
}

void ActivationTimer::end() {
    PhaseTimer& around = *log_->open;
    const Ticks now = now_ticks();
    // No more than there was: a thread that lost its processor in the one that was timed did not lose it in all.
    const Ticks spent = std::min(weight_ * (now - begin_), now - around.begin_ - around.inside_);
    around.inside_ += spent;
    log_->add(Phase::kActivation, spent, weight_);
}

}  // namespace rnnfast
