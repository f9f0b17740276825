// The activations written out in double, with parameters, and pre-activations clamped or not.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "cpu/activation.hpp"
#include "cpu/dispatch.hpp"

namespace rnnfast {

struct Definition {
    const char* name;
    double alpha, beta;
    double (*f)(double a, double alpha, double beta);
    double (*df)(double y, double alpha, double beta);
};

inline double between(double a, double low, double high) { return a < low ? low : a > high ? high : a; }

// In parameters that float holds exactly.
constexpr Definition kDefinitions[] = {
    {"tanh", 0, 0, [](double a, double, double) { return std::tanh(a); },
     [](double y, double, double) { return 1 - y * y; }},
    {"relu", 0, 0, [](double a, double, double) { return a < 0 ? 0 : a; },
     [](double y, double, double) { return double(y > 0); }},
    {"sigmoid", 0, 0, [](double a, double, double) { return 1 / (1 + std::exp(-a)); },
     [](double y, double, double) { return y * (1 - y); }},
    {"linear", 0, 0, [](double a, double, double) { return a; }, [](double, double, double) { return 1.0; }},
    {"leaky_relu", 0.125, 0, [](double a, double alpha, double) { return a < 0 ? alpha * a : a; },
     [](double y, double alpha, double) { return y > 0 ? 1 : alpha; }},
    {"thresholded_relu", 0.25, 0, [](double a, double alpha, double) { return a <= alpha ? 0 : a; },
     [](double y, double, double) { return double(y > 0); }},
    {"elu", 1.5, 0, [](double a, double alpha, double) { return a < 0 ? alpha * std::expm1(a) : a; },
     [](double y, double alpha, double) { return y > 0 ? 1 : y + alpha; }},
    {"selu", 1.75, 1.125,
     [](double a, double alpha, double beta) { return beta * (a < 0 ? alpha * std::expm1(a) : a); },
     [](double y, double alpha, double beta) { return y > 0 ? beta : y + alpha * beta; }},
    {"softplus", 0, 2,
     [](double a, double, double beta) { return (a < 0 ? 0 : a) + std::log1p(std::exp(-std::fabs(beta * a))) / beta; },
     [](double y, double, double beta) { return -std::expm1(-beta * std::fabs(y)); }},
    {"softsign", 0, 0,
     [](double a, double, double) { return std::isinf(a) ? std::copysign(1, a) : a / (1 + std::fabs(a)); },
     [](double y, double, double) { return (1 - std::fabs(y)) * (1 - std::fabs(y)); }},
    {"hard_tanh", -0.5, 2, [](double a, double alpha, double beta) { return between(a, alpha, beta); },
     [](double y, double alpha, double beta) { return double(alpha < y && y < beta); }},
    {"hard_sigmoid", -0.25, 0.5, [](double a, double alpha, double beta) { return between(alpha * a + beta, 0, 1); },
     [](double y, double alpha, double) { return 0 < y && y < 1 ? alpha : 0; }},
    {"scaled_tanh", 1.75, -0.625, [](double a, double alpha, double beta) { return alpha * std::tanh(beta * a); },
     [](double y, double alpha, double beta) { return alpha * beta * (1 - y * y / (alpha * alpha)); }},
    {"affine", 0.75, -0.5, [](double a, double alpha, double beta) { return alpha * a + beta; },
     [](double, double alpha, double) { return alpha; }},
};
static_assert(sizeof kDefinitions / sizeof *kDefinitions == kActivations);

// That of the kernels' activation number `kernel`.
inline const Definition& definition(int kernel) {
    const std::string name = kernels<float>("baseline").activations[kernel].name;
    for (const Definition& known : kDefinitions)
        if (name == known.name) return known;
    std::printf("no definition of %s\n", name.c_str());
    std::exit(1);
}

// That of a name, with the parameters of its definition.
inline Activation activation_of(const std::string& name, double clip = 0) {
    for (int kernel = 0; kernel < kActivations; ++kernel) {
        const Definition& known = definition(kernel);
        if (name == known.name) return {kernel, known.alpha, known.beta, clip};
    }
    std::printf("no activation %s\n", name.c_str());
    std::exit(1);
}

inline double f(const Activation& function, double a) {
    if (function.clip > 0) a = between(a, -function.clip, function.clip);
    return definition(function.kernel).f(a, function.alpha, function.beta);
}

// From the pre-activation, where it is clamped; else from the value.
inline double df(const Activation& function, double a, double y) {
    if (function.clip > 0 && std::fabs(a) >= function.clip) return 0;
    return definition(function.kernel).df(y, function.alpha, function.beta);
}

}  // namespace rnnfast
