// What the parts of the CPU backend agree on: equations, shapes, and the table of kernels that one instruction set
// provides.
//
// Legend: T seq_len, B batch, I input_size, H hidden_size; every array is C-contiguous.
//
//   (1)  a_t  = x_t W_ih^T + h_{t-1} W_hh^T + b          (2)  h_t  = f(a_t)
//   (3)  dh_t = dy_t + da_{t+1} W_hh  (+ dh_n)           (4)  da_t = dh_t * f'(h_t)
//   (5)  dW_ih = sum_t da_t^T x_t,  dW_hh = sum_t da_t^T h_{t-1},  db = sum_t da_t
//   (6)  dx_t = da_t W_ih,  dh_0 = da_1 W_hh
//
// With heads W_hh is block-diagonal: its blocks (heads, H / heads, H / heads) are what is stored and computed.
// A masked step holds the state: its output is 0, or that state. The loops never see it: steps.hpp, packed_steps.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rnnfast {

using Index = std::ptrdiff_t;

// The widest panel, in vectors: a panel is a block of columns of a right-hand operand that one product keeps in
// registers, packed as [depth][width * vector_len] and padded with zeros.
constexpr int kMaxPanelWidth = 8;

// C = init + A * panel, for `outer` blocks of `rows` rows each. Element (o, m, k) of A stands at
// a[o * a_outer + m * a_row + k * a_depth], where one of a_row and a_depth is 1, as the kernel's name says.
// C and init are row-major; init_row = 0 repeats one row (a bias, or zeros), init = c accumulates.
template <class T>
struct PanelProduct {
    Index outer, rows, depth;
    const T* a;
    Index a_outer, a_row, a_depth;
    const T* panel;
    Index panel_row;  // between its rows: width * vector_len if it is packed
    const T* init;
    Index init_outer, init_row;
    T* c;
    Index c_outer, c_row;
    Index columns;  // of C and init that exist: at most width * vector_len, more than (width - 1) * vector_len
    const T* next;  // a panel of the same size that is used next, to be fetched into the cache; may be null
};

// The form in which the kernels of a table want their operands.
template <class T>
struct Packing {
    // Elements of T that the columns of one vector take in each row of a packed panel.
    Index len;
    // A packed operand's rows, and its depth, are filled up with zeros to a multiple of these.
    Index row_unit, depth_unit;
    // To `packed`, what `multiply` reads as A: from rows of A row-major (a_depth = 1) and depth-major (a_row = 1),
    // which are `stride` apart. Null: it reads A where it stands.
    void (*left)(const T* a, Index stride, Index rows, Index depth, T* packed);
    void (*left_transposed)(const T* a, Index stride, Index rows, Index depth, T* packed);

    static Index whole(Index count, Index unit) { return (count + unit - 1) / unit * unit; }
};

// The numbers of an activation; what they mean: pointwise.hpp.
template <class T>
struct Parameters {
    T alpha, beta;
};

// An element that is stored in 16 bits and computed with as a float.
struct Float16 {
    uint16_t bits;  // IEEE 754 binary16
};
struct BFloat16 {
    uint16_t bits;  // the upper half of a float
};

template <class Stored>
struct Conversion {
    // to (n,) := from, exactly; and rounded to nearest even, beyond the largest to infinity. NaN stays NaN.
    void (*widen)(const Stored* from, Index n, float* to);
    void (*narrow)(const float* from, Index n, Stored* to);
};

constexpr int kActivations = 14;

template <class T>
struct ActivationKernels {
    const char* name;
    // a (n,) := f(a)
    void (*activate)(Parameters<T>, T* a, Index n);
    // da (n,) := (dy + carry) * f'(y); dy may be null for zeros.
    void (*differentiate)(Parameters<T>, const T* dy, const T* carry, const T* y, T* da, Index n);
};

// Every element of A * panel is accumulated over the depth in increasing order, whatever the number of rows, so that
// results do not depend on how rows are split over threads; init is added at the end, so that long sums go in blocks.
template <class T>
struct KernelTable {
    const char* isa;
    Index vector_len;  // elements of T in a vector, columns of a panel of width 1
    Packing<T> packing;

    // A thread calls `enter` before it uses the kernels for a job, and `leave` after.
    void (*enter)();
    void (*leave)();

    // The panel width, in vectors, that keeps the arithmetic units busy with a product of this many rows and depth.
    int (*panel_width)(Index rows, Index depth);

    // By width - 1. A row-major (a_depth = 1), and A depth-major (a_row = 1).
    void (*multiply[kMaxPanelWidth])(const PanelProduct<T>&);
    void (*multiply_transposed[kMaxPanelWidth])(const PanelProduct<T>&);

    ActivationKernels<T> activations[kActivations];
    // a (n,) := a, at least low and at most high.
    void (*clamp)(T low, T high, T* a, Index n);
    // da (n,) := 0 where y <= low or y >= high.
    void (*zero_outside)(T low, T high, const T* y, T* da, Index n);

    // to[j * to_stride + i] = a[i * a_stride + j] for rows x columns elements of a; the rows of `to` are filled up with
    // zeros to whole vectors. So a panel is packed from the rows of a transposed operand.
    void (*transpose_padded)(const T* a, Index a_stride, Index rows, Index columns, T* to, Index to_stride);
    // The same with dense rows, to_stride = rows, and nothing written past the last.
    void (*transpose_dense)(const T* a, Index a_stride, Index rows, Index columns, T* to);
    // A packed panel from w, row-major (columns, depth) with rows `stride` apart: panel[k][j] = w[j][k].
    void (*pack_columns)(const T* w, Index stride, Index depth, Index columns, int width, T* panel);
    // The same from `depth` row pointers: panel[k][j] = rows[k][first + j].
    void (*pack_rows)(const T* const* rows, Index first, Index depth, Index columns, int width, T* panel);
    // to[i] = table[ids[i * step]], rows of `row` elements, a multiple of vector_len.
    void (*gather_rows)(const T* table, Index row, const int64_t* ids, Index step, Index count, T* to);
    // sums (n,) += the sum over k of a[k * stride + j], in order of k; lost (n,) carries what rounding took from call
    // to call, zeros at first.
    void (*add_rows)(const T* a, Index stride, Index rows, Index n, T* sums, T* lost);
    // c (n,) := init + a * w, element by element.
    void (*multiply_diagonal)(const T* w, const T* a, const T* init, T* c, Index n);
    // sums (n,) += the sum over k of a[k * stride + j] * rows[k][first + j], in order of k.
    void (*add_products)(const T* a, Index stride, const T* const* rows, Index first, Index count, Index n, T* sums);

    // Layer normalisation of rows, in place, and its gradient: normalisation.hpp.
    void (*normalise)(T epsilon, Index rows, Index n, T* s, T* inverse);
    void (*normalise_gradient)(const T* gain, const T* inverse, Index rows, Index n, T* normalised, T* da);

    // words (4 * blocks,) of Philox4x32-10: philox.hpp.
    void (*random_words)(uint64_t seed, uint64_t stream, uint64_t first, Index blocks, uint32_t* words);

    // Where T is float; else null.
    Conversion<Float16> float16;
    Conversion<BFloat16> bfloat16;

    // The most that this instruction set can do; out (vector_len,) keeps the work from being left out. Operations done
    // in `steps` rounds of independent multiplications and additions, and bytes of `count` elements read (a multiple of
    // 4 vectors).
    double (*multiply_add_peak)(Index steps, T* out);
    double (*read_peak)(const T* a, Index count, T* out);
};

}  // namespace rnnfast
