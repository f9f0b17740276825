// The activations and their derivatives over contiguous elements. Included by each instruction set's file.
//
// An activation is a struct with its name, f of the pre-activation and df, which is f' in terms of the value y = f(a).
// What alpha and beta may be is checked in rnnfast/pointwise.py: with those values, df follows from y alone.
#pragma once

struct Tanh {
    static constexpr const char* kName = "tanh";
    // tanh(a) = sign(a) * -e / (2 + e),  e = exp(-2 |a|) - 1
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a, Parameters<T>) {
        const Vector<T> e = expm1<T>(clamped_magnitude(a, Constants<T>::kTanhIsOne) * T(-2));
        // One step of refinement takes out the rounding of the sum, of the reciprocal and of the product.
        const Vector<T> sum = e + T(2), lost = (T(2) - sum) + e, reciprocal = T(1) / sum;
        const Vector<T> quotient = -e * reciprocal;
        const Vector<T> rest = (-e - quotient * sum) - quotient * lost;
        return with_sign_of<T>(a, quotient + rest * reciprocal);
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T> y, Parameters<T>) {
        return T(1) - y * y;
    }
};

struct Relu {
    static constexpr const char* kName = "relu";
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a, Parameters<T>) {
        return select<T>(a < T(0), Vector<T>{}, a);  // not max(a, 0): a NaN stays one
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T> y, Parameters<T>) {
        return select<T>(y > T(0), broadcast(T(1)), Vector<T>{});
    }
};

struct Sigmoid {
    static constexpr const char* kName = "sigmoid";
    // sigmoid(a) = 1 / (1 + z) for a >= 0, z / (1 + z) for a < 0,  z = exp(-|a|)
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a, Parameters<T>) {
        const Vector<T> z = exp_of_minus_magnitude<T>(a);
        return select<T>(a < T(0), z, broadcast(T(1))) / (z + T(1));
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T> y, Parameters<T>) {
        return y * (T(1) - y);
    }
};

struct Linear {
    static constexpr const char* kName = "linear";
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a, Parameters<T>) {
        return a;
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T>, Parameters<T>) {
        return broadcast(T(1));
    }
};

struct LeakyRelu {
    static constexpr const char* kName = "leaky_relu";
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a, Parameters<T> p) {
        return select<T>(a < T(0), a * p.alpha, a);
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T> y, Parameters<T> p) {
        return select<T>(y > T(0), broadcast(T(1)), broadcast(p.alpha));
    }
};

struct ThresholdedRelu {
    static constexpr const char* kName = "thresholded_relu";
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a, Parameters<T> p) {
        return select<T>(a <= p.alpha, Vector<T>{}, a);
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T> y, Parameters<T> p) {
        return Relu::df<T>(y, p);
    }
};

struct Selu {
    static constexpr const char* kName = "selu";
    template <class T>
    static constexpr T kMost = 2 * Constants<T>::kTanhIsOne;  // from here on exp(-a) - 1 rounds to -1
    // beta * (a, or alpha (exp(a) - 1) for a < 0)
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a, Parameters<T> p) {
        return select<T>(a < T(0), expm1<T>(-clamped_magnitude(a, kMost<T>)) * p.alpha, a) * p.beta;
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T> y, Parameters<T> p) {
        return select<T>(y > T(0), broadcast(p.beta), y + p.alpha * p.beta);
    }
};

struct Elu {
    static constexpr const char* kName = "elu";
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a, Parameters<T> p) {
        return Selu::f<T>(a, {p.alpha, T(1)});
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T> y, Parameters<T> p) {
        return Selu::df<T>(y, {p.alpha, T(1)});
    }
};

