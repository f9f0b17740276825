#include "workspace.hpp"

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <vector>

namespace rnnfast {

namespace {

constexpr size_t kMostFree = 4;

struct Block {
    char* memory;
    Index bytes;
};

struct FreeList {
    std::mutex mutex;
    std::vector<Block> blocks;  // by size, smallest first
};

FreeList* list = nullptr;

FreeList& free_list() {
    static std::once_flag once;
    std::call_once(once, [] {
        list = new FreeList;
        pthread_atfork(nullptr, nullptr, [] { list = new FreeList; });  // the old one's mutex may be held
    });
    return *list;
}

bool smaller(const Block& a, const Block& b) { return a.bytes < b.bytes; }

char* allocate(Index bytes) {
    return static_cast<char*>(::operator new(static_cast<size_t>(bytes), std::align_val_t(kAlignment)));
}

void release(const Block& block) { ::operator delete(block.memory, std::align_val_t(kAlignment)); }

}  // namespace

Workspace::Workspace(Index bytes) : memory_(nullptr), bytes_(bytes) {
    {
        FreeList& free = free_list();
        std::lock_guard<std::mutex> lock(free.mutex);
        const auto fit = std::lower_bound(free.blocks.begin(), free.blocks.end(), Block{nullptr, bytes}, smaller);
        if (fit != free.blocks.end()) {
            memory_ = fit->memory, bytes_ = fit->bytes;
            free.blocks.erase(fit);
            return;
        }
    }
    memory_ = allocate(bytes);
}

Workspace::~Workspace() {
    Block smallest{memory_, bytes_};
    {
        FreeList& free = free_list();
        std::lock_guard<std::mutex> lock(free.mutex);
        const auto place = std::lower_bound(free.blocks.begin(), free.blocks.end(), smallest, smaller);
        free.blocks.insert(place, smallest);
        if (free.blocks.size() <= kMostFree) return;
        smallest = free.blocks.front();
        free.blocks.erase(free.blocks.begin());
    }
    release(smallest);
}

char* thread_memory(Index bytes) {
    struct Owned {
        Block block{nullptr, 0};
        ~Owned() { release(block); }
    };
    static thread_local Owned owned;
    if (owned.block.bytes < bytes) {
        release(owned.block);
        owned.block = {nullptr, 0};
        owned.block = {allocate(bytes), bytes};
    }
    return owned.block.memory;
}

}  // namespace rnnfast
