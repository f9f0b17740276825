#include "random_masks.hpp"

#include <algorithm>
#include <cmath>

#include "thread_pool.hpp"

namespace rnnfast {

namespace {

// What a task fills, in words that stay in the first-level cache between their making and their use.
constexpr Index kTaskWords = 1024;

// Elements for each thread below which sharing costs more than it saves, and those that make up for waking it.
constexpr Index kWorthSharing = 16 * 1024, kWorthWaking = 128 * 1024;

template <class T>
void decide(const uint32_t* words, uint32_t threshold, T chosen, T other, Index n, T* mask) {
    for (Index i = 0; i < n; ++i) mask[i] = words[i] < threshold ? chosen : other;
}

}  // namespace

template <class T>
void fill_mask(RandomWords random_words, const RandomBlocks& blocks, double rate, T chosen, T other, Index n, T* mask) {
    const auto threshold = static_cast<uint32_t>(std::min(std::round(rate * 0x1p32), 0x1p32 - 1));
    const Index tasks = (n + kTaskWords - 1) / kTaskWords;
    if (tasks == 0) return;
    const auto threads = static_cast<int>(std::clamp<Index>(n / kWorthSharing, 1, num_threads()));
    run_team({threads, n >= kWorthWaking}, [&](Member& member) {
        member.share(tasks, [&](Index task) {
            uint32_t words[kTaskWords];
            const Index begin = task * kTaskWords, count = std::min(kTaskWords, n - begin);
            random_words(blocks.seed, blocks.stream, blocks.first + static_cast<uint64_t>(begin / kBlockWords),
                         (count + kBlockWords - 1) / kBlockWords, words);
            decide(words, threshold, chosen, other, count, mask + begin);
        });
    });
}

template void fill_mask(RandomWords, const RandomBlocks&, double, float, float, Index, float*);
template void fill_mask(RandomWords, const RandomBlocks&, double, double, double, Index, double*);
template void fill_mask(RandomWords, const RandomBlocks&, double, bool, bool, Index, bool*);

}  // namespace rnnfast