struct Softplus {
    static constexpr const char* kName = "softplus";
    // log(1 + exp(beta a)) / beta = max(a, 0) + log(1 + exp(-|beta a|)) / beta
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a, Parameters<T> p) {
        return Relu::f<T>(a, p) + log1p<T>(exp_of_minus_magnitude<T>(a * p.beta)) / p.beta;
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T> y, Parameters<T> p) {
        return -expm1<T>(-clamped_magnitude(y * p.beta, Selu::kMost<T>));
    }
};

struct Softsign {
    static constexpr const char* kName = "softsign";
    // Infinity counts as the largest number, so that its value is 1.
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a, Parameters<T>) {
        const Vector<T> magnitude = clamped_magnitude(a, Constants<T>::kLargest);
        return with_sign_of<T>(a, magnitude / (magnitude + T(1)));
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T> y, Parameters<T>) {
        const Vector<T> rest = T(1) - clamped_magnitude(y, T(1));
        return rest * rest;
    }
};

struct HardTanh {
    static constexpr const char* kName = "hard_tanh";
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a, Parameters<T> p) {
        return clamped<T>(a, p.alpha, p.beta);
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T> y, Parameters<T> p) {
        return select<T>((y > p.alpha) & (y < p.beta), broadcast(T(1)), Vector<T>{});
    }
};

struct HardSigmoid {
    static constexpr const char* kName = "hard_sigmoid";
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a, Parameters<T> p) {
        return clamped<T>(a * p.alpha + p.beta, T(0), T(1));
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T> y, Parameters<T> p) {
        return select<T>((y > T(0)) & (y < T(1)), broadcast(p.alpha), Vector<T>{});
    }
};

struct ScaledTanh {
    static constexpr const char* kName = "scaled_tanh";
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a, Parameters<T> p) {
        return Tanh::f<T>(a * p.beta, p) * p.alpha;
    }
    // alpha beta (1 - (y / alpha)^2)
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T> y, Parameters<T> p) {
        return (p.alpha - y) * (p.alpha + y) * (p.beta / p.alpha);
    }
};

struct Affine {
    static constexpr const char* kName = "affine";
    template <class T>
    static RNNFAST_INLINE Vector<T> f(Vector<T> a, Parameters<T> p) {
        return a * p.alpha + p.beta;
    }
    template <class T>
    static RNNFAST_INLINE Vector<T> df(Vector<T>, Parameters<T> p) {
        return broadcast(p.alpha);
    }
};

template <class T, class F>
void activate(Parameters<T> p, T* a, Index n) {
    constexpr Index kLen = kLanes<T>;
    for (Index i = 0; i < n; i += kLen) {
        const Index lanes = n - i < kLen ? n - i : kLen;
        store_first(a + i, F::template f<T>(load_first(a + i, lanes), p), lanes);
    }
}

template <class T, class F>
void differentiate(Parameters<T> p, const T* dy, const T* carry, const T* y, T* da, Index n) {
    constexpr Index kLen = kLanes<T>;
    for (Index i = 0; i < n; i += kLen) {
        const Index lanes = n - i < kLen ? n - i : kLen;
        Vector<T> dh = load_first(carry + i, lanes);
        if (dy) dh += load_first(dy + i, lanes);
        store_first(da + i, dh * F::template df<T>(load_first(y + i, lanes), p), lanes);
    }
}

template <class T, class F>
constexpr ActivationKernels<T> activation() {
    return {F::kName, activate<T, F>, differentiate<T, F>};
}

template <class T>
void clamp(T low, T high, T* a, Index n) {
    activate<T, HardTanh>({low, high}, a, n);
}

template <class T>
void zero_outside(T low, T high, const T* y, T* da, Index n) {
    constexpr Index kLen = kLanes<T>;
    for (Index i = 0; i < n; i += kLen) {
        const Index lanes = n - i < kLen ? n - i : kLen;
        const Vector<T> value = load_first(y + i, lanes);
        const Vector<T> kept = select<T>((value <= low) | (value >= high), Vector<T>{}, load_first(da + i, lanes));
        store_first(da + i, kept, lanes);
    }
}
