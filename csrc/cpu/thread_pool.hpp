// Threads that go through the phases of a job together. A phase is shared out by tasks, or run by a party that meets at
// a barrier. Nobody waits for a thread that has not come: a phase is complete when its tasks are, whoever did them, and
// the party is those who came in time, so that a call costs no more than one thread's time where the others are asleep
// or their processors are taken.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "clock.hpp"
#include "contract.hpp"
#include "profiler.hpp"

namespace rnnfast {

inline void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Looks until it is done, or for some hundred microseconds; whether it is.
template <class Done>
bool spin(Done done) {
    constexpr int kSpins = 10000;
    for (int spins = 0; spins < kSpins; ++spins, pause())
        if (done()) return true;
    return false;
}

// Gives the processor away after a while: the thread waited for may need it.
template <class Done>
void yield_until(Done done) {
    while (!done()) std::this_thread::yield();
}
template <class Done>
void spin_until(Done done) {
    if (!spin(done)) yield_until(done);
}

// How many threads a job is for, and whether it is worth waking them up where they sleep: what follows hard upon
// another job finds them awake, or wakes them for those to come.
struct TeamSize {
    int threads;
    bool wake;
};

// The threads that run one job, and the phase they are in.
class Team {
   public:
    // With `apart` its members share tasks, but form no party: each is run by the caller.
    explicit Team(TeamSize size, bool apart = false)
        : size(size.threads), wake(size.wake), joined_{apart ? 1 + kClosed : 1} {}

    const int size;
    const bool wake;

    // In nanoseconds: what its parties took, and for how long of it all members waited for the last one. Work is shared
    // out evenly, so that one who is late has lost its processor.
    int64_t party_time() const { return party_time_; }
    int64_t lost_time() const { return lost_time_.load(); }

   private:
    friend class Member;
    friend class Party;
    static constexpr int kClosed = 1 << 16;
    std::atomic<uint64_t> next_{0};  // the phase, and in the low 32 bits its next task
    std::atomic<Index> done_{0};     // tasks of the phase that are complete
    std::atomic<int> joined_;        // members of the party, the caller among them; from kClosed on nobody joins
    int64_t party_time_ = 0;
    std::atomic<int64_t> lost_time_{0};
    alignas(64) std::atomic<int> arrived_{0};
    alignas(64) std::atomic<int> meetings_{0};
};

// The members of a team that came in time, for a phase whose parts depend on each other.
class Party {
   public:
    const int rank, size;

    // Returns when all have called it; what they wrote before is seen after.
    void meet() {
        if (size == 1) return;
        const int meeting = team_.meetings_.load(std::memory_order_relaxed);
        const int missing = size - 1 - team_.arrived_.fetch_add(1, std::memory_order_acq_rel);
        if (missing == 0) {
            team_.arrived_.store(0, std::memory_order_relaxed);
            team_.meetings_.store(meeting + 1, std::memory_order_release);
        } else {
            const PhaseTimer timer(Phase::kWaiting, PhaseTimer::kTotalAlone);
            const auto met = [&] { return team_.meetings_.load(std::memory_order_acquire) != meeting; };
            if (spin(met)) return;
            const int64_t begin = steady_nanoseconds();
            yield_until(met);
            if (missing == 1) team_.lost_time_.fetch_add(steady_nanoseconds() - begin, std::memory_order_relaxed);
        }
    }

   private:
    friend class Member;
    Party(int rank, int size, Team& team) : rank(rank), size(size), team_(team) {}

    Team& team_;
};

// One thread of a team. Every member goes through the same phases in the same order; between them it does nothing
// that others depend on, for it may come late and find them complete.
class Member {
   public:
    Member(Team& team, int id) : id(id), team_(team) {}

    const int id;  // below the team's size; 0 is the caller
    int team_size() const { return team_.size; }

    // Calls f(task) for tasks of [0, count) that no other member has begun; returns when all are complete. count >= 1.
    template <class F>
    void share(Index count, F&& f) {
        const uint64_t phase = phase_++;
        for (;;) {
            uint64_t next = team_.next_.load(std::memory_order_acquire);
            if (next >> 32 != phase) return;
            const Index task = static_cast<Index>(next & 0xffffffff);
            if (task >= count) break;
            if (!team_.next_.compare_exchange_weak(next, next + 1, std::memory_order_acq_rel)) continue;
            f(task);
            if (team_.done_.fetch_add(1, std::memory_order_acq_rel) + 1 < count) continue;
            team_.done_.store(0, std::memory_order_relaxed);
            team_.next_.store((phase + 1) << 32, std::memory_order_release);
            return;
        }
        const PhaseTimer timer(Phase::kWaiting);
        spin_until([&] { return team_.next_.load(std::memory_order_acquire) >> 32 != phase; });
    }

    // Calls f(party) on every member of the party; returns when all are back. Who is in it, is settled the first time.
    template <class F>
    void together(F&& f) {
        const uint64_t phase = phase_++;
        if (rank_ == kNotAsked) join();
        if (rank_ >= 0) {
            const int64_t begin = steady_nanoseconds();
            Party party(rank_, team_.joined_.load(std::memory_order_relaxed) - Team::kClosed, team_);
            f(party);
            party.meet();
            if (rank_ == 0) {
                team_.party_time_ += steady_nanoseconds() - begin;
                team_.next_.store((phase + 1) << 32, std::memory_order_release);
            }
        }
        const PhaseTimer timer(Phase::kWaiting);
        spin_until([&] { return team_.next_.load(std::memory_order_acquire) >> 32 > phase; });
    }

   private:
    static constexpr int kNotAsked = -2, kLate = -1;

    // The caller waits for the others a little, then closes the party.
    void join();

    Team& team_;
    uint64_t phase_ = 0;
    int rank_ = kNotAsked;  // in the party
};

using Job = void (*)(const void* context, Member& member);

// Runs job(context, member) on up to size.threads threads, the caller among them, and returns when its phases are
// complete. The caller works alone while the pool is busy with another caller's job.
void run_team(TeamSize size, Job job, const void* context);

template <class F>
void run_team(TeamSize size, const F& f) {
    run_team(size, [](const void* context, Member& member) { (*static_cast<const F*>(context))(member); }, &f);
}

// The most threads that a job may use: set_num_threads, else RNNFAST_NUM_THREADS, else OMP_NUM_THREADS, else
// available_processors().
int num_threads();
void set_num_threads(int threads);

}  // namespace rnnfast
