// As WeightTile, with the products on tensor cores: operands of 16 bits, sums in float32.
//
//   out[row][unit] = sum_d state[row][d] w(unit, d)
//
// with parts of 16 bits that each float32 is the sum of: one (an error of 2^-9 a factor in bfloat16, 2^-12 in float16),
// or two of bfloat16 (about 2^-16: the product of the two smaller parts is left out). A warp has kMmaUnits units for
// kMmaRows rows, and of the depth every `stride`-th chunk of kMmaDepth; the first kInRegisters chunks of its weights
// are in registers, the others in shared memory.
//
// The fragments are those of mma.m16n8k16 in the PTX manual: with g = lane / 4 and p = lane % 4 * 2, a lane has of the
// weights the units g and g + 8 at the depths p, p + 1, p + 8, p + 9, of the states the row g at those depths, and of
// the sums the units g and g + 8 for the rows p and p + 1.
#pragma once

#include "machine.cuh"

constexpr int kMmaUnits = 16, kMmaRows = 8, kMmaDepth = 16;
constexpr int kMmaPadding = 8;  // of a row of states in shared memory, so that rows begin at different banks

// An operand as the upper half of a float32.
struct Bfloat16 {
    // The nearest, ties to even; a NaN stays one.
    static __device__ unsigned short round(float value) {
        const unsigned bits = float_bits(value);
        if (value != value) return bits >> 16 | 64;
        return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    }

    // Part `part` of a float32.
    static __device__ unsigned short part_of(float value, int part) {
        const unsigned short first = round(value);
        // infinity has no second part
        const float rest = value - float_of_bits(unsigned(first) << 16);
        return part == 0 ? first : rest == rest ? round(rest) : 0;
    }

    static __device__ void multiply(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
        mma_bfloat16(sums, a, b);
    }
};

// An operand of IEEE 754, one part alone.
struct Float16 {
    static __device__ unsigned short part_of(float value, int) { return to_float16(value); }

    static __device__ void multiply(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
        mma_float16(sums, a, b);
    }
};

template <int kInRegisters, class Operand, int kParts>
class MmaWeights {
   public:
    static constexpr int kOwned = 4;

    // weight(unit, depth) is asked for every element, also beyond the matrix, and has to give 0 there;
    // shared: (chunks - kInRegisters) * kParts * blockDim.x uint4s.
    template <class F>
    __device__ MmaWeights(int first_unit, int first_chunk, int stride, int chunks, uint4* shared, F weight)
        : first_chunk_(first_chunk), stride_(stride), chunks_(chunks), shared_(shared + threadIdx.x) {
        const auto pair = [&](int chunk, int part, int i) {
            const int u = first_unit + unit(i % 2 * 2);
            const int d = kMmaDepth * (first_chunk + stride * chunk) + first_depth() + i / 2 * 8;
            return unsigned(Operand::part_of(weight(u, d), part)) | unsigned(Operand::part_of(weight(u, d + 1), part))
                                                                        << 16;
        };
#pragma unroll
        for (int chunk = 0; chunk < kInRegisters; ++chunk)
#pragma unroll
            for (int part = 0; part < kParts; ++part)
#pragma unroll
                for (int i = 0; i < 4; ++i) registers_[chunk][part][i] = pair(chunk, part, i);
        for (int chunk = kInRegisters; chunk < chunks; ++chunk)
            for (int part = 0; part < kParts; ++part)
                shared_[((chunk - kInRegisters) * kParts + part) * blockDim.x] = {
                    pair(chunk, part, 0), pair(chunk, part, 1), pair(chunk, part, 2), pair(chunk, part, 3)};
    }

    // The elements of the product that a lane has, counted in its warp.
    static __device__ int row(int i) { return lane() % 4 * 2 + i % 2; }
    static __device__ int unit(int i) { return lane() / 4 + i / 2 * 8; }

    // states (kParts, kMmaRows, depth + kMmaPadding)
    static __device__ void store(unsigned short* states, int depth, int row, int d, float value) {
#pragma unroll
        for (int part = 0; part < kParts; ++part)
            states[(part * kMmaRows + row) * (depth + kMmaPadding) + d] = Operand::part_of(value, part);
    }

    __device__ void multiply(const unsigned short* states, int depth, float (&sums)[kOwned]) const {
#pragma unroll
        for (int i = 0; i < kOwned; ++i) sums[i] = 0;
#pragma unroll
        for (int chunk = 0; chunk < kInRegisters; ++chunk) add(states, depth, chunk, registers_[chunk], sums);
#pragma unroll 1
        for (int chunk = kInRegisters; chunk < chunks_; ++chunk) {
            unsigned weights[kParts][4];
#pragma unroll
            for (int part = 0; part < kParts; ++part) {
                const uint4 four = shared_[((chunk - kInRegisters) * kParts + part) * blockDim.x];
                weights[part][0] = four.x, weights[part][1] = four.y, weights[part][2] = four.z;
                weights[part][3] = four.w;
            }
            add(states, depth, chunk, weights, sums);
        }
    }

   private:
    static __device__ int lane() { return threadIdx.x % 32; }
    static __device__ int first_depth() { return lane() % 4 * 2; }

    __device__ void add(const unsigned short* states, int depth, int chunk, const unsigned (&weights)[kParts][4],
                        float (&sums)[kOwned]) const {
#pragma unroll
        for (int state_part = 0; state_part < kParts; ++state_part) {
            const unsigned short* const at = states + (state_part * kMmaRows + lane() / 4) * (depth + kMmaPadding) +
                                             kMmaDepth * (first_chunk_ + stride_ * chunk) + first_depth();
            const unsigned pairs[] = {*reinterpret_cast<const unsigned*>(at),
                                      *reinterpret_cast<const unsigned*>(at + 8)};
#pragma unroll
            for (int part = 0; part + state_part < kParts; ++part) Operand::multiply(sums, weights[part], pairs);
        }
    }

    const int first_chunk_, stride_, chunks_;
    uint4* const shared_;
    unsigned registers_[kInRegisters][kParts][4];
};
