// The activations: f of a pre-activation that may be clamped first, and f' in terms of y = f(a). Their names, in the
// enum Activation, are those of rnnfast.pointwise.ACTIVATIONS, from which the backend writes it; what alpha and beta
// may be is checked there. Comparisons in place of fmin and fmax: a NaN must stay one.
#pragma once

#include "arguments.cuh"

template <class T>
class Pointwise {
   public:
    template <class A>
    __device__ explicit Pointwise(const A& a)
        : kind_(Activation(a.activation)), alpha_(a.alpha), beta_(a.beta), clip_(a.clip) {
        if (clip_ > 0) {
            const T ends[] = {f(-clip_), f(clip_)};
            low_ = ends[0] < ends[1] ? ends[0] : ends[1];
            high_ = ends[0] < ends[1] ? ends[1] : ends[0];
        }
    }

    // h_t of a_t
    __device__ T value(T a) const { return f(clip_ > 0 ? clamped(a, -clip_, clip_) : a); }

    // f'(a_t) of h_t; 0 where h_t is at or beyond f(clip) or f(-clip)
    __device__ T derivative(T y) const {
        if (clip_ > 0 && (y <= low_ || y >= high_)) return 0;
        return df(y);
    }

   private:
    static __device__ T clamped(T a, T low, T high) { return a < low ? low : a > high ? high : a; }

    static __device__ T sigmoid(T a) {
        const T z = exp(-fabs(a));
        return (a < 0 ? z : T(1)) / (z + 1);
    }

    // Infinity counts as the largest number, so that its value is 1.
    static __device__ T softsign(T a) {
        constexpr T kLargest = sizeof(T) == 4 ? T(3.40282346638528859812e38) : T(1.79769313486231570815e308);
        const T magnitude = clamped(fabs(a), 0, kLargest);
        return copysign(magnitude / (magnitude + 1), a);
    }

    __device__ T f(T a) const {
        switch (kind_) {
            case Activation::tanh:
                return ::tanh(a);
            case Activation::relu:
                return a < 0 ? 0 : a;
            case Activation::sigmoid:
                return sigmoid(a);
            case Activation::linear:
                return a;
            case Activation::leaky_relu:
                return a < 0 ? alpha_ * a : a;
            case Activation::thresholded_relu:
                return a <= alpha_ ? 0 : a;
            case Activation::elu:
                return a < 0 ? alpha_ * expm1(a) : a;
            case Activation::selu:
                return beta_ * (a < 0 ? alpha_ * expm1(a) : a);
            case Activation::softplus:
                return (a < 0 ? 0 : a) + log1p(exp(-fabs(beta_ * a))) / beta_;
            case Activation::softsign:
                return softsign(a);
            case Activation::hard_tanh:
                return clamped(a, alpha_, beta_);
            case Activation::hard_sigmoid:
                return clamped(alpha_ * a + beta_, 0, 1);
            case Activation::scaled_tanh:
                return alpha_ * ::tanh(beta_ * a);
            case Activation::affine:
                return alpha_ * a + beta_;
        }
        return a;
    }

    __device__ T df(T y) const {
        switch (kind_) {
            case Activation::tanh:
                return 1 - y * y;
            case Activation::relu:
            case Activation::thresholded_relu:
                return y > 0;
            case Activation::sigmoid:
                return y * (1 - y);
            case Activation::linear:
                return 1;
            case Activation::leaky_relu:
                return y > 0 ? T(1) : alpha_;
            case Activation::elu:
                return y > 0 ? T(1) : y + alpha_;
            case Activation::selu:
                return y > 0 ? beta_ : y + alpha_ * beta_;
            case Activation::softplus:
                return -expm1(-beta_ * y);
            case Activation::softsign:
                return (1 - fabs(y)) * (1 - fabs(y));
            case Activation::hard_tanh:
                return y > alpha_ && y < beta_;
            case Activation::hard_sigmoid:
                return y > 0 && y < 1 ? alpha_ : 0;
            case Activation::scaled_tanh:
                return (alpha_ - y) * (alpha_ + y) * (beta_ / alpha_);
            case Activation::affine:
                return alpha_;
        }
        return 1;
    }

    Activation kind_;
    T alpha_, beta_, clip_;
    T low_ = 0, high_ = 0;  // of f on [-clip, clip]
};
