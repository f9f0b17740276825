// Threads that go through the phases of a job together. A phase is shared out by tasks, or run by a party that meets at
// a barrier. Nobody waits for a thread that has not come: a phase is complete when its tasks are, whoever did them, and
// the party is those who came in time, so that a call costs no more than one thread's time where the others are asleep
// or their processors are taken.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

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

// Gives the processor away after so many looks: the thread waited for may need it.
template <class Done>
void spin_until(Done done) {
    constexpr int kSpinsBeforeYield = 10000;
    for (int spins = 0; !done(); ++spins) spins < kSpinsBeforeYield ? pause() : std::this_thread::yield();
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
    explicit Team(TeamSize size) : size(size.threads), wake(size.wake) {}

    const int size;
    const bool wake;

   private:
    friend class Member;
    std::atomic<uint64_t> next_{0};  // the phase, and in the low 32 bits its next task
    std::atomic<Index> done_{0};     // tasks of the phase that are complete
    std::atomic<int> joined_{1};     // members of the party, the caller among them; from kClosed on nobody joins
    alignas(64) std::atomic<int> arrived_{0};
    alignas(64) std::atomic<int> meetings_{0};

    static constexpr int kClosed = 1 << 16;
};

// The members of a team that came in time, for a phase whose parts depend on each other.
class Party {
   public:
    const int rank, size;

    // Returns when all have called it; what they wrote before is seen after.
    void meet() {
        if (size == 1) return;
        const int meeting = meetings_.load(std::memory_order_relaxed);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size) {
            arrived_.store(0, std::memory_order_relaxed);
            meetings_.store(meeting + 1, std::memory_order_release);
        } else {
            const PhaseTimer timer(Phase::kWaiting, PhaseTimer::kTotalAlone);
            spin_until([&] { return meetings_.load(std::memory_order_acquire) != meeting; });
        }
    }

   private:
    friend class Member;
    Party(int rank, int size, std::atomic<int>& arrived, std::atomic<int>& meetings)
        : rank(rank), size(size), arrived_(arrived), meetings_(meetings) {}

    std::atomic<int>& arrived_;
    std::atomic<int>& meetings_;
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
            Party party(rank_, team_.joined_.load(std::memory_order_relaxed) - Team::kClosed, team_.arrived_,
                        team_.meetings_);
            f(party);
            party.meet();
            if (rank_ == 0) team_.next_.store((phase + 1) << 32, std::memory_order_release);
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

// The most threads that a job may use: set_num_threads, else RNNFAST_NUM_THREADS, else OMP_NUM_THREADS, else the
// processors that this process may run on.
int num_threads();
void set_num_threads(int threads);

}  // namespace rnnfast
