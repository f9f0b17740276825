// The activation of a recurrence: f of equation (2), of a pre-activation that may be clamped first,
//   h_t = f(min(max(a_t, -clip), clip)).
//
// The backward pass has h_t alone. It takes a step as clamped, with a derivative of 0, where h_t is at or beyond
// f(clip) or f(-clip). That is exact: every f is monotone, and where it is not strictly so its derivative is 0 anyway.
// At |a_t| = clip, too, the derivative is 0.
#pragma once

#include <algorithm>

#include "contract.hpp"
#include "profiler.hpp"

namespace rnnfast {

struct Activation {
    int kernel;          // its place in KernelTable::activations
    double alpha, beta;  // Parameters
    double clip;         // above 0, or 0: nothing is clamped
};

template <class T>
class Pointwise {
   public:
    Pointwise(const Activation& activation, const KernelTable<T>& kernels)
        : kernels_(kernels),
          kernel_(kernels.activations[activation.kernel]),
          parameters_{T(activation.alpha), T(activation.beta)},
          clip_(T(activation.clip)),
          alone_(activation.clip == 0 && !profiling()) {
        T ends[] = {-clip_, clip_};
        kernel_.activate(parameters_, ends, 2);
        low_ = std::min(ends[0], ends[1]), high_ = std::max(ends[0], ends[1]);
    }

    // a (n,) := f(a)
    void activate(T* a, Index n) const {
        if (alone_) return kernel_.activate(parameters_, a, n);
        const ActivationTimer timer(n);
        clamp_and_activate(a, n);
    }
    // The same for `rows` rows of n elements that are `stride` apart.
    void activate_rows(T* a, Index rows, Index stride, Index n) const {
        const ActivationTimer timer(rows * n);
        for (Index row = 0; row < rows; ++row) clamp_and_activate(a + row * stride, n);
    }

    // da (n,) := (dy + carry) * f'(y); dy may be null for zeros.
    void differentiate(const T* dy, const T* carry, const T* y, T* da, Index n) const {
        if (alone_) return kernel_.differentiate(parameters_, dy, carry, y, da, n);
        const ActivationTimer timer(n);
        differentiate_and_cut(dy, carry, y, da, n);
    }
    void differentiate_rows(const T* dy, const T* carry, const T* y, T* da, Index rows, Index stride, Index n) const {
        const ActivationTimer timer(rows * n);
        for (Index i = 0; i < rows * stride; i += stride)
            differentiate_and_cut(dy ? dy + i : nullptr, carry + i, y + i, da + i, n);
    }

   private:
    void clamp_and_activate(T* a, Index n) const {
        if (clip_ > 0) kernels_.clamp(-clip_, clip_, a, n);
        kernel_.activate(parameters_, a, n);
    }
    void differentiate_and_cut(const T* dy, const T* carry, const T* y, T* da, Index n) const {
        kernel_.differentiate(parameters_, dy, carry, y, da, n);
        if (clip_ > 0) kernels_.zero_outside(low_, high_, y, da, n);
    }

    const KernelTable<T>& kernels_;
    const ActivationKernels<T>& kernel_;
    const Parameters<T> parameters_;
    const T clip_;
    const bool alone_;  // nothing is clamped or timed
    T low_, high_;      // of f on [-clip, clip]
};

}  // namespace rnnfast
