// Products with a packed right-hand operand, blocked for the caches.
#pragma once

#include <algorithm>

#include "contract.hpp"
#include "steps.hpp"
#include "workspace.hpp"

namespace rnnfast {

// What one block of a panel may take of the first-level cache, in bytes; the rest is for rows.
constexpr Index kPanelBytes = 24 * 1024;

// What packed rows of a left-hand operand may take of the second-level cache, in bytes.
constexpr Index kLeftBytes = 512 * 1024;

// Sums over a depth up to this are cut in two, for the sake of rounding: there it costs little, and other libraries'
// dot products of such a length round less than one long sum does.
constexpr Index kShallow = 64;

// The depth of the blocks that a product with a panel of so many bytes a row goes in.
inline Index block_depth(Index depth, Index row_bytes) {
    const Index most = depth <= kShallow ? kShallow / 2 : kPanelBytes / row_bytes;
    const Index blocks = (depth + most - 1) / most;
    return (depth + blocks - 1) / blocks;
}

// The columns [0, columns) in panels of up to `width` vectors, as even as they can be; a multiple of `owners` of them,
// where there are vectors enough.
struct Panels {
    Index vector_len, columns, vectors, count;

    Panels(Index vector_len, int width, Index columns, int owners = 1)
        : vector_len(vector_len),
          columns(columns),
          vectors((columns + vector_len - 1) / vector_len),
          count(std::min(vectors, (vectors + width * owners - 1) / (width * owners) * owners)) {}

    int width(Index panel) const { return static_cast<int>(vectors / count + (panel < vectors % count)); }
    Index first_vector(Index panel) const { return panel * (vectors / count) + std::min(panel, vectors % count); }
    Index first_column(Index panel) const { return first_vector(panel) * vector_len; }
    Index columns_in(Index panel) const { return std::min(width(panel) * vector_len, columns - first_column(panel)); }
};

// A (depth x columns) operand in packed panels, or several of one size, one after another. Products with it go in
// blocks of the depth that suit the width asked for: the same blocks, and so the same rounding, however many owners
// share the panels.
template <class T>
struct PackedMatrix {
    Panels panels;
    Index depth, block;
    Index vector_elements;  // that the columns of a vector take
    T* data;

    PackedMatrix(Arena& arena, const KernelTable<T>& kernels, int width, Index depth, Index columns, int owners = 1,
                 Index matrices = 1)
        : panels(kernels.vector_len, width, columns, owners),
          depth(depth),
          block(block_depth(depth, width * kernels.packing.len * Index(sizeof(T)))),
          vector_elements(kernels.packing.len * Packing<T>::whole(depth, kernels.packing.depth_unit)),
          data(arena.take<T>(matrices * panels.vectors * vector_elements)) {}

    // One of several.
    PackedMatrix matrix(Index i) const {
        PackedMatrix other = *this;
        other.data += i * panels.vectors * vector_elements;
        return other;
    }

    T* panel(Index p) const { return data + panels.first_vector(p) * vector_elements; }

    // Panel p from w (columns x depth), for products with its transpose.
    void pack_transposed(const KernelTable<T>& kernels, const T* w, Index p) const {
        kernels.pack_columns(w + panels.first_column(p) * depth, depth, depth, panels.columns_in(p), panels.width(p),
                             panel(p));
    }

