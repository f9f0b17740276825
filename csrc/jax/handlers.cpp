#include "handlers.hpp"

#include <vector>

#include "call_frame.hpp"
#include "rnnfast/cpu.hpp"

namespace rnnfast::jax {

namespace {

cpu::Layer layer_of(const CallFrame& call, const XLA_FFI_Buffer& x, const XLA_FFI_Buffer& h0) {
    cpu::Layer layer{x.dims[0], x.dims[1], x.dims[2], h0.dims[1]};
    layer.heads = call.number<int64_t>("heads");
    layer.activation = call.text("activation");
    layer.alpha = call.number<double>("alpha");
    layer.beta = call.number<double>("beta");
    layer.clip = call.number<double>("clip");
    layer.reverse = call.number<int64_t>("reverse");
    layer.bptt_steps = call.number<int64_t>("bptt_steps");
    layer.hold_masked = call.number<int64_t>("hold_masked");
    layer.forward_variant = call.text("forward_variant");
    layer.backward_variant = call.text("backward_variant");
    layer.precision = call.text("precision");
    layer.isa = call.text("isa");
    return layer;
}

// Operand number i, if it is there; lengths go to `lengths` in the width that the kernels take.
cpu::ValidSteps valid_steps(const CallFrame& call, int64_t i, std::vector<int64_t>& lengths) {
    if (i == call.operands()) return {};
    const XLA_FFI_Buffer& valid = call.operand(i);
    if (valid.dtype == XLA_FFI_DataType_PRED) return {nullptr, static_cast<const bool*>(valid.data)};
    const auto* given = static_cast<const int32_t*>(valid.data);
    lengths.assign(given, given + valid.dims[0]);
    return {lengths.data(), nullptr};
}

template <class T>
void run_forward(const CallFrame& call) {
    std::vector<int64_t> lengths;
    cpu::Forward<T> a;
    a.x = call.operand_data<T>(0), a.w_ih = call.operand_data<T>(1), a.w_hh = call.operand_data<T>(2);
    a.b = call.operand_data<T>(3), a.h0 = call.operand_data<T>(4);
    a.valid = valid_steps(call, 5, lengths);
    a.y = call.result_data<T>(0), a.h_n = call.result_data<T>(1);
    cpu::forward(layer_of(call, call.operand(0), call.operand(4)), a);
}

template <class T>
void run_backward(const CallFrame& call) {
    std::vector<int64_t> lengths;
    cpu::Backward<T> a;
    a.dy = call.operand_data<T>(0), a.dh_n = call.operand_data<T>(1), a.x = call.operand_data<T>(2);
    a.y = call.operand_data<T>(3), a.w_ih = call.operand_data<T>(4), a.w_hh = call.operand_data<T>(5);
    a.h0 = call.operand_data<T>(6);
    a.valid = valid_steps(call, 7, lengths);
    a.dx = call.result_data<T>(0), a.dw_ih = call.result_data<T>(1), a.dw_hh = call.result_data<T>(2);
    a.db = call.result_data<T>(3), a.dh0 = call.result_data<T>(4);
    cpu::backward(layer_of(call, call.operand(2), call.operand(6)), a);
}

bool is_double(const CallFrame& call) { return call.operand(0).dtype == XLA_FFI_DataType_F64; }

}  // namespace

XLA_FFI_Error* forward(XLA_FFI_CallFrame* frame) {
    return answer(
        frame, [](const CallFrame& call) { is_double(call) ? run_forward<double>(call) : run_forward<float>(call); });
}

XLA_FFI_Error* backward(XLA_FFI_CallFrame* frame) {
    return answer(
        frame, [](const CallFrame& call) { is_double(call) ? run_backward<double>(call) : run_backward<float>(call); });
}

}  // namespace rnnfast::jax
