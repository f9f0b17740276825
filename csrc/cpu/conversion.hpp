// Elements stored in 16 bits to float and back: contract.hpp. Loops of integer operations, which compilers turn into
// vectors, but for float16 what the processor has.

RNNFAST_INLINE uint32_t bits_of(float value) {
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}
RNNFAST_INLINE float float_of(uint32_t bits) {
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

constexpr uint32_t kSign = 0x80000000, kInfinity = 0x7f800000;

// Adds half of the last of the bits that stay, less a little where that bit is even.
RNNFAST_INLINE uint32_t round_off(uint32_t bits, int lost) {
    return (bits + (1u << (lost - 1)) - 1 + (bits >> lost & 1)) >> lost;
}

RNNFAST_INLINE float widened(BFloat16 value) { return float_of(uint32_t(value.bits) << 16); }

RNNFAST_INLINE void narrow_one(float value, BFloat16* to) {
    const uint32_t bits = bits_of(value), quiet_nan = bits >> 16 | 0x40;
    to->bits = static_cast<uint16_t>((bits & ~kSign) > kInfinity ? quiet_nan : round_off(bits, 16));
}

constexpr uint32_t kHalfInfinity = 0x7c00;
constexpr uint32_t kExponents = (127 - 15) << 23;  // between those of the two types
constexpr float kLeastNormal = 0x1p-14f, kBeyondHalf = 0x1p16f;

RNNFAST_INLINE float widened(Float16 value) {
    const uint32_t magnitude = value.bits & 0x7fff, sign = uint32_t(value.bits & 0x8000) << 16;
    const uint32_t normal = (magnitude << 13) + kExponents;
    const uint32_t special = normal + kExponents;  // infinity and NaN have the largest exponent
    const uint32_t subnormal = bits_of(static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f);
    return float_of(sign | (magnitude >= kHalfInfinity ? special : magnitude < 0x400 ? subnormal : normal));
}

RNNFAST_INLINE void narrow_one(float value, Float16* to) {
    const uint32_t bits = bits_of(value), magnitude = bits & ~kSign, sign = bits >> 16 & 0x8000;
    const uint32_t normal = round_off(magnitude - kExponents, 13);
    // The last bit of floats from 1/2 on is that of a subnormal: the sum rounds.
    const uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
    const uint32_t finite = magnitude < bits_of(kLeastNormal) ? subnormal : normal;
    const uint32_t quiet_nan = kHalfInfinity | 0x200 | (magnitude >> 13 & 0x3ff);
    const uint32_t special = magnitude > kInfinity ? quiet_nan : kHalfInfinity;
    to->bits = static_cast<uint16_t>(sign | (magnitude >= bits_of(kBeyondHalf) ? special : finite));
}

template <class Stored>
void widen(const Stored* from, Index n, float* to) {
    for (Index i = 0; i < n; ++i) to[i] = widened(from[i]);
}
template <class Stored>
void narrow(const float* from, Index n, Stored* to) {
    for (Index i = 0; i < n; ++i) narrow_one(from[i], to + i);
}

#if defined(__AVX512F__) || defined(__F16C__)

#if defined(__AVX512F__)
typedef __m256i HalfVector;
RNNFAST_INLINE Vector<float> widened(HalfVector values) { return _mm512_cvtph_ps(values); }
RNNFAST_INLINE HalfVector narrowed(Vector<float> values) {
    return _mm512_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
#else
typedef __m128i HalfVector;
RNNFAST_INLINE Vector<float> widened(HalfVector values) { return _mm256_cvtph_ps(values); }
RNNFAST_INLINE HalfVector narrowed(Vector<float> values) { return _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT); }
#endif

template <>
void widen(const Float16* from, Index n, float* to) {
    for (Index i = 0; i < n; i += kLanes<float>) {
        const Index count = n - i < kLanes<float> ? n - i : kLanes<float>;
        HalfVector values{};
        if (count == kLanes<float>)
            __builtin_memcpy(&values, from + i, sizeof values);
        else
            __builtin_memcpy(&values, from + i, static_cast<size_t>(count) * sizeof(Float16));
        store_first(to + i, widened(values), count);
    }
}

template <>
void narrow(const float* from, Index n, Float16* to) {
    for (Index i = 0; i < n; i += kLanes<float>) {
        const Index count = n - i < kLanes<float> ? n - i : kLanes<float>;
        const HalfVector values = narrowed(load_first(from + i, count));
        if (count == kLanes<float>)
            __builtin_memcpy(to + i, &values, sizeof values);
        else
            __builtin_memcpy(to + i, &values, static_cast<size_t>(count) * sizeof(Float16));
    }
}

#endif

// None where T is double.
template <class T, class Stored>
constexpr Conversion<Stored> conversion() {
    if constexpr (sizeof(T) == sizeof(float))
        return {widen<Stored>, narrow<Stored>};
    else
        return {nullptr, nullptr};
}
