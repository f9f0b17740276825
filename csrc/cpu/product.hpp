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

// The columns [0, columns) in panels of up to `width` vectors, as even as they can be.
struct Panels {
    Index vector_len, columns, vectors, count;

    Panels(Index vector_len, int width, Index columns)
        : vector_len(vector_len),
          columns(columns),
          vectors((columns + vector_len - 1) / vector_len),
          count((vectors + width - 1) / width) {}

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

    PackedMatrix(Arena& arena, const KernelTable<T>& kernels, int width, Index depth, Index columns)
        : panels(kernels.vector_len, width, columns),
          depth(depth),
          data(arena.take<T>(panels.vectors * kernels.vector_len * depth)) {}

    T* panel(Index p) const { return data + panels.first_column(p) * depth; }

    // Panel p from w (columns x depth), for products with its transpose.
    void pack_transposed(const KernelTable<T>& kernels, const T* w, Index p) const {
        kernels.pack_transposed(w + panels.first_column(p) * depth, depth, depth, panels.columns_in(p), panels.width(p),
                                panel(p));
    }

    // Panel p from w (depth x columns), given as row pointers.
    void pack_rows(const KernelTable<T>& kernels, const T* const* rows, Index p) const {
        kernels.pack_rows(rows, panels.first_column(p), depth, panels.columns_in(p), panels.width(p), panel(p));
    }
};

// Rows of a row-major matrix in `outer` blocks; a stride of 0 repeats.
template <class T>
struct Rows {
    T* data;
    Index outer, row;
};

// c = init + a * w for `outer` blocks of `rows` rows, all columns of w.
template <class T>
void multiply(const KernelTable<T>& kernels, Index outer, Index rows, Rows<const T> a, const PackedMatrix<T>& w,
              Rows<const T> init, Rows<T> c) {
    const bool one_block = a.outer == rows * a.row && c.outer == rows * c.row && init.outer == rows * init.row;
    if (one_block) rows *= outer, outer = 1;
    for (Index p = 0; p < w.panels.count; ++p) {
        const int width = w.panels.width(p);
        const Index first = w.panels.first_column(p), row_bytes = width * w.panels.vector_len * Index(sizeof(T));
        const Index most = w.depth <= kShallow ? kShallow / 2 : kPanelBytes / row_bytes;
        const Index blocks = (w.depth + most - 1) / most, depth = (w.depth + blocks - 1) / blocks;
        for (Index k = 0; k < w.depth; k += depth) {
            PanelProduct<T> block;
            block.outer = outer, block.rows = rows, block.depth = std::min(depth, w.depth - k);
            block.a = a.data + k, block.a_outer = a.outer, block.a_row = a.row, block.a_depth = 1;
            block.panel = w.panel(p) + k * width * w.panels.vector_len;
            block.init = (k ? c.data : init.data) + first;
            block.init_outer = k ? c.outer : init.outer, block.init_row = k ? c.row : init.row;
            block.c = c.data + first, block.c_outer = c.outer, block.c_row = c.row;
            block.columns = w.panels.columns_in(p);
            // Blocks and panels follow one another in memory; after the last comes the first, for the next step.
            const bool last = p + 1 == w.panels.count && k + depth >= w.depth;
            block.next = last ? w.data : block.panel + block.depth * width * w.panels.vector_len;
            kernels.multiply[width - 1](block);
        }
    }
}

}  // namespace rnnfast
