// The part of the weights that a thread multiplies with, at every step, and the sums over the threads that share a
// unit.
//
//   out[row][unit] = sum_d state[row][d] w(unit, d)
//
// A thread has kUnits units and of the depth every `splits`-th chunk of 4, so that the threads that share units read
// adjacent chunks of a state. The first kInRegisters chunks of its weights stay in registers, the others in shared
// memory, where those of all threads for one chunk and unit lie side by side: no bank conflicts either way.
#pragma once

#include "machine.cuh"

constexpr int kUnits = 4;

template <int kInRegisters>
class WeightTile {
   public:
    // weight(unit, depth) is asked for every element of the tile, also beyond the matrix, and has to give 0 there;
    // shared: (chunks - kInRegisters) * kUnits * blockDim.x float4s.
    template <class F>
    __device__ WeightTile(int first_unit, int split, int splits, int chunks, float4* shared, F weight)
        : split_(split), splits_(splits), chunks_(chunks), shared_(shared + threadIdx.x) {
        const auto chunk_of = [&](int chunk, int unit) {
            const int d = 4 * (split + splits * chunk), u = first_unit + unit;
            return make_float4(weight(u, d), weight(u, d + 1), weight(u, d + 2), weight(u, d + 3));
        };
#pragma unroll
        for (int chunk = 0; chunk < kInRegisters; ++chunk)
#pragma unroll
            for (int unit = 0; unit < kUnits; ++unit) registers_[chunk][unit] = chunk_of(chunk, unit);
        for (int chunk = kInRegisters; chunk < chunks; ++chunk)
            for (int unit = 0; unit < kUnits; ++unit)
                shared_[((chunk - kInRegisters) * kUnits + unit) * blockDim.x] = chunk_of(chunk, unit);
    }

    // sums (kRows, kUnits) := this thread's part, of states (kRows, depth) in shared memory
    template <int kRows>
    __device__ void multiply(const float* states, int depth, float (&sums)[kRows * kUnits]) const {
#pragma unroll
        for (int i = 0; i < kRows * kUnits; ++i) sums[i] = 0;
#pragma unroll
        for (int chunk = 0; chunk < kInRegisters; ++chunk) add<kRows>(states, depth, chunk, registers_[chunk], sums);
#pragma unroll 1
        for (int chunk = kInRegisters; chunk < chunks_; ++chunk) {
            float4 weights[kUnits];
#pragma unroll
            for (int unit = 0; unit < kUnits; ++unit)
                weights[unit] = shared_[((chunk - kInRegisters) * kUnits + unit) * blockDim.x];
            add<kRows>(states, depth, chunk, weights, sums);
        }
    }

   private:
    template <int kRows>
    __device__ void add(const float* states, int depth, int chunk, const float4 (&weights)[kUnits],
                        float (&sums)[kRows * kUnits]) const {
#pragma unroll
        for (int row = 0; row < kRows; ++row) {
            const float* const at = states + row * depth + 4 * (split_ + splits_ * chunk);
            const float4 s = *reinterpret_cast<const float4*>(at);
#pragma unroll
            for (int unit = 0; unit < kUnits; ++unit) {
                const float4 w = weights[unit];
                float& sum = sums[row * kUnits + unit];
                sum += s.x * w.x, sum += s.y * w.y, sum += s.z * w.z, sum += s.w * w.w;
            }
        }
    }

    const int split_, splits_, chunks_;
    float4* const shared_;
    float4 registers_[kInRegisters][kUnits];
};

// The sums over kLanes adjacent lanes, of which each ends up with its share: the lane with the place p among them has
// those of values[p * kShare], ..., values[p * kShare + kShare - 1] in values[0], ..., where kShare = kValues / kLanes.
template <int kLanes, int kValues, class T, int kCount>
__device__ inline void reduce_scatter(T (&values)[kCount], int lane) {
    static_assert(kValues % kLanes == 0, "each lane takes as many");
    if constexpr (kLanes > 1) {
        const bool upper = lane & kLanes / 2;
#pragma unroll
        for (int i = 0; i < kValues / 2; ++i) {
            const T sent = upper ? values[i] : values[i + kValues / 2];
            const T kept = upper ? values[i + kValues / 2] : values[i];
            values[i] = kept + __shfl_xor_sync(0xFFFFFFFFu, sent, kLanes / 2);
        }
        reduce_scatter<kLanes / 2, kValues / 2>(values, lane);
    }
}
