// The public interface: what it is given is checked, and turned into what the loops take.
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <stdexcept>

#include "dispatch.hpp"
#include "planned.hpp"
#include "rnnfast/cpu.hpp"

namespace rnnfast::cpu {

namespace {

std::string text(const std::string& value) { return "'" + value + "'"; }
std::string text(const char* word) { return word; }
std::string text(double value) { return std::to_string(value); }
std::string text(Index value) { return std::to_string(value); }

template <class Got>
void require(bool holds, const char* expected, const Got& got) {
    if (!holds) throw std::invalid_argument(std::string(expected) + ", got " + text(got));
}

int activation_number(const std::string& name) {
    const auto& all = kernels<float>("baseline").activations;
    const auto found =
        std::find_if(std::begin(all), std::end(all), [&](const auto& known) { return name == known.name; });
    require(found != std::end(all), "activation: expected one of activations()", name);
    return static_cast<int>(found - std::begin(all));
}

// For which numbers the derivative follows from the value: those of rnnfast/pointwise.py.
struct Rule {
    const char* activation;
    double Layer::* number;
    const char* expected;
    bool (*holds)(double alpha, double beta);
};
constexpr Rule kRules[] = {
    {"leaky_relu", &Layer::alpha, "alpha: expected at least 0", [](double alpha, double) { return alpha >= 0; }},
    {"thresholded_relu", &Layer::alpha, "alpha: expected at least 0", [](double alpha, double) { return alpha >= 0; }},
    {"elu", &Layer::alpha, "alpha: expected at least 0", [](double alpha, double) { return alpha >= 0; }},
    {"selu", &Layer::alpha, "alpha: expected at least 0", [](double alpha, double) { return alpha >= 0; }},
    {"selu", &Layer::beta, "beta: expected more than 0", [](double, double beta) { return beta > 0; }},
    {"softplus", &Layer::beta, "beta: expected more than 0", [](double, double beta) { return beta > 0; }},
    {"hard_tanh", &Layer::beta, "beta: expected more than alpha",
     [](double alpha, double beta) { return alpha < beta; }},
    {"scaled_tanh", &Layer::alpha, "alpha: expected another number than 0",
     [](double alpha, double) { return alpha != 0; }},
    {"scaled_tanh", &Layer::beta, "beta: expected another number than 0",
     [](double, double beta) { return beta != 0; }},
};

void check_activation(const Layer& layer) {
    require(std::isfinite(layer.alpha), "alpha: expected a finite number", layer.alpha);
    require(std::isfinite(layer.beta), "beta: expected a finite number", layer.beta);
    for (const Rule& rule : kRules)
        if (layer.activation == rule.activation)
            require(rule.holds(layer.alpha, layer.beta), rule.expected, layer.*rule.number);
}

// The bytes of an array must be a number of type Index.
void check_product(Index steps, Index batch, Index columns) {
    const double most = double(std::numeric_limits<Index>::max()) / sizeof(double);
    require(double(steps) * double(batch) * double(columns) < most, "sizes: expected fewer elements than memory has",
            "more");
}

Sizes checked_sizes(const Layer& layer) {
    require(layer.seq_len >= 1, "seq_len: expected at least 1", layer.seq_len);
    require(layer.batch >= 1, "batch: expected at least 1", layer.batch);
    require(layer.input_size >= 1, "input_size: expected at least 1", layer.input_size);
    require(layer.hidden_size >= 1, "hidden_size: expected at least 1", layer.hidden_size);
    require(layer.heads >= 1 && layer.hidden_size % layer.heads == 0, "heads: expected a divisor of hidden_size",
            layer.heads);
    require(layer.bptt_steps >= 0, "bptt_steps: expected at least 0", layer.bptt_steps);
    require(layer.clip >= 0, "clip: expected at least 0", layer.clip);
    check_activation(layer);
    check_product(layer.seq_len, layer.batch, std::max(layer.input_size, layer.hidden_size));
    check_product(1, layer.hidden_size, std::max(layer.input_size, layer.hidden_size));
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
const Variant<T>& chosen(const std::string& name, const Sizes& sizes, const std::string& precision, bool plain_cell) {
    const bool tiles = precision != "highest";
    const int threads = team_size(sizes, rnnfast::num_threads()).threads;
    const bool few = plain_cell && sizes.heads == 1 && threads > 1 && sizes.batch < 2 * threads;
    const std::string usual = tiles ? "tiles" : few ? "stationary" : "panel";
    const Variant<T>& found = variant<T>(name == "auto" ? usual : name);
    require(found.accepts(sizes), "variant: expected one that takes these sizes", name);
    require(plain_cell || found.name == std::string("panel"), "variant: expected panel with a recurrent_mask", name);
    require((found.name == std::string("tiles")) == tiles, "variant: expected tiles at a precision below highest alone",
            name);
    return found;
}

template <class T>
const KernelTable<T>& table(const std::string& isa, const std::string& precision) {
    const std::vector<std::string> known = supported_isas();
    require(std::find(known.begin(), known.end(), isa) != known.end(), "isa: expected one that this processor runs",
            isa);
    if constexpr (std::is_same_v<T, float>) {
        return kernels_for(isa, precision);
    } else {
        require(precision == "highest", "precision: expected highest for double", precision);
        return kernels<T>(isa);
    }
}

template <class T>
Planned<T> planned(const Layer& layer, bool plain_cell) {
    const Sizes sizes = checked_sizes(layer);
    return {sizes, layer.hold_masked ? MaskedOutput::kHold : MaskedOutput::kZero,
            table<T>(layer.isa.empty() ? default_isa() : layer.isa, layer.precision),
            chosen<T>(layer.forward_variant, sizes, layer.precision, plain_cell),
            chosen<T>(layer.backward_variant, sizes, layer.precision, plain_cell)};
}

rnnfast::ValidSteps checked(const ValidSteps& valid, const Layer& layer) {
    require(!(valid.lengths && valid.mask), "valid: expected lengths or a mask", "both");
    require(!(layer.dx_batch_first && (valid.lengths || valid.mask)),
            "dx_batch_first: expected false where steps are masked", "true");
    for (Index row = 0; valid.lengths && row < layer.batch; ++row)
        require(0 <= valid.lengths[row] && valid.lengths[row] <= layer.seq_len, "lengths: expected 0 to seq_len",
                Index(valid.lengths[row]));
    return {valid.lengths, valid.mask};
}

void require_arrays(std::initializer_list<const void*> arrays) {
    for (const void* array : arrays) require(array, "arrays: expected a pointer where it is not optional", "null");
}

}  // namespace

template <class T>
void forward(const Layer& layer, const Forward<T>& a) {
    const Planned<T> plan = planned<T>(layer, !a.recurrent_mask);
    require_arrays({a.x, a.w_ih, a.w_hh, a.b, a.y, a.h_n});
    const rnnfast::ValidSteps valid = checked(a.valid, layer);
    plan.forward({plan.sizes.steps(), a.x, a.w_ih, a.w_hh, a.b, a.h0, a.y, a.h_n, {a.recurrent_mask}}, valid);
}

template <class T>
void backward(const Layer& layer, const Backward<T>& a) {
    const Planned<T> plan = planned<T>(layer, !a.recurrent_mask);
    require_arrays({a.x, a.y, a.w_ih, a.w_hh, a.dw_ih, a.dw_hh, a.db, a.dh0});
    const rnnfast::ValidSteps valid = checked(a.valid, layer);
    BackwardArrays<T> arrays{
        plan.sizes.steps(), a.dy, a.x, a.y, a.w_ih, a.w_hh, a.h0, a.dh_n, a.dx, a.dw_ih, a.dw_hh, a.db, a.dh0, nullptr,
        {a.recurrent_mask}};
    arrays.dx_batch_first = layer.dx_batch_first;
    plan.backward(arrays, valid);
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
void set_num_threads(int threads) {
    require(threads >= 1, "threads: expected at least 1", Index(threads));
    rnnfast::set_num_threads(threads);
}

}  // namespace rnnfast::cpu
