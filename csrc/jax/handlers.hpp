// The custom calls of rnnfast.jax, which XLA runs on the CPU. Shapes and orders in memory as in rnnfast/cpu.hpp, all
// arrays of one of float and double; T, B, I, H are taken from those of x and h0.
//
//   forward:  x, w_ih, w_hh, b, h0, others                        -> y, h_n
//   backward: [dy,] [dh_n,] x, y, w_ih, w_hh, h0, others          -> [dx,] dw_ih, dw_hh, db, dh0
//
// `others` are lengths (B,) of int32 or a mask (T, B) of bool, and recurrent_mask (B, H), where they are given.
// Attributes: operands and results, the names of what is there in its order, with spaces between them; and the options
// of cpu::Layer by its names, numbers as int64 and double, flags as int64. Of these dx_batch_first is of backward
// alone.
#pragma once

#include "xla/ffi/api/c_api.h"

namespace rnnfast::jax {

XLA_FFI_Error* forward(XLA_FFI_CallFrame* frame);
XLA_FFI_Error* backward(XLA_FFI_CallFrame* frame);

}  // namespace rnnfast::jax