    // Panel p from w (depth x columns).
    void pack(const KernelTable<T>& kernels, const T* w, Index p) const {
        constexpr Index kRows = 64;  // of every depth_unit a multiple
        const T* rows[kRows];
        for (Index k = 0; k < depth; k += kRows) {
            const Index count = std::min(kRows, depth - k);
            for (Index i = 0; i < count; ++i) rows[i] = w + (k + i) * panels.columns;
            kernels.pack_rows(rows, panels.first_column(p), count, panels.columns_in(p), panels.width(p),
                              panel(p) + k * panels.width(p) * kernels.packing.len);
        }
    }
};

// c = init + a * panel, in blocks of so much of the depth.
template <class T>
void multiply_in_blocks(void (*kernel)(const PanelProduct<T>&), PanelProduct<T> p, Index depth) {
    const T* next = p.next;
    const Index whole = p.depth;
    for (Index k = 0; k < whole; k += depth) {
        const bool last = k + depth >= whole;
        p.depth = std::min(depth, whole - k);
        p.next = last ? next : p.panel + p.depth * p.panel_row;
        kernel(p);
        p.a += p.depth * p.a_depth, p.panel += p.depth * p.panel_row;
        p.init = p.c, p.init_outer = p.c_outer, p.init_row = p.c_row;
    }
}

// Rows of a row-major matrix in `outer` blocks; a stride of 0 repeats.
template <class T>
struct Rows {
    T* data;
    Index outer, row;
};

// c = init + a * w for the panels [begin, end) of w; init and c begin with the first column of w.
template <class T>
void multiply_by_panels(const KernelTable<T>& kernels, PanelProduct<T> p, const PackedMatrix<T>& w, Index begin,
                        Index end) {
    const T* init = p.init;
    T* c = p.c;
    p.depth = w.depth;
    for (Index i = begin; i < end; ++i) {
        const int width = w.panels.width(i);
        const Index first = w.panels.first_column(i);
        p.panel = w.panel(i), p.panel_row = width * kernels.packing.len;
        p.init = init + first, p.c = c + first;
        p.columns = w.panels.columns_in(i);
        // Panels follow one another in memory; after the last comes the first, for the next step.
        p.next = w.panel(i + 1 == end ? begin : i + 1);
        kernels.packing.left ? kernels.multiply[width - 1](p)
                             : multiply_in_blocks(kernels.multiply[width - 1], p, w.block);
    }
}

// The same where the kernels want A packed: a block of rows at a time, for all panels.
template <class T>
void multiply_packed(const KernelTable<T>& kernels, PanelProduct<T> p, const PackedMatrix<T>& w, Index begin,
                     Index end) {
    const Index row_elements = w.vector_elements / kernels.vector_len;
    const Index unit = 2 * kernels.packing.row_unit;
    const Index most = std::max(kLeftBytes / (row_elements * Index(sizeof(T))) / unit * unit, unit);
    T* packed = thread_scratch<T>(Packing<T>::whole(std::min(p.rows, most), unit) * row_elements);
    for (Index o = 0; o < p.outer; ++o)
        for (Index row = 0; row < p.rows; row += most) {
            PanelProduct<T> block = p;
            block.outer = 1, block.rows = std::min(most, p.rows - row), block.a = packed;
            block.init += o * p.init_outer + row * p.init_row, block.c += o * p.c_outer + row * p.c_row;
            kernels.packing.left(p.a + o * p.a_outer + row * p.a_row, p.a_row, block.rows, w.depth, packed);
            multiply_by_panels(kernels, block, w, begin, end);
        }
}

// c = init + a * w for `outer` blocks of `rows` rows, and the panels [begin, end) of w.
template <class T>
void multiply(const KernelTable<T>& kernels, Index outer, Index rows, Rows<const T> a, const PackedMatrix<T>& w,
              Index begin, Index end, Rows<const T> init, Rows<T> c) {
    const bool one_block = a.outer == rows * a.row && c.outer == rows * c.row && init.outer == rows * init.row;
    if (one_block) rows *= outer, outer = 1;
    PanelProduct<T> product{};
    product.outer = outer, product.rows = rows;
    product.a = a.data, product.a_outer = a.outer, product.a_row = a.row, product.a_depth = 1;
    product.init = init.data, product.init_outer = init.outer, product.init_row = init.row;
    product.c = c.data, product.c_outer = c.outer, product.c_row = c.row;
    kernels.packing.left ? multiply_packed(kernels, product, w, begin, end)
                         : multiply_by_panels(kernels, product, w, begin, end);
}

template <class T>
void multiply(const KernelTable<T>& kernels, Index outer, Index rows, Rows<const T> a, const PackedMatrix<T>& w,
              Rows<const T> init, Rows<T> c) {
    multiply(kernels, outer, rows, a, w, 0, w.panels.count, init, c);
}

}  // namespace rnnfast
