// One step of training a recurrent layer to remember the first input of each sequence, without Python.
#include <cmath>
#include <cstdio>
#include <rnnfast/cpu.hpp>
#include <vector>

using Array = std::vector<double>;

Array waves(int count, double scale) {
    Array made(count);
    for (int i = 0; i < count; ++i) made[i] = scale * std::sin(i + 1);
    return made;
}

int main() {
    constexpr int T = 7, B = 3, I = 2, H = 4;
    const std::vector<std::int64_t> lengths{7, 3, 5};
    const Array x = waves(T * B * I, 1), w_ih = waves(H * I, 0.5), w_hh = waves(H * H, 0.4), b(H);
    Array y(T * B * H), h_n(B * H), dh_n(B * H), dx(x), dw_ih(w_ih), dw_hh(w_hh), db(b), dh0(B * H);

    rnnfast::cpu::Layer layer{T, B, I, H};
    layer.activation = "tanh";
    rnnfast::cpu::Forward<double> forward{x.data(), w_ih.data(), w_hh.data(), b.data()};
    forward.valid.lengths = lengths.data(), forward.y = y.data(), forward.h_n = h_n.data();
    rnnfast::cpu::forward(layer, forward);

    for (int i = 0; i < B * H; ++i) dh_n[i] = h_n[i] - x[i / H * I];  // of half the squared distance
    rnnfast::cpu::Backward<double> backward{nullptr, x.data(), y.data(), w_ih.data(), w_hh.data()};
    backward.dh_n = dh_n.data(), backward.valid = forward.valid;
    backward.dx = dx.data(), backward.dw_ih = dw_ih.data(), backward.dw_hh = dw_hh.data();
    backward.db = db.data(), backward.dh0 = dh0.data();
    rnnfast::cpu::backward(layer, backward);

    for (const Array* array : {&h_n, &dw_ih, &dw_hh, &db})
        for (const double number : *array) std::printf("%.17g ", number);
}
