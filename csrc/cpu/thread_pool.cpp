#include "thread_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "processors.hpp"

namespace rnnfast {

namespace {

constexpr int kMostThreads = 256;
// A worker that finds no job looks again this often, some tens of microseconds, before it sleeps.
constexpr int kSpinsBeforeSleep = 2000;
// A job that comes so soon after another is one of a row of jobs: threads are woken up for it that the row will use.
constexpr int64_t kSoon = 20'000;  // ns

// Whether threads that meet step by step gain anything: on a machine whose processors are busy with other work, most
// of the time goes in waiting for one that has none. Then nobody meets for a while.
class Meetings {
   public:
    bool are_worthless() const { return steady_nanoseconds() < until_; }

    void add(const Team& team) {
        party_time_ += team.party_time(), lost_time_ += team.lost_time();
        if (party_time_ < kPeriod) return;
        if (2 * lost_time_ > party_time_) until_ = steady_nanoseconds() + kPause * party_time_;
        party_time_ = lost_time_ = 0;
    }

   private:
    static constexpr int64_t kPeriod = 20'000'000;  // ns
    static constexpr int kPause = 10;               // times what was seen

    int64_t party_time_ = 0, lost_time_ = 0, until_ = 0;
};

class Pool {
   public:
    // Does nothing and returns false if the pool is at work for another caller, or asleep and not worth waking.
    bool run(TeamSize size, Job job, const void* context) {
        std::unique_lock<std::mutex> caller(caller_, std::try_to_lock);
        if (!caller.owns_lock()) return false;
        const int threads = size.threads;
        if (!size.wake && sleepers_.load() == workers_ && steady_nanoseconds() - finished_.load() > kSoon) return false;
        while (workers_ < threads - 1) {
            const int id = ++workers_;
            std::thread([this, id] { work(id); }).detach();
        }
        Team team(size, meetings_.are_worthless());
        team_ = &team, job_ = job, context_ = context;
        const uint64_t call = (call_.load(std::memory_order_relaxed) | kSizeMask) + 1;
        call_.store(call | static_cast<uint64_t>(threads));
        if (sleepers_.load() > 0) {
            const PhaseTimer timer(Phase::kWaiting);
            {
                std::lock_guard<std::mutex> lock(sleep_);
            }  // whoever has looked at call_ is waiting by now
            wake_.notify_all();
        }
        Member member(team, 0);
        job(context, member);
        call_.store(call);  // a team of nobody: who comes now stays outside
        {
            const PhaseTimer timer(Phase::kWaiting);
            spin_until([this] { return inside_.load() == 0; });
        }
        meetings_.add(team);
        finished();
        return true;
    }

    // A job is over, of the pool's or of a caller who worked alone.
    void finished() { finished_.store(steady_nanoseconds()); }

   private:
    static constexpr uint64_t kSizeMask = 0xffff;

    void work(int id) {
        for (uint64_t seen = 0;;) {
            seen = next_call(seen);
            inside_.fetch_add(1);
            if (call_.load() == seen && id < static_cast<int>(seen & kSizeMask)) {
                Member member(*team_, id);
                job_(context_, member);
            }
            inside_.fetch_sub(1);
        }
    }

    uint64_t next_call(uint64_t seen) {
        for (;;) {
            uint64_t call = seen;
            for (int spins = 0; spins < kSpinsBeforeSleep; ++spins) {
                call = call_.load();
                if (call != seen && (call & kSizeMask)) return call;
                pause();
            }
            // The job that wakes this thread may be over by the time it runs: it looks out for the next one then.
            std::unique_lock<std::mutex> lock(sleep_);
            sleepers_.fetch_add(1);
            wake_.wait(lock, [&] { return call_.load() != call; });
            sleepers_.fetch_sub(1);
        }
    }

    std::mutex caller_;
    Meetings meetings_;
    std::atomic<int64_t> finished_{0};  // when the last job was
    int workers_ = 0;
    // Odd cache lines apart: the workers look at call_ all the time.
    alignas(64) std::atomic<uint64_t> call_{0};  // a counter, and in the low 16 bits the team's size while it works
    alignas(64) std::atomic<int> inside_{0};     // workers that may touch what follows
    Team* team_ = nullptr;
    Job job_ = nullptr;
    const void* context_ = nullptr;
    std::mutex sleep_;
    std::condition_variable wake_;
    std::atomic<int> sleepers_{0};
};

// Never destroyed: workers may be asleep in it when the process ends.
Pool* pool = nullptr;

Pool& the_pool() {
    static std::once_flag once;
    std::call_once(once, [] {
        pool = new Pool;
        // A child has none of its parent's threads, and mutexes in an unknown state: it begins anew.
        pthread_atfork(nullptr, nullptr, [] { pool = new Pool; });
    });
    return *pool;
}

int from_environment(const char* name) {
    const char* text = std::getenv(name);
    return text ? std::atoi(text) : 0;
}

int default_threads() {
    for (const char* name : {"RNNFAST_NUM_THREADS", "OMP_NUM_THREADS"})
        if (const int threads = from_environment(name); threads > 0) return threads;
    return available_processors();
}

std::atomic<int> most_threads{0};

// How long the caller waits for others to join: those who are awake, or those who have been woken up.
constexpr std::chrono::microseconds kUntilHere(10), kUntilAwake(300);

}  // namespace

void Member::join() {
    const PhaseTimer timer(Phase::kWaiting);
    std::atomic<int>& joined = team_.joined_;
    if (id == 0) {
        rank_ = 0;
        if (joined.load() >= Team::kClosed) return;
        const auto limit = std::chrono::steady_clock::now() + (team_.wake ? kUntilAwake : kUntilHere);
        while (joined.load() < team_.size && std::chrono::steady_clock::now() < limit) pause();
        joined.fetch_add(Team::kClosed);
        return;
    }
    int members = joined.load();
    do {
        if (members >= Team::kClosed) {
            rank_ = kLate;
            return;
        }
    } while (!joined.compare_exchange_weak(members, members + 1));
    rank_ = members;
    spin_until([&] { return joined.load() >= Team::kClosed; });
}

void run_team(TeamSize size, Job job, const void* context) {
    if (size.threads > 1 && the_pool().run(size, job, context)) return;
    Team alone({1, false});
    Member member(alone, 0);
    job(context, member);
    if (size.threads > 1) the_pool().finished();
}

int num_threads() {
    int threads = most_threads.load(std::memory_order_relaxed);
    if (threads == 0) {
        threads = std::clamp(default_threads(), 1, kMostThreads);
        most_threads.store(threads, std::memory_order_relaxed);
    }
    return threads;
}

void set_num_threads(int threads) { most_threads.store(std::clamp(threads, 1, kMostThreads)); }

}  // namespace rnnfast
