// Random masks whose elements depend on their place alone: the same bits for any number of threads and any instruction
// set.
#pragma once

#include "contract.hpp"

namespace rnnfast {

using RandomWords = decltype(KernelTable<float>::random_words);

// Words come in blocks of four; `seed` and `stream` name a sequence of 2^64 of them.
constexpr Index kBlockWords = 4;

struct RandomBlocks {
    uint64_t seed, stream, first;
};

// mask (n,): `chosen` with probability `rate`, in 0..1, below 1, to 32 bits; else `other`. Element i is decided by word
// i of the blocks.
template <class T>
void fill_mask(RandomWords random_words, const RandomBlocks& blocks, double rate, T chosen, T other, Index n, T* mask);

}  // namespace rnnfast
