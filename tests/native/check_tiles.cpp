// The kernels of tiles against products and problems written out in double: on the processor's tiles where it has them,
// on emulated ones everywhere. Arguments: the number of problems; "emulated" or "real". Prints "checked N problems" or
// what is wrong first.
#include <cstring>

#include "cpu/dispatch.hpp"
#include "problems.hpp"

namespace rnnfast {
namespace emulated_tiles {
KernelTable<float> with_tiles(const KernelTable<float>& vectors, int parts);
}
}  // namespace rnnfast

using namespace rnnfast;

namespace {

constexpr float kOld = -777, kInfinity = std::numeric_limits<float>::infinity();
constexpr int kBeside = 3;  // elements after a row of c that are not its own

struct Precision {
    const char* name;
    int parts;
    double product;  // bound of the error, in units of the sum of the magnitudes of the products
    double problem;  // what is allowed for whole problems, whose errors go through several steps
};
constexpr Precision kPrecisions[] = {{"high", 2, 0x1p-15, 1e-4}, {"medium", 1, 0x1p-7, 4e-2}};

void require(bool right, const char* what, const Precision& precision, Index rows, Index columns, Index depth,
             double expected, double got) {
    if (right) return;
    std::printf("%s, precision %s: expected %.9g, got %.9g (rows %td, columns %td, depth %td)\n", what, precision.name,
                expected, got, rows, columns, depth);
    std::exit(1);
}

// One product of A (rows, depth), at row-major or depth-major as `transposed` says, with a panel that is packed from
// columns or from rows; c has kBeside elements after each row.
struct Product {
    Index rows, columns, depth;
    Array<float> a, w, init, c;

    Product(Index rows, Index columns, Index depth)
        : rows(rows),
          columns(columns),
          depth(depth),
          a(rows * depth),
          w(columns * depth),
          init(columns),
          c(rows * (columns + kBeside)) {
        a.random(1), w.random(1), init.random(1);
        for (Index i = 0; i < c.size; ++i) c.data[i] = kOld;
    }

    float& left(Index row, Index k, bool transposed) { return a.data[transposed ? k * rows + row : row * depth + k]; }
    float& right(Index k, Index column, bool from_rows) {
        return w.data[from_rows ? k * columns + column : column * depth + k];
    }

    void run(const KernelTable<float>& kernels, bool transposed, bool from_rows) {
        const Packing<float>& packing = kernels.packing;
        const int width = static_cast<int>((columns + kernels.vector_len - 1) / kernels.vector_len);
        const Index whole_depth = Packing<float>::whole(depth, packing.depth_unit);
        Array<float> left(Packing<float>::whole(rows, packing.row_unit) * whole_depth * packing.len /
                          kernels.vector_len);
        Array<float> panel(width * packing.len * whole_depth);
        (transposed ? packing.left_transposed : packing.left)(a.get(), transposed ? rows : depth, rows, depth,
                                                              left.get());
        if (from_rows) {
            std::vector<const float*> pointers(depth);
            for (Index k = 0; k < depth; ++k) pointers[k] = w.get() + k * columns;
            kernels.pack_rows(pointers.data(), 0, depth, columns, width, panel.get());
        } else {
            kernels.pack_columns(w.get(), depth, depth, columns, width, panel.get());
        }
        PanelProduct<float> p{};
        p.outer = 1, p.rows = rows, p.depth = depth, p.a = left.get();
        p.panel = panel.get(), p.panel_row = width * packing.len;
        p.init = init.get(), p.c = c.get(), p.c_row = columns + kBeside, p.columns = columns;
        kernels.enter();
        (transposed ? kernels.multiply_transposed : kernels.multiply)[width - 1](p);
        kernels.leave();
    }
};

void check_product(const KernelTable<float>& kernels, const Precision& precision, Index rows, Index columns,
                   Index depth) {
    const bool transposed = pick(0, 1), from_rows = pick(0, 1);
    Product product(rows, columns, depth);
    product.run(kernels, transposed, from_rows);
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < columns + kBeside; ++j) {
            const double got = product.c.data[i * (columns + kBeside) + j];
            if (j >= columns) {
                require(got == kOld, "beside a row", precision, rows, columns, depth, kOld, got);
                continue;
            }
            double right = product.init.data[j], scale = std::fabs(right);
            for (Index k = 0; k < depth; ++k) {
                const double term = double(product.left(i, k, transposed)) * product.right(k, j, from_rows);
                right += term, scale += std::fabs(term);
            }
            require(std::fabs(right - got) <= precision.product * scale, "product", precision, rows, columns, depth,
                    right, got);
        }
}

// One element of either operand, among numbers of both signs that one bfloat16 holds, and others that it does not.
void check_special(const KernelTable<float>& kernels, const Precision& precision, float value, bool in_left) {
    constexpr Index kRows = 5, kColumns = 7, kDepth = 33, kAt = 32;
    Product product(kRows, kColumns, kDepth);
    for (Index j = 0; j < kColumns; ++j) product.right(kAt, j, true) = j % 2 ? 0.5f : -1.0f / 3;
    for (Index i = 0; i < kRows; ++i) product.left(i, kAt, false) = i % 2 ? -2.0f : 1.0f / 7;
    (in_left ? product.left(2, kAt, false) : product.right(kAt, 3, true)) = value;
    product.run(kernels, false, true);
    for (Index i = 0; i < kRows; ++i)
        for (Index j = 0; j < kColumns; ++j) {
            const float got = product.c.data[i * (kColumns + kBeside) + j];
            const float exact = product.left(i, kAt, false) * product.right(kAt, j, true);
            const bool right = std::isnan(exact)   ? std::isnan(got)
                               : std::isinf(exact) ? got == exact
                                                   : std::isfinite(got);
            require(right, "a special value", precision, i, j, kDepth, exact, got);
        }
}

