// A pool of threads that meet often: workers spin for a while before they sleep, so that a call of some microseconds
// can be shared out.
#pragma once

#include <atomic>

namespace rnnfast {

// The threads that run one job. Member 0 is the caller.
class Team {
 public:
    explicit Team(int size) : size_(size) {}

    int size() const { return size_; }
    // Returns once every member has called it as often.
    void barrier();

 private:
    const int size_;
    std::atomic<int> arrived_{0};
    std::atomic<unsigned> phase_{0};
};

using Job = void (*)(void* context, Team& team, int member);

// Runs job(context, team, member) on up to `threads` threads, the caller among them, and returns when all are done.
// The team is smaller when the pool is busy with another caller's job: then the caller works alone.
void run_team(int threads, Job job, void* context);

template <class F>
void run_team(int threads, F&& f) {
    run_team(threads, [](void* context, Team& team, int member) { (*static_cast<F*>(context))(team, member); }, &f);
}

// The most threads that a job may use: set_num_threads, else RNNFAST_NUM_THREADS, else OMP_NUM_THREADS, else the
// processors that this process may run on.
int num_threads();
void set_num_threads(int threads);

}  // namespace rnnfast
