// The custom calls of rnnfast.jax, which XLA runs on the CPU. Shapes as in rnnfast/cpu.hpp, all arrays of one of float
// and double; T, B, I, H are taken from those of x and h0. The last operand, if it is there, says which steps are
// valid: lengths (B,) of int32, or a mask (T, B) of bool.
//
//   forward:  x, w_ih, w_hh, b, h0 [, valid]             -> y, h_n
//   backward: dy, dh_n, x, y, w_ih, w_hh, h0 [, valid]   -> dx, dw_ih, dw_hh, db, dh0
//
// Attributes: the options of cpu::Layer by its names, numbers as int64 and double, flags as int64.
#pragma once

#include "xla/ffi/api/c_api.h"

namespace rnnfast::jax {

XLA_FFI_Error* forward(XLA_FFI_CallFrame* frame);
XLA_FFI_Error* backward(XLA_FFI_CallFrame* frame);

}  // namespace rnnfast::jax
