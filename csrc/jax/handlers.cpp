#include "handlers.hpp"

#include <vector>

#include "call_frame.hpp"
#include "rnnfast/cpu.hpp"

namespace rnnfast::jax {

namespace {

cpu::Layer layer_of(const CallFrame& call) {
    const XLA_FFI_Buffer &x = *call.operand("x"), &h0 = *call.operand("h0");  // x with time or the batch first
    const int64_t batch = h0.dims[0];
    cpu::Layer layer{x.dims[0] * x.dims[1] / batch, batch, x.dims[2], h0.dims[1]};
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

// Lengths go to `lengths` in the width that the kernels take.
cpu::ValidSteps valid_steps(const CallFrame& call, std::vector<int64_t>& lengths) {
    const XLA_FFI_Buffer* const given = call.operand("lengths");
    if (!given) return {nullptr, call.data<const bool>(call.operand("mask"))};
    const auto* steps = call.data<const int32_t>(given);
    lengths.assign(steps, steps + given->dims[0]);
    return {lengths.data(), nullptr};
}

template <class T>
void run_forward(const CallFrame& call) {
    const auto in = [&](const char* name) { return call.data<const T>(call.operand(name)); };
    const auto out = [&](const char* name) { return call.data<T>(call.result(name)); };
    std::vector<int64_t> lengths;
    cpu::Forward<T> a;
    a.x = in("x"), a.w_ih = in("w_ih"), a.w_hh = in("w_hh"), a.b = in("b"), a.h0 = in("h0");
    a.valid = valid_steps(call, lengths), a.recurrent_mask = in("recurrent_mask");
    a.y = out("y"), a.h_n = out("h_n");
    cpu::forward(layer_of(call), a);
}

template <class T>
void run_backward(const CallFrame& call) {
    const auto in = [&](const char* name) { return call.data<const T>(call.operand(name)); };
    const auto out = [&](const char* name) { return call.data<T>(call.result(name)); };
    std::vector<int64_t> lengths;
    cpu::Backward<T> a;
    a.dy = in("dy"), a.dh_n = in("dh_n"), a.x = in("x"), a.y = in("y");
    a.w_ih = in("w_ih"), a.w_hh = in("w_hh"), a.h0 = in("h0");
    a.valid = valid_steps(call, lengths), a.recurrent_mask = in("recurrent_mask");
    a.dx = out("dx"), a.dw_ih = out("dw_ih"), a.dw_hh = out("dw_hh"), a.db = out("db"), a.dh0 = out("dh0");
    cpu::Layer layer = layer_of(call);
    layer.dx_batch_first = call.number<int64_t>("dx_batch_first");
    cpu::backward(layer, a);
}

bool is_double(const CallFrame& call) { return call.operand("x")->dtype == XLA_FFI_DataType_F64; }

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
