// What CUDA C++ has no plain function for. The emulation of the tests brings its own.
#pragma once

#ifndef RNNFAST_EMULATED

// The dynamic shared memory of the block; all types share it.
template <class T>
__device__ inline T* dynamic_shared() {
    extern __shared__ float4 rnnfast_shared[];
    return reinterpret_cast<T*>(rnnfast_shared);
}

// *counter += value, after everything that the block did before its last barrier can be seen by the whole GPU.
__device__ inline void add_release(unsigned* counter, unsigned value) {
    __threadfence();
    atomicAdd(counter, value);
}

// What others have added; what they did before can be seen then.
__device__ inline unsigned load_acquire(const unsigned* counter) {
    const unsigned value = *static_cast<const volatile unsigned*>(counter);
    __threadfence();
    return value;
}

__device__ inline unsigned float_bits(float value) { return __float_as_uint(value); }
__device__ inline float float_of_bits(unsigned bits) { return __uint_as_float(bits); }

// The nearest float16, ties to even: infinity beyond 65504.
__device__ inline unsigned short to_float16(float value) {
    unsigned short half;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half) : "f"(value));
    return half;
}

// sums (16, 8) += a (16, 16) b (16, 8) of a warp, in the fragments of the PTX manual; from sm_80 on.
__device__ inline void mma_bfloat16(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// The same of float16; from sm_75 on, which has half the depth.
__device__ inline void mma_float16(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
#pragma unroll
    for (int half = 0; half < 2; ++half)
        asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
            : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
            : "r"(a[2 * half]), "r"(a[2 * half + 1]), "r"(b[half]));
#endif
}

#endif
