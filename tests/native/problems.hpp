// Random problems, and what is right for them: loops written out in double.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "activations.hpp"
#include "cpu/variants.hpp"
#include "cpu/windows.hpp"

namespace rnnfast {

inline std::mt19937_64 generator(1);

inline Index pick(Index low, Index high) { return std::uniform_int_distribution<Index>(low, high)(generator); }

template <class T>
struct Array {
    std::unique_ptr<T[]> data;
    Index size;
    explicit Array(Index size) : data(new T[size]), size(size) {
        for (Index i = 0; i < size; ++i) data[i] = std::numeric_limits<T>::quiet_NaN();
    }
    Array& random(double scale) {
        std::normal_distribution<double> normal(0, scale);
        for (Index i = 0; i < size; ++i) data[i] = static_cast<T>(normal(generator));
        return *this;
    }
    T* get(bool wanted = true) const { return wanted ? data.get() : nullptr; }
};

// Equations (1) to (6), with the options of cell_options.hpp, sequence by sequence, a masked step passing by.
template <class T>
struct Expected {
    std::vector<double> y, h_n, dx, dw_ih, dw_hh, db, dh0, dgain;

    Expected(const Sizes& s, const ForwardArrays<T>& fw, const BackwardArrays<T>& bw, const ValidSteps& valid,
             bool hold)
        : y(s.seq_len * s.batch * s.hidden_size),
          h_n(s.batch * s.hidden_size),
          dx(s.seq_len * s.batch * s.input_size),
          dw_ih(s.hidden_size * s.input_size),
          dw_hh(s.hidden_size * s.head_size()),
          db(s.hidden_size),
          dh0(s.batch * s.hidden_size),
          dgain(s.hidden_size) {
        const Index h = s.hidden_size, n = s.input_size, size = s.head_size();
        const CellOptions<T>& cell = fw.cell;
        for (Index row = 0; row < s.batch; ++row) {
            const auto is_valid = [&](Index step) { return !valid || valid(s.time(step), row, s.batch); };
            std::vector<std::vector<double>> states(1, std::vector<double>(h));  // before each step, and after the last
            std::vector<std::vector<double>> slopes, entering, normalised;
            std::vector<double> deviations;
            const auto held = [&](Index at, Index j) { return cell.zoneout_mask && cell.zoneout_mask[at * h + j]; };
            const auto mask = [&](Index k) { return cell.recurrent_mask ? cell.recurrent_mask[row * h + k] : 1.0; };
            for (Index j = 0; j < h; ++j) states[0][j] = fw.h0 ? fw.h0[row * h + j] : 0;
            Index position = 0;  // among the valid steps
            for (Index step = 0; step < s.seq_len; ++step) {
                const Index at = s.time(step) * s.batch + row;
                std::vector<double> next = states[step], slope(h), enters = next, sum(h);
                for (Index k = 0; k < h; ++k) enters[k] *= mask(k);
                for (Index j = 0; j < h && is_valid(step); ++j) {
                    for (Index k = 0; k < n; ++k) sum[j] += double(fw.x[at * n + k]) * fw.w_ih[j * n + k];
                    for (Index k = 0, first = j / size * size; k < size; ++k)
                        sum[j] += enters[first + k] * fw.w_hh[j * size + k];
                }
                double mean = 0, variance = 0;
                for (double value : sum) mean += value / double(h);
                for (double value : sum) variance += (value - mean) * (value - mean) / double(h);
                deviations.push_back(std::sqrt(variance + cell.epsilon));
                for (double& value : sum) value = cell.gain ? (value - mean) / deviations.back() : value;
                for (Index j = 0; j < h && is_valid(step); ++j) {
                    const double a = (cell.gain ? cell.gain[j] * sum[j] : sum[j]) + fw.b[j], fresh = f(s.activation, a);
                    slope[j] = df(s.activation, a, fresh);
                    const double rate = held(at, j) ? 1.0 : double(cell.zoneout_rate);
                    next[j] = rate * states[step][j] + (1 - rate) * fresh;
                }
                entering.push_back(enters);
                normalised.push_back(sum);
                for (Index j = 0; j < h; ++j) y[at * h + j] = is_valid(step) || hold ? next[j] : 0;
                position += is_valid(step);
                states.push_back(next);
                slopes.push_back(slope);
            }
            std::vector<double> carry(h);
            for (Index j = 0; j < h; ++j) {
                h_n[row * h + j] = states[s.seq_len][j];
                carry[j] = bw.dh_n ? bw.dh_n[row * h + j] : 0;
            }
            for (Index step = s.seq_len - 1; step >= 0; --step) {
                const Index at = s.time(step) * s.batch + row;
                if (is_valid(step) || hold)
                    for (Index j = 0; j < h; ++j) carry[j] += bw.dy ? bw.dy[at * h + j] : 0;
                if (!is_valid(step)) continue;
                std::vector<double> before(h), ds(h);
                double mean = 0, along = 0;
                for (Index j = 0; j < h; ++j) {
                    const double da = held(at, j) ? 0 : carry[j] * slopes[step][j];
                    db[j] += da;
                    dgain[j] += da * normalised[step][j];
                    ds[j] = cell.gain ? cell.gain[j] * da : da;
                    mean += ds[j] / double(h), along += ds[j] * normalised[step][j] / double(h);
                    before[j] = held(at, j) ? carry[j] : 0;
                }
                for (Index j = 0; j < h; ++j) {
                    if (cell.gain) ds[j] = (ds[j] - mean - normalised[step][j] * along) / deviations[step];
                    const double da = ds[j];
                    for (Index k = 0; k < n; ++k) {
                        dw_ih[j * n + k] += da * fw.x[at * n + k];
                        dx[at * n + k] += da * fw.w_ih[j * n + k];
                    }
                    for (Index k = 0, first = j / size * size; k < size; ++k) {
                        dw_hh[j * size + k] += da * entering[step][first + k];
                        before[first + k] += mask(first + k) * da * fw.w_hh[j * size + k];
                    }
                }
                --position;
                carry = s.bptt_steps && position > 0 && position % s.bptt_steps == 0 ? std::vector<double>(h) : before;
            }
            for (Index j = 0; j < h; ++j) dh0[row * h + j] = carry[j];
        }
    }
};

// `tolerance` is in units of the largest right element, but of 1 at least.
template <class T>
void compare(const char* name, const std::vector<double>& right, const Array<T>& given, const Sizes& s,
             double tolerance, const std::string& kernel) {
    double scale = 1;
    for (double value : right) scale = std::fmax(scale, std::fabs(value));
    for (Index i = 0; i < given.size; ++i)
        if (!(std::fabs(right[i] - given.data[i]) <= tolerance * scale)) {
            std::printf("%s[%td] of %s: expected %.9g, got %.9g (T %td, B %td, I %td, H %td, heads %td)\n", name, i,
                        kernel.c_str(), right[i], double(given.data[i]), s.seq_len, s.batch, s.input_size,
                        s.hidden_size, s.heads);
            std::exit(1);
        }
}

// Sizes of all kinds up to 40, of the hidden layer and of the input up to `most`. Any activation, clipped or not; or a
// continuous one, for products of few bits.
inline Sizes random_sizes(Index most = 40, bool continuous = false) {
    constexpr const char* kContinuous[] = {"tanh", "relu", "sigmoid", "linear"};
    const Activation activation =
        continuous ? activation_of(kContinuous[pick(0, 3)])
                   : activation_of(kDefinitions[pick(0, kActivations - 1)].name, pick(0, 3) ? 0 : 0.75);
    return {pick(1, 7), pick(1, 21), pick(1, most), pick(1, most), activation, pick(0, 1) == 1, pick(0, 3)};
}

// One of the numbers of heads that such a layer can have, where the variant takes it.
template <class T>
Sizes with_heads(Sizes s, const std::string& name) {
    do s.heads = pick(1, s.hidden_size);
    while (s.hidden_size % s.heads);
    if (!variant<T>(name).accepts(s)) s.heads = 1;
    return s;
}

// What is given of an array, rounded to what it is stored in; the array then holds the rounded numbers.
template <class Stored, class T>
Array<Stored> stored(const KernelTable<T>& kernels, Array<T>& array) {
    Array<Stored> copy(array.size);
    narrow(kernels, array.get(), array.size, copy.get());
    widen(kernels, copy.get(), array.size, array.get());
    return copy;
}

// One variant, forward, and backward from the right outputs. Ends the program if anything is not right.
template <class T, class Stored = T>
void check_problem(const Sizes& s, const KernelTable<T>& kernels, const std::string& name, double tolerance) {
    const Index rows = s.seq_len * s.batch, h = s.hidden_size, n = s.input_size;
    const Index recurrent = h * s.head_size();
    Array<T> x(rows * n), w_ih(h * n), w_hh(recurrent), b(h), h0(s.batch * h), dy(rows * h), dh_n(s.batch * h);
    x.random(1), w_ih.random(1 / std::sqrt(n)), w_hh.random(0.5 / std::sqrt(s.head_size())), b.random(1), h0.random(1);
    dy.random(1), dh_n.random(1);
    Array<int64_t> lengths(s.batch);
    for (Index row = 0; row < s.batch; ++row) lengths.data[row] = pick(0, s.seq_len);
    Array<T> y(rows * h), h_n(s.batch * h), dx(rows * n), dw_ih(h * n), dw_hh(recurrent), db(h), dh0(s.batch * h);
    const std::unique_ptr<bool[]> mask(new bool[rows]);
    for (Index row = 0; row < rows; ++row) mask[row] = pick(0, 2) > 0;
    const Array<Stored> x_stored = stored<Stored>(kernels, x), dy_stored = stored<Stored>(kernels, dy);
    Array<Stored> y_stored(y.size), dx_stored(dx.size);
    const bool has_h0 = pick(0, 1), has_dy = pick(0, 3) > 0;
    const Index masked = pick(0, 2);
    const ValidSteps valid{lengths.get(masked == 1), masked == 2 ? mask.get() : nullptr};
    const MaskedOutput output = pick(0, 1) ? MaskedOutput::kHold : MaskedOutput::kZero;
    Array<T> recurrent_mask(s.batch * h), gain(h), dgain(h);
    recurrent_mask.random(1), gain.random(1);
    const std::unique_ptr<bool[]> zoneout_mask(new bool[rows * h]);
    for (Index i = 0; i < rows * h; ++i) zoneout_mask[i] = pick(0, 2) == 0;
    CellOptions<T> cell;
    if (name == "panel" && std::is_same_v<T, Stored>) {
        cell.recurrent_mask = recurrent_mask.get(pick(0, 1));
        cell.zoneout_mask = pick(0, 1) ? zoneout_mask.get() : nullptr;
        cell.gain = gain.get(pick(0, 1)), cell.epsilon = T(0.25);
    }
    CellOptions<T> inference = cell;
    inference.zoneout_rate = cell.epsilon > 0 && !cell.zoneout_mask ? T(pick(0, 1)) / 4 : T(0);
    const ForwardArrays<T> fw{s.steps(),      x.get(), w_ih.get(), w_hh.get(), b.get(),
                              h0.get(has_h0), y.get(), h_n.get(),  cell};
    const BackwardArrays<T> bw{s.steps(),  dy.get(has_dy), x.get(),        y.get(),
                               w_ih.get(), w_hh.get(),     h0.get(has_h0), dh_n.get(pick(0, 1)),
                               dx.get(),   dw_ih.get(),    dw_hh.get(),    db.get(),
                               dh0.get(),  nullptr,        cell,           cell.gain ? dgain.get() : nullptr};
    const TeamSize team{static_cast<int>(pick(1, 3)), pick(0, 1) == 1};
    const Expected<T> right(s, fw, bw, valid, output == MaskedOutput::kHold);
    const std::string kernel = name + " for " + kernels.isa;
    const Variant<T>& by = variant<T>(name);
    const auto run_forward = [&](const CellOptions<T>& options) {
        const ForwardArrays<T, Stored> arrays{fw.steps, x_stored.get(), fw.w_ih, fw.w_hh, fw.b,
                                              fw.h0,    y_stored.get(), fw.h_n,  options};
        if constexpr (std::is_same_v<T, Stored>)
            valid ? windowed_forward(by, s, kernels, team, arrays, valid, output)
                  : by.forward(s, kernels, team, arrays);
        else
            windowed_forward(by, s, kernels, team, arrays, valid, output);
        widen(kernels, y_stored.get(), y.size, y.get());
    };
    run_forward(cell);
    compare("y", right.y, y, s, tolerance, kernel);
    compare("h_n", right.h_n, h_n, s, tolerance, kernel);
    // But which steps were clamped, only the kernel's own outputs tell.
    for (Index i = 0; i < y.size && s.activation.clip == 0; ++i) y.data[i] = static_cast<T>(right.y[i]);
    narrow(kernels, y.get(), y.size, y_stored.get());
    const BackwardArrays<T, Stored> backward{bw.steps,        dy_stored.get(has_dy),
                                             x_stored.get(),  y_stored.get(),
                                             bw.w_ih,         bw.w_hh,
                                             bw.h0,           bw.dh_n,
                                             dx_stored.get(), bw.dw_ih,
                                             bw.dw_hh,        bw.db,
                                             bw.dh0,          nullptr,
                                             bw.cell,         bw.dgain};
    if constexpr (std::is_same_v<T, Stored>)
        valid ? windowed_backward(by, s, kernels, team, backward, valid, output)
              : by.backward(s, kernels, team, backward);
    else
        windowed_backward(by, s, kernels, team, backward, valid, output);
    widen(kernels, dx_stored.get(), dx.size, dx.get());
    compare("dx", right.dx, dx, s, tolerance, kernel);
    compare("dw_ih", right.dw_ih, dw_ih, s, tolerance, kernel);
    compare("dw_hh", right.dw_hh, dw_hh, s, tolerance, kernel);
    compare("db", right.db, db, s, tolerance, kernel);
    compare("dh0", right.dh0, dh0, s, tolerance, kernel);
    if (cell.gain) compare("dgain", right.dgain, dgain, s, tolerance, kernel);
    if (inference.zoneout_rate == 0) return;
    ForwardArrays<T> blended = fw;
    blended.cell = inference;
    const Expected<T> expected(s, blended, bw, valid, output == MaskedOutput::kHold);
    run_forward(inference);
    compare("y with a zoneout rate", expected.y, y, s, tolerance, kernel);
}

}  // namespace rnnfast