// The values that rounding to bfloat16 must not change, and ties, one at a time as 1 x 1 products with 1.
void check_rounding(const KernelTable<float>& kernels) {
    const struct {
        uint32_t given, rounded;
    } kCases[] = {{0x3f800000, 0x3f800000}, {0x3f808000, 0x3f800000}, {0x3f818000, 0x3f820000},
                  {0x3f808001, 0x3f810000}, {0xbf80ffff, 0xbf810000}, {0x3fffffff, 0x40000000}};
    for (const auto& c : kCases) {
        Product product(1, 1, 1);
        std::memcpy(product.a.get(), &c.given, sizeof c.given);
        product.w.data[0] = 1, product.init.data[0] = 0;
        product.run(kernels, false, false);
        uint32_t got;
        std::memcpy(&got, product.c.get(), sizeof got);
        if (got == c.rounded) continue;
        std::printf("%08x rounds to %08x, got %08x\n", c.given, c.rounded, got);
        std::exit(1);
    }
}

// The same bits for every number of threads, though the strategy depends on it.
void check_threads(const KernelTable<float>& kernels, const Precision& precision) {
    const Sizes s{5, 70, 33, 50, activation_of("tanh"), true, 0};
    const Index rows = s.seq_len * s.batch, h = s.hidden_size, n = s.input_size;
    Array<float> x(rows * n), w_ih(h * n), w_hh(h * h), b(h), dy(rows * h);
    x.random(1), w_ih.random(0.2), w_hh.random(0.2), b.random(1), dy.random(1);
    const auto run = [&](int threads) {
        const Index sizes[] = {rows * h, s.batch * h, rows * n, h * n, h * h, h, s.batch * h};
        std::vector<std::vector<float>> out;
        for (Index size : sizes) out.emplace_back(size);
        const ForwardArrays<float> fw{s.steps(), x.get(), w_ih.get(),    w_hh.get(),
                                      b.get(),   nullptr, out[0].data(), out[1].data()};
        const BackwardArrays<float> bw{s.steps(),     dy.get(),      x.get(),       out[0].data(), w_ih.get(),
                                       w_hh.get(),    nullptr,       nullptr,       out[2].data(), out[3].data(),
                                       out[4].data(), out[5].data(), out[6].data(), nullptr};
        const auto& tiles = variant<float>("tiles");
        tiles.forward(s, kernels, {threads, true}, fw);
        tiles.backward(s, kernels, {threads, true}, bw);
        return out;
    };
    const auto alone = run(1);
    for (int threads : {2, 3, 5}) {
        const auto together = run(threads);
        for (size_t array = 0; array < alone.size(); ++array)
            for (size_t i = 0; i < alone[array].size(); ++i)
                require(alone[array][i] == together[array][i], "threads", precision, threads, Index(array), Index(i),
                        alone[array][i], together[array][i]);
    }
}

void check(const KernelTable<float>& kernels, const Precision& precision, int problems) {
    for (Index rows : {1, 2, 15, 16, 17, 31, 32, 33, 48, 49, 64, 65})
        for (Index columns : {1, 15, 16, 17, 31, 32})
            for (Index depth : {1, 15, 16, 17, 31, 32, 33, 65}) check_product(kernels, precision, rows, columns, depth);
    check_product(kernels, precision, 33, 32, 2049);
    uint32_t least_nan = 0x7f800001, largest_nan = 0xffffffff;
    float nans[2];
    std::memcpy(&nans[0], &least_nan, 4), std::memcpy(&nans[1], &largest_nan, 4);
    for (float value : {kInfinity, -kInfinity, nans[0], nans[1], 1e38f})
        for (bool in_left : {false, true}) check_special(kernels, precision, value, in_left);
    if (precision.parts == 1) check_rounding(kernels);
    if (precision.parts == 2)  // would be infinite, rounded to bfloat16
        for (bool in_left : {false, true})
            check_special(kernels, precision, std::numeric_limits<float>::max(), in_left);
    check_threads(kernels, precision);
    for (int i = 0; i < problems; ++i) check_problem(random_sizes(70, true), kernels, "tiles", precision.problem);
    // More rows in a chunk than one block of the weight gradients has, more units than one group, batches that are
    // shared out by sequences, and a depth of several blocks of rows.
    check_problem<float>({5, 131, 20, 40, activation_of("tanh"), false, 0}, kernels, "tiles", precision.problem);
    check_problem<float>({2, 3, 9, 530, activation_of("relu"), true, 0}, kernels, "tiles", precision.problem);
    check_problem<float>({1, 70, 2100, 5, activation_of("linear"), false, 0}, kernels, "tiles", precision.problem);
    check_problem<float>({9, 70, 17, 16, activation_of("sigmoid"), true, 2}, kernels, "panel", precision.problem);
}

}  // namespace

int main(int argc, char** argv) {
    const int problems = argc > 1 ? std::atoi(argv[1]) : 50;
    const bool real = argc > 2 && std::strcmp(argv[2], "real") == 0;
    for (const Precision& precision : kPrecisions)
        check(real ? kernels_for("avx512_amx", precision.name)
                   : emulated_tiles::with_tiles(kernels<float>("baseline"), precision.parts),
              precision, problems);
    std::printf("checked %d problems\n", problems);
}
