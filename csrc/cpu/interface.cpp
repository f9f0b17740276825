// The public interface: what it is given is checked, and turned into what the loops take.
#include <algorithm>
#include <initializer_list>
#include <stdexcept>

#include "dispatch.hpp"
#include "planned.hpp"
#include "rnnfast/cpu.hpp"

namespace rnnfast::cpu {

namespace {

void require(bool holds, const std::string& message) {
    if (!holds) throw std::invalid_argument(message);
}

int activation_number(const std::string& name) {
    const std::vector<std::string> names = activations();
    const auto found = std::find(names.begin(), names.end(), name);
    require(found != names.end(), "activation: expected one of activations(), got '" + name + "'");
    return static_cast<int>(found - names.begin());
}

Sizes checked_sizes(const Layer& layer) {
    for (const auto& [name, size] : {std::pair<const char*, Index>{"seq_len", layer.seq_len},
                                     {"batch", layer.batch},
                                     {"input_size", layer.input_size},
                                     {"hidden_size", layer.hidden_size},
                                     {"heads", layer.heads}})
        require(size >= 1, std::string(name) + ": expected at least 1, got " + std::to_string(size));
    require(layer.hidden_size % layer.heads == 0,
            "heads: expected a divisor of hidden_size = " + std::to_string(layer.hidden_size) + ", got " +
                std::to_string(layer.heads));
    require(layer.bptt_steps >= 0, "bptt_steps: expected at least 0, got " + std::to_string(layer.bptt_steps));
    require(layer.clip >= 0, "clip: expected at least 0, got " + std::to_string(layer.clip));
    return {layer.seq_len,
            layer.batch,
            layer.input_size,
            layer.hidden_size,
            {activation_number(layer.activation), layer.alpha, layer.beta, layer.clip},
            layer.reverse,
            layer.bptt_steps,
            layer.heads};
}

template <class T>
const Variant<T>& chosen(const std::string& name, const Sizes& sizes, bool tiles) {
    const int threads = team_size(sizes, rnnfast::num_threads()).threads;
    const bool few = sizes.heads == 1 && threads > 1 && sizes.batch < 2 * threads;
    const std::string usual = tiles ? "tiles" : few ? "stationary" : "panel";
    const Variant<T>& found = variant<T>(name == "auto" ? usual : name);
    require(found.accepts(sizes), "variant: " + name + " does not take these sizes");
    require((found.name == std::string("tiles")) == tiles, "variant: tiles and precision go together, got " + name);
    return found;
}

template <class T>
const KernelTable<T>& table(const std::string& isa, const std::string& precision) {
    if constexpr (std::is_same_v<T, float>) {
        return kernels_for(isa, precision);
    } else {
        require(precision == "highest", "precision: expected highest for double, got " + precision);
        return kernels<T>(isa);
    }
}

template <class T>
Planned<T> planned(const Layer& layer) {
    const Sizes sizes = checked_sizes(layer);
    const bool tiles = layer.precision != "highest";
    return {sizes, layer.hold_masked ? MaskedOutput::kHold : MaskedOutput::kZero,
            table<T>(layer.isa.empty() ? default_isa() : layer.isa, layer.precision),
            chosen<T>(layer.forward_variant, sizes, tiles), chosen<T>(layer.backward_variant, sizes, tiles)};
}

rnnfast::ValidSteps checked(const ValidSteps& valid, const Layer& layer) {
    require(!(valid.lengths && valid.mask), "valid: expected lengths or a mask, got both");
    for (Index row = 0; valid.lengths && row < layer.batch; ++row)
        require(
            0 <= valid.lengths[row] && valid.lengths[row] <= layer.seq_len,
            "lengths: expected 0 to " + std::to_string(layer.seq_len) + ", got " + std::to_string(valid.lengths[row]));
    return {valid.lengths, valid.mask};
}

void require_arrays(std::initializer_list<const void*> arrays) {
    for (const void* array : arrays) require(array, "arrays: expected a pointer where it is not optional, got null");
}

}  // namespace

template <class T>
void forward(const Layer& layer, const Forward<T>& a) {
    const Planned<T> plan = planned<T>(layer);
    require_arrays({a.x, a.w_ih, a.w_hh, a.b, a.y, a.h_n});
    const rnnfast::ValidSteps valid = checked(a.valid, layer);
    plan.forward({plan.sizes.steps(), a.x, a.w_ih, a.w_hh, a.b, a.h0, a.y, a.h_n}, valid);
}

template <class T>
void backward(const Layer& layer, const Backward<T>& a) {
    const Planned<T> plan = planned<T>(layer);
    require_arrays({a.x, a.y, a.w_ih, a.w_hh, a.dx, a.dw_ih, a.dw_hh, a.db, a.dh0});
    const rnnfast::ValidSteps valid = checked(a.valid, layer);
    plan.backward({plan.sizes.steps(), a.dy, a.x, a.y, a.w_ih, a.w_hh, a.h0, a.dh_n, a.dx, a.dw_ih, a.dw_hh, a.db,
                   a.dh0, nullptr},
                  valid);
}

template void forward(const Layer&, const Forward<float>&);
template void forward(const Layer&, const Forward<double>&);
template void backward(const Layer&, const Backward<float>&);
template void backward(const Layer&, const Backward<double>&);

std::vector<std::string> activations() {
    std::vector<std::string> names;
    for (const auto& kernel : kernels<float>("baseline").activations) names.push_back(kernel.name);
    return names;
}

std::vector<std::string> variants() { return variant_names(); }

int num_threads() { return rnnfast::num_threads(); }
void set_num_threads(int threads) { rnnfast::set_num_threads(threads); }

}  // namespace rnnfast::cpu
