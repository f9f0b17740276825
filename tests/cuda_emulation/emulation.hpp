// CUDA C++ as far as csrc/cuda uses it, on the CPU: included before a .cu file, which then compiles with g++.
//
// Every CUDA thread is a fiber. It runs until it waits for others, and then any that can go on is taken, by a seed:
// what a missing barrier leaves to chance on a GPU, goes wrong here for some seed. Shared memory begins as NaNs, and
// ends where an inaccessible page begins; so do arrays (guarded_memory.py). A launch that goes astray returns a
// message.
#pragma once

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <vector>

#include "fiber.hpp"

#define RNNFAST_EMULATED
#define __global__
#define __device__
#define __forceinline__ inline
#define __restrict__
#define __launch_bounds__(...)

struct uint3 {
    unsigned x, y, z;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
using std::max;
using std::min;

inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

namespace emulation {

constexpr int kWarp = 32;
constexpr long kMostSpins = 200000;
constexpr int kTries = 20;  // threads of which one of the first warp is taken

// The bytes end at a page that must not be touched; all are 0xFF at first, which is a NaN.
class GuardedBytes {
   public:
    explicit GuardedBytes(size_t size) {
        const size_t page = sysconf(_SC_PAGESIZE), used = (size + page - 1) / page * page;
        mapped_ = used + 2 * page;
        base_ = static_cast<char*>(mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        if (used) mprotect(base_ + page, used, PROT_READ | PROT_WRITE);
        if (used) memset(base_ + page, 0xFF, used);
        bytes_ = base_ + page + used - (size + 15) / 16 * 16;
    }
    ~GuardedBytes() { munmap(base_, mapped_); }
    GuardedBytes(const GuardedBytes&) = delete;
    char* get() const { return bytes_; }

   private:
    size_t mapped_;
    char *base_, *bytes_;
};

struct Thread;

// Threads that wait for each other: `expected` of them go on together.
struct Barrier {
    int expected = 0;
    std::vector<Thread*> waiting;
};

struct Warp {
    Barrier barrier;
    unsigned priority = 0;
    // What the lanes exchange; a lane can be one exchange ahead of another, and no more.
    uint64_t values[2][kWarp][8];
    long exchanges[kWarp] = {};
};

struct Block {
    explicit Block(size_t shared_bytes) : shared(shared_bytes) {}
    GuardedBytes shared;
    Barrier barrier;
    std::vector<Warp> warps;
    uint3 index;
};

struct Thread {
    Fiber fiber;
    Block* block;
    uint3 index;
    Warp* warp;
    int lane;
};

struct Launch {
    uint3 grid, block;
    void (*kernel)(void**);
    void** arguments;
    std::vector<Thread*> ready;
    Thread* running = nullptr;
    bool runs_on = false;  // the running thread is ready again, or waits
    long unfinished = 0, spins = 0;
    std::mt19937 random;
    bool by_warps = false;
    char message[200];
    sigjmp_buf out;
};

inline Launch* launch;
inline int mutant = 0;  // which barrier or check is taken out; 0: none

[[noreturn]] inline void fail(const char* what) {
    const Thread* t = launch->running;
    snprintf(launch->message, sizeof launch->message, "%s (block %u, thread %u)", what, t ? t->block->index.x : 0,
             t ? t->index.x : 0);
    siglongjmp(launch->out, 1);
}

inline void pause() { launch->running->fiber.leave(); }

inline void wait(Barrier& barrier) {
    barrier.waiting.push_back(launch->running);
    if (int(barrier.waiting.size()) == barrier.expected) {
        launch->ready.insert(launch->ready.end(), barrier.waiting.begin(), barrier.waiting.end());
        barrier.waiting.clear();
        launch->spins = 0;
    }
    pause();
}

// For a thread that looks again and again whether something has happened: lets others run.
inline void spin() {
    if (++launch->spins > kMostSpins) fail("a thread waits for ever");
    launch->running->warp->priority = 0;
    launch->ready.push_back(launch->running);
    pause();
}

// Each lane of the warp gives a value and gets all of them.
template <class V>
const uint64_t (&exchange(const V& value)) [kWarp][8] {
    static_assert(sizeof(V) <= 64, "an exchanged value has at most 64 bytes");
    Thread& self = *launch->running;
    auto& values = self.warp->values[self.warp->exchanges[self.lane]++ % 2];
    memcpy(values[self.lane], &value, sizeof(V));
    wait(self.warp->barrier);
    return values;
}

template <class V>
V exchanged(const uint64_t (&values)[kWarp][8], int lane) {
    V value;
    memcpy(&value, values[lane], sizeof(V));
    return value;
}

inline void enter() {
    launch->kernel(launch->arguments);
    --launch->unfinished;
    launch->spins = 0;
    pause();
}

inline void on_fault(int) {
    launch->running ? fail("an access outside of every array") : fail("a fault in the emulation");
}

inline size_t next_thread() {
    const auto& ready = launch->ready;
    size_t next = launch->random() % ready.size();
    if (!launch->by_warps) return next;
    if (launch->random() % 64 == 0) ready[next]->warp->priority = launch->random();
    for (int tries = 0; tries < kTries; ++tries) {
        const size_t other = launch->random() % ready.size();
        if (ready[other]->warp->priority > ready[next]->warp->priority) next = other;
    }
    return next;
}

// Runs the ready threads in random order until none is left.
inline void run_all() {
    while (!launch->ready.empty()) {
        auto& ready = launch->ready;
        std::swap(ready[next_thread()], ready.back());
        launch->running = ready.back();
        ready.pop_back();
        launch->running->fiber.enter();
        launch->running = nullptr;
    }
    if (launch->unfinished) fail("threads wait at a barrier that others never reach");
}

inline std::vector<Thread>& thread_pool(size_t count) {
    static std::vector<Thread> threads;
    if (threads.size() < count) threads = std::vector<Thread>(count);
    return threads;
}

inline void start(Block& block, Thread* threads, uint3 index) {
    const int count = launch->block.x;
    block.index = index;
    block.barrier.expected = count;
    block.warps.resize((count + kWarp - 1) / kWarp);
    for (int i = 0; i < count; ++i) {
        Warp& warp = block.warps[i / kWarp];
        ++warp.barrier.expected;
        if (launch->by_warps) warp.priority = launch->random();
        Thread& thread = threads[i];
        thread.block = &block, thread.index = {unsigned(i), 0, 0};
        thread.warp = &warp, thread.lane = i % kWarp;
        thread.fiber.begin(enter);
        launch->ready.push_back(&thread);
    }
    launch->unfinished += count;
}

// Runs a kernel; cooperative: all blocks at once, else one after the other in random order. Returns what went wrong.
inline const char* run(void (*kernel)(void**), uint3 grid, uint3 block, size_t shared_bytes, bool cooperative,
                       unsigned seed, void** arguments) {
    static Launch current;
    current.ready.clear();
    current.grid = grid, current.block = block, current.kernel = kernel, current.arguments = arguments;
    current.unfinished = current.spins = 0;
    current.random.seed(seed);
    current.by_warps = seed % 2;
    current.running = nullptr;
    current.message[0] = 0;
    launch = &current;

    static char alternate[65536];
    stack_t stack = {}, old_stack;
    stack.ss_sp = alternate, stack.ss_size = sizeof alternate;
    sigaltstack(&stack, &old_stack);
    struct sigaction action = {}, old_segv, old_bus;
    action.sa_handler = on_fault, action.sa_flags = SA_ONSTACK | SA_NODEFER;
    sigaction(SIGSEGV, &action, &old_segv);
    sigaction(SIGBUS, &action, &old_bus);

    const unsigned blocks = grid.x * grid.y;
    const auto at = [&](unsigned i) { return uint3{i % grid.x, i / grid.x, 0}; };
    std::vector<Block*> running;
    std::vector<unsigned> order(blocks);
    for (unsigned i = 0; i < blocks; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), current.random);
    auto& threads = thread_pool(block.x * size_t(cooperative ? blocks : 1));
    if (sigsetjmp(current.out, 1) == 0) {
        for (size_t i = 0; i < order.size(); ++i) {
            running.push_back(new Block(shared_bytes));
            start(*running.back(), &threads[cooperative ? i * block.x : 0], at(order[i]));
            if (!cooperative) {
                run_all();
                delete running.back();
                running.pop_back();
            }
        }
        run_all();
    }
    for (Block* left : running) delete left;
    sigaction(SIGSEGV, &old_segv, nullptr);
    sigaction(SIGBUS, &old_bus, nullptr);
    sigaltstack(&old_stack, nullptr);
    return current.message;
}

// Calls a kernel with arguments as cuLaunchKernel takes them: a pointer to each.
template <class... A, size_t... kPlace>
void call(void (*kernel)(A...), void** arguments, std::index_sequence<kPlace...>) {
    kernel(*static_cast<A*>(arguments[kPlace])...);
}
template <class... A>
void call(void (*kernel)(A...), void** arguments) {
    call(kernel, arguments, std::index_sequence_for<A...>());
}

}  // namespace emulation

#define threadIdx (emulation::launch->running->index)
#define blockIdx (emulation::launch->running->block->index)
#define blockDim (emulation::launch->block)
#define gridDim (emulation::launch->grid)

inline void __syncthreads() { emulation::wait(emulation::launch->running->block->barrier); }

inline void __syncwarp(unsigned = ~0u) { emulation::exchange(0); }

template <class V>
V __shfl_xor_sync(unsigned, V value, int mask) {
    const auto& values = emulation::exchange(value);
    return emulation::exchanged<V>(values, emulation::launch->running->lane ^ mask);
}

template <class V>
V __ldcg(const V* address) {
    return *address;
}

// In place of csrc/cuda/machine.cuh.
template <class T>
T* dynamic_shared() {
    return reinterpret_cast<T*>(emulation::launch->running->block->shared.get());
}

inline unsigned float_bits(float value) {
    unsigned bits;
    memcpy(&bits, &value, 4);
    return bits;
}
inline float float_of_bits(unsigned bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

namespace emulation {

inline float wide_bfloat16(uint16_t bits) { return float_of_bits(unsigned(bits) << 16); }

inline float wide_float16(uint16_t bits) {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const float magnitude = exponent == 31 ? (fraction ? NAN : INFINITY)
                            : exponent     ? ldexpf(float(1024 + fraction), exponent - 25)
                                           : ldexpf(float(fraction), -24);
    return bits >> 15 ? -magnitude : magnitude;
}

// mma.m16n8k16 by its definition: element i of a fragment has the row and column that the PTX manual says.
template <class F>
void mma(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2], F wide) {
    struct Fragments {
        uint16_t a[8], b[4];
    } mine;
    memcpy(mine.a, a, sizeof mine.a);
    memcpy(mine.b, b, sizeof mine.b);
    const auto& all = exchange(mine);
    float wide_a[16][16], wide_b[16][8];
    for (int lane = 0; lane < kWarp; ++lane) {
        const auto given = exchanged<Fragments>(all, lane);
        const int group = lane >> 2, in_group = lane % 4;
        for (int i = 0; i < 8; ++i) {
            const int row = i < 2 || (i >= 4 && i < 6) ? group : group + 8;
            const int column = in_group * 2 + (i & 1) + (i < 4 ? 0 : 8);
            wide_a[row][column] = wide(given.a[i]);
        }
        for (int i = 0; i < 4; ++i) {
            const int row = in_group * 2 + (i & 1) + (i < 2 ? 0 : 8);
            wide_b[row][group] = wide(given.b[i]);
        }
    }
    const int lane = launch->running->lane;
    for (int i = 0; i < 4; ++i) {
        const int row = (lane >> 2) + (i < 2 ? 0 : 8), column = lane % 4 * 2 + (i & 1);
        for (int k = 0; k < 16; ++k) sums[i] += wide_a[row][k] * wide_b[k][column];
    }
}

}  // namespace emulation

inline void mma_bfloat16(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    emulation::mma(sums, a, b, emulation::wide_bfloat16);
}
inline void mma_float16(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    emulation::mma(sums, a, b, emulation::wide_float16);
}

// The nearest float16, ties to even, from a quotient that nearbyint rounds.
inline uint16_t to_float16(float value) {
    const uint16_t sign = signbit(value) ? 0x8000 : 0;
    const float magnitude = fabsf(value);
    if (isnan(value)) return sign | 0x7E00;
    if (magnitude >= 65520) return sign | 0x7C00;
    if (magnitude < 0x1p-14f) return sign | uint16_t(nearbyintf(magnitude * 0x1p24f));
    int exponent;
    const float fraction = nearbyintf(frexpf(magnitude, &exponent) * 2048);  // 1024..2048, which may carry over
    return sign | uint16_t((exponent + 13) * 1024 + int(fraction));
}

inline void add_release(unsigned* counter, unsigned value) { *counter += value; }

inline unsigned load_acquire(const unsigned* counter) {
    emulation::spin();
    return *counter;
}

#define EMULATION_KERNEL(number, ...)                                                                               \
    extern "C" const char* kernel_##number(unsigned grid_x, unsigned grid_y, unsigned block_x, size_t shared_bytes, \
                                           int cooperative, unsigned seed, int mutant, void** arguments) {          \
        emulation::mutant = mutant;                                                                                 \
        const auto kernel = [](void** given) { emulation::call(__VA_ARGS__, given); };                              \
        return emulation::run(kernel, {grid_x, grid_y, 1}, {block_x, 1, 1}, shared_bytes, cooperative, seed,        \
                              arguments);                                                                           \
    }
