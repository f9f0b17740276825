// Random masks with the bits of csrc/cpu/random_masks.cpp: Philox4x32-10 (Salmon et al. 2011).
#include "arguments.cuh"

typedef unsigned long long Wide;

// mask (n,) := chosen where the word of that number is below the threshold, else other. A thread has four words: those
// of the counter (first + i, stream) under the key `seed`, numbers of 64 bits.
template <class T>
__global__ void fill_mask(T* mask, Index n, unsigned threshold, T chosen, T other, Wide seed, Wide stream, Wide first) {
    const Index i = Index(blockIdx.x) * blockDim.x + threadIdx.x;
    const Wide counter = first + Wide(i);
    unsigned words[] = {unsigned(counter), unsigned(counter >> 32), unsigned(stream), unsigned(stream >> 32)};
    unsigned key[] = {unsigned(seed), unsigned(seed >> 32)};
    for (int round = 0; round < 10; ++round) {
        const Wide p0 = Wide(0xD2511F53u) * words[0], p1 = Wide(0xCD9E8D57u) * words[2];
        words[0] = unsigned(p1 >> 32) ^ words[1] ^ key[0], words[1] = unsigned(p1);
        words[2] = unsigned(p0 >> 32) ^ words[3] ^ key[1], words[3] = unsigned(p0);
        key[0] += 0x9E3779B9u, key[1] += 0xBB67AE85u;
    }
    for (int k = 0; k < 4; ++k)
        if (inside(4 * i + k, n)) mask[4 * i + k] = words[k] < threshold ? chosen : other;
}
