#include "thread_pool.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace rnnfast {

namespace {

constexpr int kMostThreads = 256;
// A worker that finds no job looks again this often, some tens of microseconds, before it sleeps.
constexpr int kSpinsBeforeSleep = 2000;
// A thread that waits for another gives its processor away after so many looks: the other may be waiting for it.
constexpr int kSpinsBeforeYield = 10000;

void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

template <class Done>
void spin_until(Done done) {
    for (int spins = 0; !done(); ++spins) {
        if (spins < kSpinsBeforeYield)
            pause();
        else
            std::this_thread::yield();
    }
}

class Pool {
 public:
    // False if the pool is at work for another caller.
    bool run(int threads, Job job, void* context) {
        std::unique_lock<std::mutex> caller(caller_, std::try_to_lock);
        if (!caller.owns_lock()) return false;
        while (workers_ < threads - 1) {
            const int member = ++workers_;
            std::thread([this, member, seen = call_.load()] { work(member, seen); }).detach();
        }
        Team team(threads);
        team_ = &team, job_ = job, context_ = context;
        unfinished_.store(threads - 1, std::memory_order_relaxed);
        call_.store(((call_.load() >> 16) + 1) << 16 | static_cast<uint64_t>(threads));
        if (sleepers_.load() > 0) {
            {
                std::lock_guard<std::mutex> lock(sleep_);
            }  // whoever has looked at call_ is waiting by now
            wake_.notify_all();
        }
        job(context, team, 0);
        spin_until([this] { return unfinished_.load(std::memory_order_acquire) == 0; });
        return true;
    }

 private:
    void work(int member, uint64_t seen) {
        for (;;) {
            seen = next_call(seen);
            // Beyond the team's size nothing of the job may be touched: it can be over by now.
            if (member >= static_cast<int>(seen & 0xffff)) continue;
            job_(context_, *team_, member);
            unfinished_.fetch_sub(1, std::memory_order_release);
        }
    }

    uint64_t next_call(uint64_t seen) {
        for (int spins = 0; spins < kSpinsBeforeSleep; ++spins) {
            const uint64_t call = call_.load();
            if (call != seen) return call;
            pause();
        }
        std::unique_lock<std::mutex> lock(sleep_);
        sleepers_.fetch_add(1);
        wake_.wait(lock, [&] { return call_.load() != seen; });
        sleepers_.fetch_sub(1);
        return call_.load();
    }

    std::mutex caller_;
    int workers_ = 0;
    std::atomic<uint64_t> call_{0};  // a counter, and in the low 16 bits the team's size
    std::atomic<int> unfinished_{0};
    Team* team_ = nullptr;
    Job job_ = nullptr;
    void* context_ = nullptr;
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
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
#endif
    return std::max(1u, std::thread::hardware_concurrency());
}

std::atomic<int> most_threads{0};

}  // namespace

void Team::barrier() {
    const unsigned phase = phase_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) == size_ - 1) {
        arrived_.store(0, std::memory_order_relaxed);
        phase_.store(phase + 1, std::memory_order_release);
    } else {
        spin_until([&] { return phase_.load(std::memory_order_acquire) != phase; });
    }
}

void run_team(int threads, Job job, void* context) {
    if (threads > 1 && the_pool().run(threads, job, context)) return;
    Team alone(1);
    job(context, alone, 0);
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
