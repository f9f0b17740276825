// Fills the kernel tables of the instruction set that the including file is compiled for. That file defines
//   RNNFAST_ISA               a name, also the namespace
//   RNNFAST_VECTOR_BYTES      the width of a vector
//   RNNFAST_VECTOR_REGISTERS  how many of them there are
#pragma once

#include <utility>

#include "contract.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rnnfast {
namespace RNNFAST_ISA {

#include "simd.hpp"
//
#include "transpose.hpp"
//
#include "diagonal.hpp"
#include "microkernel.hpp"
#include "peak.hpp"
//
#include "exponential.hpp"
//
#include "pointwise.hpp"
//
#include "conversion.hpp"
#include "normalisation.hpp"
#include "philox.hpp"

#define RNNFAST_STRING(x) #x
#define RNNFAST_NAME(x) RNNFAST_STRING(x)

inline void nothing() {}

template <class T>
constexpr KernelTable<T> make_table() {
    return {
        RNNFAST_NAME(RNNFAST_ISA),
        kLanes<T>,
        {kLanes<T>, 1, 1, nullptr, nullptr},
        nothing,
        nothing,
        panel_width,
        {multiply_panel<T, 1, false>, multiply_panel<T, 2, false>, multiply_panel<T, 3, false>,
         multiply_panel<T, 4, false>, multiply_panel<T, 5, false>, multiply_panel<T, 6, false>,
         multiply_panel<T, 7, false>, multiply_panel<T, 8, false>},
        {multiply_panel<T, 1, true>, multiply_panel<T, 2, true>, multiply_panel<T, 3, true>, multiply_panel<T, 4, true>,
         multiply_panel<T, 5, true>, multiply_panel<T, 6, true>, multiply_panel<T, 7, true>,
         multiply_panel<T, 8, true>},
        {activation<T, Tanh>(), activation<T, Relu>(), activation<T, Sigmoid>(), activation<T, Linear>(),
         activation<T, LeakyRelu>(), activation<T, ThresholdedRelu>(), activation<T, Elu>(), activation<T, Selu>(),
         activation<T, Softplus>(), activation<T, Softsign>(), activation<T, HardTanh>(), activation<T, HardSigmoid>(),
         activation<T, ScaledTanh>(), activation<T, Affine>()},
        clamp<T>,
        zero_outside<T>,
        transpose_padded<T>,
        transpose_dense<T>,
        pack_columns<T>,
        pack_rows<T>,
        gather_rows<T>,
        add_rows<T>,
        multiply_diagonal<T>,
        add_products<T>,
        normalise<T>,
        normalise_gradient<T>,
        random_words,
        conversion<T, Float16>(),
        conversion<T, BFloat16>(),
        multiply_add_peak<T>,
        read_peak<T>,
    };
}

extern const KernelTable<float> kFloat32;
extern const KernelTable<double> kFloat64;
const KernelTable<float> kFloat32 = make_table<float>();
const KernelTable<double> kFloat64 = make_table<double>();

}  // namespace RNNFAST_ISA
}  // namespace rnnfast
