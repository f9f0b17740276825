// What the arithmetic units and the memory can do at most, for the other kernels to be compared with. Included by each
// instruction set's file.
#pragma once

// Fused multiplications and additions on sums that do not wait for each other; returns how many operations they were.
template <class T>
double multiply_add_peak(Index steps, T* out) {
    constexpr Index kSums = RNNFAST_VECTOR_REGISTERS >= 32 ? 24 : 12;
    const Vector<T> factor = broadcast(T(0.5)), term = broadcast(T(1));
    Vector<T> sums[kSums] = {};
    for (Index i = 0; i < steps; ++i) {
        RNNFAST_UNROLL
        for (Index s = 0; s < kSums; ++s) sums[s] = sums[s] * factor + term;
        // The compiler must not see through a round.
        RNNFAST_UNROLL
        for (Index s = 0; s < kSums; ++s) asm volatile("" : RNNFAST_IN_VECTOR(sums[s]));
    }
    Vector<T> total{};
    RNNFAST_UNROLL
    for (Index s = 0; s < kSums; ++s) total += sums[s];
    store(out, total);
    return 2.0 * kSums * kLanes<T> * double(steps);
}

// Reads `count` elements, a multiple of 4 vectors, and adds them up; returns how many bytes they were.
template <class T>
double read_peak(const T* a, Index count, T* out) {
    constexpr Index kSums = 4, kLen = kLanes<T>;
    Vector<T> sums[kSums] = {};
    for (Index i = 0; i < count; i += kSums * kLen) RNNFAST_UNROLL
    for (Index s = 0; s < kSums; ++s) sums[s] += load(a + i + s * kLen);
    store(out, (sums[0] + sums[1]) + (sums[2] + sums[3]));
    return double(count) * sizeof(T);
}
