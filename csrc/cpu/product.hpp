// Products with a packed right-hand operand, blocked for the caches.
#pragma once

#include <algorithm>

#include "contract.hpp"
#include "workspace.hpp"

namespace rnnfast {

// What one block of a panel may take of the first-level cache, in bytes; the rest is for rows.
constexpr Index kPanelBytes = 24 * 1024;

// Sums over a depth up to this are cut in two, for the sake of rounding: there it costs little, and other libraries'
// dot products of such a length round less than one long sum does.
constexpr Index kShallow = 64;

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

// One of `parts` ranges that [0, count) is cut into, as even as they can be.
struct Range {
    Index begin, end;
    Range(Index count, Index parts, Index part) : begin(count * part / parts), end(count * (part + 1) / parts) {}
    Index size() const { return end - begin; }
};

// A (depth x columns) operand in packed panels, each [depth][width * vector_len].
template <class T>
struct PackedMatrix {
    Panels panels;
    Index depth;
    T* data;

    PackedMatrix(Arena& arena, const KernelTable<T>& kernels, int width, Index depth, Index columns, int owners = 1)
        : panels(kernels.vector_len, width, columns, owners),
          depth(depth),
          data(arena.take<T>(panels.vectors * kernels.vector_len * depth)) {}

    T* panel(Index p) const { return data + panels.first_column(p) * depth; }

    // Panel p from w (columns x depth), for products with its transpose.
    void pack_transposed(const KernelTable<T>& kernels, const T* w, Index p) const {
        kernels.transpose_padded(w + panels.first_column(p) * depth, depth, panels.columns_in(p), depth, panel(p),
                                 panels.width(p) * panels.vector_len);
    }

    // Panel p from w (depth x columns).
    void pack(const KernelTable<T>& kernels, const T* w, Index p) const {
        constexpr Index kRows = 64;
        const T* rows[kRows];
        for (Index k = 0; k < depth; k += kRows) {
            const Index count = std::min(kRows, depth - k);
            for (Index i = 0; i < count; ++i) rows[i] = w + (k + i) * panels.columns;
            kernels.pack_rows(rows, panels.first_column(p), count, panels.columns_in(p), panels.width(p),
                              panel(p) + k * panels.width(p) * panels.vector_len);
        }
    }
};

// The depth of the blocks that a product with a panel of so many bytes a row goes in.
inline Index block_depth(Index depth, Index row_bytes) {
    const Index most = depth <= kShallow ? kShallow / 2 : kPanelBytes / row_bytes;
    const Index blocks = (depth + most - 1) / most;
    return (depth + blocks - 1) / blocks;
}

// c = init + a * panel, in blocks of the depth; `next` is the panel after this one.
template <class T>
void multiply_in_blocks(void (*kernel)(const PanelProduct<T>&), PanelProduct<T> p, const T* next = nullptr) {
    const Index whole = p.depth, depth = block_depth(whole, p.panel_row * Index(sizeof(T)));
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

// c = init + a * w for `outer` blocks of `rows` rows, and the panels [begin, end) of w.
template <class T>
void multiply(const KernelTable<T>& kernels, Index outer, Index rows, Rows<const T> a, const PackedMatrix<T>& w,
              Index begin, Index end, Rows<const T> init, Rows<T> c) {
    const bool one_block = a.outer == rows * a.row && c.outer == rows * c.row && init.outer == rows * init.row;
    if (one_block) rows *= outer, outer = 1;
    for (Index p = begin; p < end; ++p) {
        const int width = w.panels.width(p);
        const Index first = w.panels.first_column(p);
        PanelProduct<T> product{};
        product.outer = outer, product.rows = rows, product.depth = w.depth;
        product.a = a.data, product.a_outer = a.outer, product.a_row = a.row, product.a_depth = 1;
        product.panel = w.panel(p), product.panel_row = width * w.panels.vector_len;
        product.init = init.data + first, product.init_outer = init.outer, product.init_row = init.row;
        product.c = c.data + first, product.c_outer = c.outer, product.c_row = c.row;
        product.columns = w.panels.columns_in(p);
        // Panels follow one another in memory; after the last comes the first, for the next step.
        multiply_in_blocks(kernels.multiply[width - 1], product, w.panel(p + 1 == end ? begin : p + 1));
    }
}

template <class T>
void multiply(const KernelTable<T>& kernels, Index outer, Index rows, Rows<const T> a, const PackedMatrix<T>& w,
              Rows<const T> init, Rows<T> c) {
    multiply(kernels, outer, rows, a, w, 0, w.panels.count, init, c);
}

}  // namespace rnnfast
