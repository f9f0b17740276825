// Every kernel of the tables, at every size that it distinguishes: tile heights and widths, and all lengths of a
// partial vector. Numbers are small integers where sums are compared, so that every order of summation is exact; memory
// beside the outputs must keep what it held. Arguments: the instruction sets, else all that the processor supports.
// Prints "checked ISA ..." or what is wrong first.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "activations.hpp"
#include "conversions.hpp"
#include "cpu/dispatch.hpp"

using namespace rnnfast;

namespace {

constexpr Index kDepths[] = {1, 2, 7};
constexpr int kBeside = 3;     // elements after an output that are not its own
constexpr double kOld = -777;  // what they hold

template <class T>
std::vector<T> small_integers(Index size) {
    static unsigned state = 1;
    std::vector<T> values(size);
    for (T& value : values) value = static_cast<T>(int((state = state * 1664525u + 1013904223u) >> 29) - 3);
    return values;
}

void require(bool right, const char* isa, const char* kernel, int width, Index rows, Index columns, Index at) {
    if (right) return;
    std::printf("%s on %s: wrong at %td (width %d, rows %td, columns %td)\n", kernel, isa, at, width, rows, columns);
    std::exit(1);
}

// One product; `transposed` as the kernel's name says.
template <class T>
void check_product(const KernelTable<T>& kernels, bool transposed, int width, Index outer, Index rows, Index columns,
                   Index depth, bool repeat_init) {
    const char* name = transposed ? "multiply_transposed" : "multiply";
    const Index full = width * kernels.vector_len, row = columns + kBeside;
    const Index a_row = transposed ? 1 : depth + 2, a_depth = transposed ? rows + 2 : 1;
    const Index a_outer = transposed ? depth * a_depth : rows * a_row;
    const std::vector<T> a = small_integers<T>(outer * a_outer), panel = small_integers<T>(depth * full);
    const std::vector<T> init = small_integers<T>(repeat_init ? columns : outer * rows * columns);
    std::vector<T> c(outer * rows * row, T(kOld));
    PanelProduct<T> p;
    p.outer = outer, p.rows = rows, p.depth = depth;
    p.a = a.data(), p.a_outer = a_outer, p.a_row = a_row, p.a_depth = a_depth;
    p.panel = panel.data(), p.panel_row = full, p.next = depth == 2 ? panel.data() : nullptr;
    p.init = init.data(), p.init_row = repeat_init ? 0 : columns, p.init_outer = rows * p.init_row;
    p.c = c.data(), p.c_outer = rows * row, p.c_row = row, p.columns = columns;
    (transposed ? kernels.multiply_transposed : kernels.multiply)[width - 1](p);
    for (Index i = 0; i < outer * rows; ++i)
        for (Index j = 0; j < row; ++j) {
            double right = kOld;
            if (j < columns) {
                right = init[i * p.init_row + j];
                for (Index k = 0; k < depth; ++k)
                    right += double(a[i / rows * a_outer + i % rows * a_row + k * a_depth]) * panel[k * full + j];
            }
            require(c[i * row + j] == right, kernels.isa, name, width, rows, columns, i * row + j);
        }
}

template <class T>
void check_products(const KernelTable<T>& kernels) {
    constexpr Index kTallest = 14;  // of all tables
    for (bool transposed : {false, true})
        for (int width = 1; width <= kMaxPanelWidth; ++width)
            for (Index lanes = 1; lanes <= kernels.vector_len; ++lanes)
                for (Index rows = 1; rows <= kTallest + 2; ++rows)
                    check_product(kernels, transposed, width, 1 + rows % 2, rows,
                                  (width - 1) * kernels.vector_len + lanes, kDepths[(rows + lanes) % 3], lanes % 2);
}

template <class T>
void check_packing(const KernelTable<T>& kernels) {
    constexpr Index kDepth = 5, kFirst = 2;
    for (int width = 1; width <= kMaxPanelWidth; ++width)
        for (Index lanes = 1; lanes <= kernels.vector_len; ++lanes) {
            const Index full = width * kernels.vector_len, columns = full - kernels.vector_len + lanes;
            const std::vector<T> w = small_integers<T>(kDepth * (kFirst + columns));
            std::vector<const T*> rows(kDepth);
            for (Index k = 0; k < kDepth; ++k) rows[k] = w.data() + k * (kFirst + columns);
            std::vector<T> panel(kDepth * full + kBeside, T(kOld));
            kernels.pack_rows(rows.data(), kFirst, kDepth, columns, width, panel.data());
            for (Index i = 0; i < Index(panel.size()); ++i) {
                const Index k = i / full, j = i % full;
                const T right = k >= kDepth ? T(kOld) : j < columns ? rows[k][kFirst + j] : T(0);
                require(panel[i] == right, kernels.isa, "pack_rows", width, kDepth, columns, i);
            }
        }
}

template <class T>
void check_transposes(const KernelTable<T>& kernels) {
    const Index len = kernels.vector_len;
    for (Index rows = 1; rows <= 2 * len + 1; ++rows)
        for (Index columns = 1; columns <= 2 * len + 1; ++columns) {
            const Index a_stride = columns + rows % 2, whole = (rows + len - 1) / len * len;
            const std::vector<T> a = small_integers<T>((rows - 1) * a_stride + columns);
            for (bool dense : {false, true}) {
                const Index stride = dense ? rows : whole + columns % 2 * len;
                std::vector<T> to(columns * stride + kBeside, T(kOld));
                if (dense)
                    kernels.transpose_dense(a.data(), a_stride, rows, columns, to.data());
                else
                    kernels.transpose_padded(a.data(), a_stride, rows, columns, to.data(), stride);
                for (Index at = 0; at < Index(to.size()); ++at) {
                    const Index j = at / stride, i = at % stride;
                    const T right = j >= columns || i >= (dense ? rows : whole) ? T(kOld)
                                    : i < rows                                  ? a[i * a_stride + j]
                                                                                : T(0);
                    require(to[at] == right, kernels.isa, dense ? "transpose_dense" : "transpose_padded", 0, rows,
                            columns, at);
                }
            }
        }
}

template <class T>
void check_add_rows(const KernelTable<T>& kernels) {
    for (Index n = 1; n <= 2 * kernels.vector_len + 1; ++n) {
        const Index rows = 1 + n % 4, stride = n + 1;
        const std::vector<T> a = small_integers<T>(rows * stride), before = small_integers<T>(n);
        std::vector<T> sums(before), lost(n + kBeside, T(0));
        sums.resize(n + kBeside, T(kOld));
        kernels.add_rows(a.data(), stride, rows, n, sums.data(), lost.data());
        for (Index j = 0; j < n + kBeside; ++j) {
            double right = j < n ? before[j] : kOld;
            for (Index k = 0; k < rows && j < n; ++k) right += a[k * stride + j];
            require(sums[j] == right && lost[j] == 0, kernels.isa, "add_rows", 0, rows, n, j);
        }
    }
}

template <class T>
void check_diagonal(const KernelTable<T>& kernels) {
    constexpr Index kFirst = 2;
    for (Index n = 1; n <= 5 * kernels.vector_len + 1; ++n) {
        const Index rows = 1 + n % 4, stride = n + 1;
        const std::vector<T> a = small_integers<T>(rows * stride), w = small_integers<T>(n);
        const std::vector<T> other = small_integers<T>(rows * (kFirst + n)), before = small_integers<T>(n);
        std::vector<const T*> pointers(rows);
        for (Index k = 0; k < rows; ++k) pointers[k] = other.data() + k * (kFirst + n);
        std::vector<T> sums(before), c(n + kBeside, T(kOld));
        sums.resize(n + kBeside, T(kOld));
        kernels.add_products(a.data(), stride, pointers.data(), kFirst, rows, n, sums.data());
        kernels.multiply_diagonal(w.data(), a.data(), before.data(), c.data(), n);
        for (Index j = 0; j < n + kBeside; ++j) {
            double right = j < n ? before[j] : kOld;
            for (Index k = 0; k < rows && j < n; ++k) right += a[k * stride + j] * pointers[k][kFirst + j];
            require(sums[j] == right, kernels.isa, "add_products", 0, rows, n, j);
            require(c[j] == (j < n ? before[j] + a[j] * w[j] : kOld), kernels.isa, "multiply_diagonal", 0, 1, n, j);
        }
    }
}

// Within a few units in the last place, of which there is no smaller one than that of the smallest normal number.
template <class T>
bool close(double right, T given) {
    if (std::isnan(right) || std::isinf(right)) return std::isnan(right) ? std::isnan(given) : right == given;
    using Limits = std::numeric_limits<T>;
    return std::fabs(right - given) <= 4 * Limits::epsilon() * std::fmax(std::fabs(right), double(Limits::min()));
}

template <class T>
void check_pointwise(const KernelTable<T>& kernels) {
    using Limits = std::numeric_limits<T>;
    const double special[] = {Limits::quiet_NaN(),
                              Limits::infinity(),
                              -Limits::infinity(),
                              0.0,
                              -0.0,
                              1e-30,
                              -1e-30,
                              0.3,
                              -0.3,
                              1.5,
                              -1.5,
                              9.0,
                              -9.0,
                              9.5,
                              -20.0,
                              88.0,
                              -88.0,
                              -95.0,
                              -103.0,
                              700.0,
                              -700.0,
                              Limits::max(),
                              -Limits::max()};
    constexpr Index kSpecial = sizeof special / sizeof *special;
    for (int activation = 0; activation < kActivations; ++activation) {
        const ActivationKernels<T>& kernel = kernels.activations[activation];
        const Definition& right = definition(activation);
        const Parameters<T> p{T(right.alpha), T(right.beta)};
        for (Index n = 1; n <= 2 * kernels.vector_len + 1; ++n)
            for (Index first = 0; first < kSpecial; ++first) {
                std::vector<T> a(n + kBeside, T(kOld));
                for (Index j = 0; j < n; ++j) a[j] = static_cast<T>(special[(first + j) % kSpecial]);
                const std::vector<T> before(a), dy = small_integers<T>(n), carry = small_integers<T>(n);
                kernel.activate(p, a.data(), n);
                for (Index j = 0; j < n + kBeside; ++j)
                    require(
                        j < n ? close(static_cast<double>(static_cast<T>(right.f(before[j], right.alpha, right.beta))),
                                      a[j])
                              : a[j] == T(kOld),
                        kernels.isa, right.name, 0, first, n, j);
                for (bool has_dy : {false, true}) {
                    std::vector<T> da(n + kBeside, T(kOld));
                    std::vector<T> y(n);
                    for (Index j = 0; j < n; ++j) y[j] = static_cast<T>((first + j) % 17 - 8) / 8;
                    kernel.differentiate(p, has_dy ? dy.data() : nullptr, carry.data(), y.data(), da.data(), n);
                    for (Index j = 0; j < n + kBeside; ++j) {
                        const double dh = j < n ? carry[j] + (has_dy ? dy[j] : 0) : 0;
                        require(j < n ? close(dh * right.df(y[j], right.alpha, right.beta), da[j]) : da[j] == T(kOld),
                                kernels.isa, right.name, 1, first, n, j);
                    }
                }
            }
    }
}

template <class T>
void check_clipping(const KernelTable<T>& kernels) {
    for (Index n = 1; n <= 2 * kernels.vector_len + 1; ++n) {
        const std::vector<T> before = small_integers<T>(n), y = small_integers<T>(n);
        std::vector<T> a(before), da(before);
        a.resize(n + kBeside, T(kOld)), da.resize(n + kBeside, T(kOld));
        kernels.clamp(-1, 2, a.data(), n);
        kernels.zero_outside(-1, 2, y.data(), da.data(), n);
        for (Index j = 0; j < n + kBeside; ++j) {
            const T clamped = j < n ? T(between(before[j], -1, 2)) : T(kOld);
            require(a[j] == clamped, kernels.isa, "clamp", 0, 1, n, j);
            const T kept = j >= n ? T(kOld) : -1 < y[j] && y[j] < 2 ? before[j] : T(0);
            require(da[j] == kept, kernels.isa, "zero_outside", 0, 1, n, j);
        }
    }
}

// Sums of small integers are exact, but not their differences from a mean.
template <class T>
bool near(double right, double given) {
    return std::fabs(right - given) <= 64 * double(std::numeric_limits<T>::epsilon()) * (1 + std::fabs(right));
}

template <class T>
void check_normalisation(const KernelTable<T>& kernels) {
    constexpr Index kRows = 3;
    for (Index n = 1; n <= 5 * kernels.vector_len + 1; ++n) {
        const std::vector<T> given = small_integers<T>(kRows * n), d = small_integers<T>(kRows * n);
        const std::vector<T> gain = small_integers<T>(n);
        std::vector<T> s(given), da(d), inverse(kRows + kBeside, T(kOld));
        s.resize(kRows * n + kBeside, T(kOld)), da.resize(kRows * n + kBeside, T(kOld));
        kernels.normalise(T(0.5), kRows, n, s.data(), inverse.data());
        const std::vector<T> normalised(s);
        kernels.normalise_gradient(gain.data(), inverse.data(), kRows, n, s.data(), da.data());
        for (Index row = 0; row < kRows; ++row) {
            const auto mean = [&](auto&& f) {
                double sum = 0;
                for (Index j = 0; j < n; ++j) sum += f(row * n + j, j);
                return sum / double(n);
            };
            const double centre = mean([&](Index i, Index) { return double(given[i]); });
            const double deviation =
                std::sqrt(mean([&](Index i, Index) { return (given[i] - centre) * (given[i] - centre); }) + 0.5);
            const auto right = [&](Index i) { return (given[i] - centre) / deviation; };
            const double level = mean([&](Index i, Index j) { return double(gain[j]) * d[i]; });
            const double along = mean([&](Index i, Index j) { return double(gain[j]) * d[i] * right(i); });
            require(near<T>(1 / deviation, inverse[row]), kernels.isa, "normalise, inverse", row, 0, n, 0);
            for (Index j = 0; j < n; ++j) {
                const Index i = row * n + j;
                require(near<T>(right(i), normalised[i]), kernels.isa, "normalise", row, 0, n, j);
                require(near<T>((gain[j] * d[i] - level - right(i) * along) / deviation, da[i]), kernels.isa,
                        "normalise_gradient", row, 0, n, j);
                require(near<T>(d[i] * right(i), s[i]), kernels.isa, "normalise_gradient of a gain", row, 0, n, j);
            }
        }
        for (Index j = 0; j < kBeside; ++j)
            require(s[kRows * n + j] == T(kOld) && da[kRows * n + j] == T(kOld) && inverse[kRows + j] == T(kOld),
                    kernels.isa, "beside normalise", 0, 0, n, j);
    }
}

template <class T>
void check_random_words(const KernelTable<T>& kernels) {
    constexpr uint64_t kFirst = 0xfffffffffffffffeu;  // the counter goes round
    for (Index blocks = 1; blocks <= 40; ++blocks) {
        std::vector<uint32_t> words(4 * blocks + kBeside, 7);
        kernels.random_words(1, 2, kFirst, blocks, words.data());
        for (Index i = 0; i < 4 * blocks + kBeside; ++i) {
            uint32_t one[4];
            kernels.random_words(1, 2, kFirst + static_cast<uint64_t>(i / 4), 1, one);
            require(words[i] == (i < 4 * blocks ? one[i % 4] : 7), kernels.isa, "random_words", 0, 0, blocks, i);
        }
    }
}

template <class T>
void check_table(const KernelTable<T>& kernels) {
    check_products(kernels);
    check_packing(kernels);
    check_transposes(kernels);
    check_add_rows(kernels);
    check_diagonal(kernels);
    check_pointwise(kernels);
    check_clipping(kernels);
    check_normalisation(kernels);
    check_random_words(kernels);
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> isas = argc > 1 ? std::vector<std::string>(argv + 1, argv + argc) : supported_isas();
    std::string checked = "checked";
    for (const std::string& isa : isas) {
        check_table(kernels<float>(isa));
        check_table(kernels<double>(isa));
        check_conversion(kernels<float>(isa), "float16", 10, kernels<float>(isa).float16);
        check_conversion(kernels<float>(isa), "bfloat16", 7, kernels<float>(isa).bfloat16);
        checked += " " + isa;
    }
    std::printf("%s\n", checked.c_str());
}
