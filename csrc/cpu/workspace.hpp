// Scratch memory that outlives a call: taken from a list of blocks and given back, so that a training loop allocates
// nothing per step, and calls from several threads at once each have their own.
#pragma once

#include "contract.hpp"

namespace rnnfast {

constexpr Index kAlignment = 64;

// Hands out aligned arrays one after another. Over no memory it only counts.
class Arena {
   public:
    explicit Arena(char* memory = nullptr) : memory_(memory) {}

    template <class T>
    T* take(Index count) {
        T* taken = reinterpret_cast<T*>(memory_ + used_);
        used_ += (count * static_cast<Index>(sizeof(T)) + kAlignment - 1) / kAlignment * kAlignment;
        return taken;
    }
    Index used() const { return used_; }

   private:
    char* memory_;
    Index used_ = 0;
};

// A block of at least `bytes`, aligned, its contents undefined.
class Workspace {
   public:
    explicit Workspace(Index bytes);
    ~Workspace();
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

    char* memory() const { return memory_; }

   private:
    char* memory_;
    Index bytes_;
};

// Memory of the calling thread, aligned, for `count` elements; whoever calls next gets the same.
char* thread_memory(Index bytes);

template <class T>
T* thread_scratch(Index count) {
    return reinterpret_cast<T*>(thread_memory(count * static_cast<Index>(sizeof(T))));
}

// Buffers is made from an arena: once to count what it takes, once over that much memory.
template <class Buffers, class... Sizes>
Index bytes_of(const Sizes&... sizes) {
    Arena counting;
    Buffers(counting, sizes...);
    return counting.used();
}

}  // namespace rnnfast
