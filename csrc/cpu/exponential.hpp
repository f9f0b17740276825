// exp, exp - 1 and log(1 + z), on which the activations rest. Included by each instruction set's file.
//
// With a <= 0, n = round(a / ln 2) and r = a - n ln 2,
//   exp(a) - 1 = 2^n p + (2^n - 1),   p = exp(r) - 1 = r + r^2 Q(r),   |r| <= ln(2) / 2,
// and with 0 <= z <= 1, s = z / (2 + z) and u = s^2,
//   log(1 + z) = 2 atanh(s) = s (2 + u R(u)) = z - s (z - u R(u)),   0 <= u <= 1/9.
// Q interpolates (exp(r) - 1 - r) / r^2 and R (2 atanh(s) / s - 2) / u at the Chebyshev nodes of those intervals.
// Errors: docs/performance.md.
#pragma once

template <class T>
struct Constants;

template <>
struct Constants<float> {
    static constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer in the low bits
    static constexpr int kMantissa = 23, kBias = 127;
    static constexpr int32_t kRoundBits = 0x4B400000;
    static constexpr int32_t kSignBit = INT32_MIN;
    static constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440054690581e-4f;
    static constexpr float kQ[] = {0.50000000134981778643f,   0.16666666681659179129f,   0.041666464602026541557f,
                                   0.0083333108895820771937f, 0.0013933685862617173589f, 0.00019891030654370327738f};
    static constexpr float kR[] = {0.66666667320527412469f, 0.39999706331929717402f, 0.28592357994302837723f,
                                   0.21706575800880372646f, 0.23224329224023348832f};
    static constexpr float kLargest = 3.40282346638528859812e38f;
    static constexpr float kTanhIsOne = 9.02f;       // from here on tanh rounds to 1
    static constexpr float kSigmoidIsZero = 104.0f;  // from here on sigmoid(-a) rounds to 0
};

template <>
struct Constants<double> {
    static constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52
    static constexpr int kMantissa = 52, kBias = 1023;
    static constexpr int64_t kRoundBits = 0x4338000000000000;
    static constexpr int64_t kSignBit = INT64_MIN;
    static constexpr double kLn2High = 6.93145751953125e-1, kLn2Low = 1.42860682030941723212e-6;
    static constexpr double kQ[] = {0.5,
                                    0.16666666666666671008,
                                    0.041666666666666669767,
                                    0.0083333333333261120526,
                                    0.0013888888888883731828,
                                    0.00019841269874901259234,
                                    0.000024801587325605322782,
                                    2.7557255297969644392e-6,
                                    2.7557273570102139673e-7,
                                    2.5105259538448493419e-8,
                                    2.0914717341716375952e-9};
    static constexpr double kR[] = {0.66666666666666658561, 0.40000000000014582673, 0.28571428567108757162,
                                    0.22222222717427862989, 0.18181789436132858169, 0.15385570064958623103,
                                    0.1331414420965493615,  0.12001072809590712535, 0.088007384861446738822,
                                    0.16164045611943532221};
    static constexpr double kLargest = 1.79769313486231570815e308;
    static constexpr double kTanhIsOne = 19.07;
    static constexpr double kSigmoidIsZero = 746.0;
};

// c[0] + c[1] x + c[2] x^2 + ...
template <class T, int kCount>
RNNFAST_INLINE Vector<T> polynomial(const T (&c)[kCount], Vector<T> x) {
    Vector<T> sum = broadcast(c[kCount - 1]);
    RNNFAST_UNROLL
    for (int i = kCount - 2; i >= 0; --i) sum = sum * x + c[i];
    return sum;
}

// exp(a) = 2^n (1 + p) in its two parts, for kSigmoidIsZero >= -a >= 0; a NaN gives p = NaN.
template <class T>
struct SplitExp {
    IntVector<T> n;
    Vector<T> p;
};

template <class T>
RNNFAST_INLINE SplitExp<T> split_exp(Vector<T> a) {
    using C = Constants<T>;
    const Vector<T> shifted = a * T(1.44269504088896340736) + C::kRound;
    const Vector<T> rounded = shifted - C::kRound;
    const Vector<T> r = (a - rounded * C::kLn2High) - rounded * C::kLn2Low;
    return {reinterpret_cast<IntVector<T>>(shifted) - C::kRoundBits, r + r * r * polynomial(C::kQ, r)};
}

template <class T>
RNNFAST_INLINE Vector<T> power_of_two(IntVector<T> n) {
    return reinterpret_cast<Vector<T>>((n + Constants<T>::kBias) << Constants<T>::kMantissa);
}

// |a|, at most `most`; a NaN stays one.
template <class T>
RNNFAST_INLINE Vector<T> clamped_magnitude(Vector<T> a, T most) {
    const Vector<T> magnitude =
        reinterpret_cast<Vector<T>>(reinterpret_cast<IntVector<T>>(a) & ~Constants<T>::kSignBit);
    return select<T>(magnitude > most, broadcast(most), magnitude);
}

// magnitude, which is not negative, with the sign of a
template <class T>
RNNFAST_INLINE Vector<T> with_sign_of(Vector<T> a, Vector<T> magnitude) {
    const IntVector<T> sign = reinterpret_cast<IntVector<T>>(a) & Constants<T>::kSignBit;
    return reinterpret_cast<Vector<T>>(reinterpret_cast<IntVector<T>>(magnitude) | sign);
}

// a in [low, high]; a NaN stays one.
template <class T>
RNNFAST_INLINE Vector<T> clamped(Vector<T> a, T low, T high) {
    return select<T>(a < low, broadcast(low), select<T>(a > high, broadcast(high), a));
}

// exp(-|a|). The power of two goes in by halves, so that results below the smallest normal number come out right.
template <class T>
RNNFAST_INLINE Vector<T> exp_of_minus_magnitude(Vector<T> a) {
    const SplitExp<T> s = split_exp<T>(-clamped_magnitude(a, Constants<T>::kSigmoidIsZero));
    const IntVector<T> half = s.n >> 1;
    return (s.p + T(1)) * power_of_two<T>(half) * power_of_two<T>(s.n - half);
}

// exp(a) - 1 for -2 kTanhIsOne <= a <= 0
template <class T>
RNNFAST_INLINE Vector<T> expm1(Vector<T> a) {
    const SplitExp<T> s = split_exp<T>(a);
    const Vector<T> scale = power_of_two<T>(s.n);
    return scale * s.p + (scale - T(1));
}

// log(1 + z) for 0 <= z <= 1
template <class T>
RNNFAST_INLINE Vector<T> log1p(Vector<T> z) {
    const Vector<T> s = z / (z + T(2)), u = s * s;
    return z - s * (z - u * polynomial(Constants<T>::kR, u));
}
