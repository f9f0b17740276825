// Vectors of the instruction set that the including file is compiled for, through the compilers' vector extensions:
// one source serves every width. Included inside a namespace of that instruction set, so that no inline function
// compiled for a newer processor can stand in for an older one's. No standard template may be used here.
#pragma once

#ifndef RNNFAST_VECTOR_BYTES
#error "define RNNFAST_VECTOR_BYTES before including simd.hpp"
#endif

#define RNNFAST_INLINE inline __attribute__((always_inline))
#define RNNFAST_UNROLL _Pragma("GCC unroll 32")
// A value that an asm statement keeps in a vector register.
#if defined(__aarch64__)
#define RNNFAST_IN_VECTOR(value) "+w"(value)
#elif defined(__x86_64__)
#define RNNFAST_IN_VECTOR(value) "+v"(value)
#else
#define RNNFAST_IN_VECTOR(value) "+m"(value)
#endif

template <class T>
struct VectorTypes;

template <>
struct VectorTypes<float> {
    typedef float Real __attribute__((vector_size(RNNFAST_VECTOR_BYTES)));
    typedef int32_t Int __attribute__((vector_size(RNNFAST_VECTOR_BYTES)));
};

template <>
struct VectorTypes<double> {
    typedef double Real __attribute__((vector_size(RNNFAST_VECTOR_BYTES)));
    typedef int64_t Int __attribute__((vector_size(RNNFAST_VECTOR_BYTES)));
};

template <class T>
using Vector = typename VectorTypes<T>::Real;
template <class T>
using IntVector = typename VectorTypes<T>::Int;
template <class T>
constexpr Index kLanes = RNNFAST_VECTOR_BYTES / sizeof(T);

template <class T>
RNNFAST_INLINE Vector<T> load(const T* p) {
    Vector<T> v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

template <class T>
RNNFAST_INLINE void store(T* p, Vector<T> v) {
    __builtin_memcpy(p, &v, sizeof v);
}

template <class T>
RNNFAST_INLINE Vector<T> broadcast(T value) {
    return value - Vector<T>{};
}

// load_partial and store_partial: the first n lanes, for 1 <= n < all of them.
#if defined(__AVX512F__)

RNNFAST_INLINE Vector<float> load_partial(const float* p, Index n) {
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
}
RNNFAST_INLINE Vector<double> load_partial(const double* p, Index n) {
    return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), p);
}
RNNFAST_INLINE void store_partial(float* p, Vector<float> v, Index n) {
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
}
RNNFAST_INLINE void store_partial(double* p, Vector<double> v, Index n) {
    _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1), v);
}

#elif defined(__AVX2__)

alignas(64) constexpr int32_t kFirstLanes[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

RNNFAST_INLINE Vector<float> load_partial(const float* p, Index n) {
    return _mm256_maskload_ps(p, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kFirstLanes + 8 - n)));
}
RNNFAST_INLINE Vector<double> load_partial(const double* p, Index n) {
    return _mm256_maskload_pd(p, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kFirstLanes + 8 - 2 * n)));
}

// Masked stores are slow on some processors: store the lower half, then the lanes that are left of the upper one.
RNNFAST_INLINE void store_partial(float* p, Vector<float> v, Index n) {
    __m128 half = _mm256_castps256_ps128(v);
    if (n >= 4) {
        _mm_storeu_ps(p, half);
        half = _mm256_extractf128_ps(v, 1);
        p += 4, n -= 4;
    }
    if (n >= 2) {
        _mm_storel_pi(reinterpret_cast<__m64*>(p), half);
        half = _mm_movehl_ps(half, half);
        p += 2, n -= 2;
    }
    if (n) _mm_store_ss(p, half);
}
RNNFAST_INLINE void store_partial(double* p, Vector<double> v, Index n) {
    __m128d half = _mm256_castpd256_pd128(v);
    if (n >= 2) {
        _mm_storeu_pd(p, half);
        half = _mm256_extractf128_pd(v, 1);
        p += 2, n -= 2;
    }
    if (n) _mm_store_sd(p, half);
}

#else

// Lane by lane with constant lanes, so that the vector stays in its register.
template <class T>
RNNFAST_INLINE Vector<T> load_partial(const T* p, Index n) {
    Vector<T> v{};
    RNNFAST_UNROLL
    for (Index i = 0; i < kLanes<T>; ++i)
        if (i < n) v[i] = p[i];
    return v;
}
template <class T>
RNNFAST_INLINE void store_partial(T* p, Vector<T> v, Index n) {
    RNNFAST_UNROLL
    for (Index i = 0; i < kLanes<T>; ++i)
        if (i < n) p[i] = v[i];
}

#endif

// The lanes of `yes` where the mask is set, else those of `no`.
template <class T>
RNNFAST_INLINE Vector<T> select(IntVector<T> mask, Vector<T> yes, Vector<T> no) {
    return mask ? yes : no;
}

// The first n lanes, for 1 <= n <= all of them.
template <class T>
RNNFAST_INLINE Vector<T> load_first(const T* p, Index n) {
    return n == kLanes<T> ? load(p) : load_partial(p, n);
}
template <class T>
RNNFAST_INLINE void store_first(T* p, Vector<T> v, Index n) {
    n == kLanes<T> ? store(p, v) : store_partial(p, v, n);
}
