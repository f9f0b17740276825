// What a cell may have beyond equations (1) to (6) of contract.hpp. The variant `panel` alone has it.
//
//   (1')  s_t  = x_t W_ih^T + (m * h_{t-1}) W_hh^T           m: the recurrent mask, of 0 and 1 / (1 - rate), say
//         n_t  = (s_t - mean(s_t)) / d_t,  d_t = sqrt(variance(s_t) + epsilon), both over the H units
//         a_t  = gain * n_t + b                              with layer normalisation (Ba et al. 2016), else s_t + b
//   (2')  h_t  = h_{t-1} where z_t, else f(a_t)              z: the zoneout mask (Krueger et al. 2016)
//         h_t  = rate h_{t-1} + (1 - rate) f(a_t)            its expectation, for inference
//   (4')  da_t = 0 where z_t, else dh_t * f'(h_t)
//         ds_t = (g_t - mean(g_t) - n_t mean(g_t * n_t)) / d_t,  g_t = gain * da_t;  without normalisation da_t
//   (5')  dW_ih = sum_t ds_t^T x_t,  dW_hh = sum_t ds_t^T (m * h_{t-1}),  db = sum_t da_t,  dgain = sum_t da_t * n_t
//   (6')  dx_t = ds_t W_ih,  and of dh_{t-1} the part  m * (ds_t W_hh) + (dh_t where z_t)
#pragma once

#include <type_traits>

#include "contract.hpp"

namespace rnnfast {

template <class T>
struct CellOptions {
    const T* recurrent_mask = nullptr;   // (B, H), optional
    const bool* zoneout_mask = nullptr;  // (T, B, H), optional
    T zoneout_rate = 0;                  // forward only, and not with a mask
    const T* gain = nullptr;             // (H,), optional
    T epsilon = 0;
};

// Whether z_t holds for a unit, as an integer as wide as T: so compilers make vectors of a choice between two values
// that are read whatever it is, where from a bool they make a branch that nothing can predict.
template <class T>
auto holds(const bool* z, Index unit) {
    using Wide = std::conditional_t<sizeof(T) == sizeof(int32_t), int32_t, int64_t>;
    return static_cast<Wide>(reinterpret_cast<const unsigned char*>(z)[unit]);
}

}  // namespace rnnfast
