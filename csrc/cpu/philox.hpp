// Philox4x32-10, the counter-based generator of Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3". Ten
// rounds over the four words of a counter, under a key of two:
//   (c0, c1, c2, c3) <- (hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0)),  (k0, k1) += (W0, W1)
// Included by each instruction set's file: plain loops over blocks, which the compiler turns into vectors.
#pragma once

// words (4 * blocks,): those of the counters (first, stream), (first + 1, stream), ... under the key `seed`, each
// number of 64 bits as two words, the low one first.
inline void random_words(uint64_t seed, uint64_t stream, uint64_t first, Index blocks, uint32_t* words) {
    constexpr uint32_t kM0 = 0xD2511F53, kM1 = 0xCD9E8D57, kW0 = 0x9E3779B9, kW1 = 0xBB67AE85;
    constexpr int kRounds = 10;
    constexpr Index kGroup = 16;  // blocks that go through the rounds together
    for (Index begin = 0; begin < blocks; begin += kGroup, words += 4 * kGroup) {
        uint32_t c[4][kGroup];
        for (Index i = 0; i < kGroup; ++i) {
            const uint64_t block = first + static_cast<uint64_t>(begin + i);
            c[0][i] = static_cast<uint32_t>(block), c[1][i] = static_cast<uint32_t>(block >> 32);
            c[2][i] = static_cast<uint32_t>(stream), c[3][i] = static_cast<uint32_t>(stream >> 32);
        }
        uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
        for (int round = 0; round < kRounds; ++round, k0 += kW0, k1 += kW1) {
            for (Index i = 0; i < kGroup; ++i) {
                const uint64_t p0 = uint64_t{kM0} * c[0][i], p1 = uint64_t{kM1} * c[2][i];
                c[0][i] = static_cast<uint32_t>(p1 >> 32) ^ c[1][i] ^ k0;
                c[1][i] = static_cast<uint32_t>(p1);
                c[2][i] = static_cast<uint32_t>(p0 >> 32) ^ c[3][i] ^ k1;
                c[3][i] = static_cast<uint32_t>(p0);
            }
        }
        const Index count = blocks - begin < kGroup ? blocks - begin : kGroup;
        for (Index i = 0; i < count; ++i)
            for (Index j = 0; j < 4; ++j) words[4 * i + j] = c[j][i];
    }
}
