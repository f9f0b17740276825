// Philox4x32-10, the counter-based generator of Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3". Ten
// rounds over the four words of a counter, under a key of two:
//   (c0, c1, c2, c3) <- (hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0)),  (k0, k1) += (W0, W1)
// Included by each instruction set's file. A lane of 64 bits is for one counter and holds a word in its low half; what
// the high half holds is never used.
#pragma once

typedef uint64_t Wide __attribute__((vector_size(RNNFAST_VECTOR_BYTES)));

// The products of the low halves.
RNNFAST_INLINE Wide multiply_low(Wide a, Wide b) {
#if defined(__AVX512F__)
    return reinterpret_cast<Wide>(_mm512_mul_epu32(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
    return reinterpret_cast<Wide>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__x86_64__)
    return reinterpret_cast<Wide>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
    constexpr uint64_t kLow = 0xFFFFFFFF;
    return (a & kLow) * (b & kLow);
#endif
}

// words (4 * blocks,): those of the counters (first, stream), (first + 1, stream), ... under the key `seed`, each
// number of 64 bits as two words, the low one first.
inline void random_words(uint64_t seed, uint64_t stream, uint64_t first, Index blocks, uint32_t* words) {
    constexpr uint64_t kM0 = 0xD2511F53, kM1 = 0xCD9E8D57, kLow = 0xFFFFFFFF;
    constexpr uint32_t kW0 = 0x9E3779B9, kW1 = 0xBB67AE85;
    constexpr int kRounds = 10;
    constexpr Index kLen = RNNFAST_VECTOR_BYTES / sizeof(uint64_t), kVectors = 2, kGroup = kVectors * kLen;
    for (Index begin = 0; begin < blocks; begin += kGroup, words += 4 * kGroup) {
        Wide c[4][kVectors];
        RNNFAST_UNROLL
        for (Index v = 0; v < kVectors; ++v) {
            for (Index i = 0; i < kLen; ++i) c[0][v][i] = first + static_cast<uint64_t>(begin + v * kLen + i);
            c[1][v] = c[0][v] >> 32, c[2][v] = stream - Wide{}, c[3][v] = c[2][v] >> 32;
        }
        uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
        for (int round = 0; round < kRounds; ++round, k0 += kW0, k1 += kW1) {
            RNNFAST_UNROLL
            for (Index v = 0; v < kVectors; ++v) {
                const Wide p0 = multiply_low(c[0][v], kM0 - Wide{}), p1 = multiply_low(c[2][v], kM1 - Wide{});
                c[0][v] = (p1 >> 32) ^ c[1][v] ^ uint64_t { k0 }, c[1][v] = p1;
                c[2][v] = (p0 >> 32) ^ c[3][v] ^ uint64_t { k1 }, c[3][v] = p0;
            }
        }
        uint64_t pairs[kGroup][2];
        RNNFAST_UNROLL
        for (Index v = 0; v < kVectors; ++v) {
            const Wide low = (c[0][v] & kLow) | (c[1][v] << 32), high = (c[2][v] & kLow) | (c[3][v] << 32);
            for (Index i = 0; i < kLen; ++i) pairs[v * kLen + i][0] = low[i], pairs[v * kLen + i][1] = high[i];
        }
        // Every processor that this is compiled for has the low half of a number first in memory.
        __builtin_memcpy(words, pairs, (blocks - begin < kGroup ? blocks - begin : kGroup) * sizeof *pairs);
    }
}
