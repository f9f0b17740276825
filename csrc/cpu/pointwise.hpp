// The activations and their derivatives over contiguous elements. Included by each instruction set's file.
//
// tanh and sigmoid rest on one core: with a <= 0, n = round(a / ln 2) and r = a - n ln 2,
//   exp(a) - 1 = 2^n p + (2^n - 1),   p = exp(r) - 1 = r + r^2 Q(r),   |r| <= ln(2) / 2,
// Q interpolates (exp(r) - 1 - r) / r^2 at the Chebyshev nodes of that interval. Errors: docs/performance.md.
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
    static constexpr double kTanhIsOne = 19.07;
    static constexpr double kSigmoidIsZero = 746.0;
};

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
    constexpr int kDegree = sizeof(C::kQ) / sizeof(T) - 1;
    Vector<T> q = broadcast(C::kQ[kDegree]);
    RNNFAST_UNROLL
    for (int i = kDegree - 1; i >= 0; --i) q = q * r + C::kQ[i];
    return {reinterpret_cast<IntVector<T>>(shifted) - C::kRoundBits, r + r * r * q};
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

struct Tanh {
    // tanh(a) = sign(a) * -e / (2 + e),  e = exp(-2 |a|) - 1
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a) {
        const SplitExp<T> s = split_exp<T>(clamped_magnitude(a, Constants<T>::kTanhIsOne) * T(-2));
        const Vector<T> scale = power_of_two<T>(s.n);
        const Vector<T> e = scale * s.p + (scale - T(1));
        // One step of refinement takes out the rounding of the sum, of the reciprocal and of the product.
        const Vector<T> sum = e + T(2), lost = (T(2) - sum) + e, reciprocal = T(1) / sum;
        const Vector<T> quotient = -e * reciprocal;
        const Vector<T> rest = (-e - quotient * sum) - quotient * lost;
        const Vector<T> magnitude = quotient + rest * reciprocal;
        const IntVector<T> sign = reinterpret_cast<IntVector<T>>(a) & Constants<T>::kSignBit;
        return reinterpret_cast<Vector<T>>(reinterpret_cast<IntVector<T>>(magnitude) | sign);
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T> y) {
        return T(1) - y * y;
    }
};

struct Relu {
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a) {
        return select<T>(a < T(0), Vector<T>{}, a);  // not max(a, 0): a NaN stays one
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T> y) {
        return select<T>(y > T(0), broadcast(T(1)), Vector<T>{});
    }
};

struct Sigmoid {
    // sigmoid(a) = 1 / (1 + z) for a >= 0, z / (1 + z) for a < 0,  z = exp(-|a|); the power of two goes in by halves,
    // so that results below the smallest normal number come out right
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a) {
        const SplitExp<T> s = split_exp<T>(-clamped_magnitude(a, Constants<T>::kSigmoidIsZero));
        const IntVector<T> half = s.n >> 1;
        const Vector<T> z = (s.p + T(1)) * power_of_two<T>(half) * power_of_two<T>(s.n - half);
        return select<T>(a < T(0), z, broadcast(T(1))) / (z + T(1));
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T> y) {
        return y * (T(1) - y);
    }
};

struct Linear {
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a) {
        return a;
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T>) {
        return broadcast(T(1));
    }
};

template <class T, class F>
void activate(T* a, Index n) {
    constexpr Index kLen = kLanes<T>;
    for (Index i = 0; i < n; i += kLen) {
        const Index lanes = n - i < kLen ? n - i : kLen;
        store_first(a + i, F::template f<T>(load_first(a + i, lanes)), lanes);
    }
}

template <class T, class F>
void differentiate(const T* dy, const T* carry, const T* y, T* da, Index n) {
    constexpr Index kLen = kLanes<T>;
    for (Index i = 0; i < n; i += kLen) {
        const Index lanes = n - i < kLen ? n - i : kLen;
        Vector<T> dh = load_first(carry + i, lanes);
        if (dy) dh += load_first(dy + i, lanes);
        store_first(da + i, dh * F::template df<T>(load_first(y + i, lanes)), lanes);
    }
}
