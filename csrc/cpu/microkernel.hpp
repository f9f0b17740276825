// The register-tiled product of a block of rows with a packed panel. Included by each instruction set's file.
#pragma once

// The rows of the tallest tile of a width: rows * width sums stay in registers, beside the panel's vectors or, for the
// wide tiles of few rows, beside the broadcast values.
constexpr int rows_per_tile(int width) {
    constexpr int kMostRows[2][kMaxPanelWidth] = {{8, 6, 4, 2, 2, 1, 1, 1}, {14, 12, 8, 6, 4, 4, 3, 3}};
    return kMostRows[RNNFAST_VECTOR_REGISTERS >= 32][width - 1];
}

// Wide enough that the rows, if they are few, make enough independent sums to hide the latency of each.
inline int panel_width(Index rows) {
    for (int width = kMaxPanelWidth; width > 3; --width)
        if (rows <= rows_per_tile(width)) return width;
    return 3;
}

template <class T, int kRows, int kWidth, bool kDepthMajor>
void multiply_tile(Index depth, const T* a, Index stride, const T* panel, const T* init, Index init_row, T* c,
                   Index c_row, Index columns, const char* ahead, Index ahead_step) {
    constexpr Index kLen = kLanes<T>;
    const Index tail = columns - (kWidth - 1) * kLen;  // columns of the last vector
    Vector<T> sum[kRows][kWidth] = {};
    for (Index k = 0; k < depth; ++k) {
        Vector<T> b[kWidth];
        RNNFAST_UNROLL
        for (int w = 0; w < kWidth; ++w) b[w] = load(panel + w * kLen);
        RNNFAST_UNROLL
        for (int r = 0; r < kRows; ++r) {
            const Vector<T> value = broadcast(kDepthMajor ? a[r] : a[r * stride]);
            RNNFAST_UNROLL
            for (int w = 0; w < kWidth; ++w) sum[r][w] += value * b[w];
        }
        panel += kWidth * kLen;
        a += kDepthMajor ? stride : 1;
        __builtin_prefetch(ahead, 0, RNNFAST_PREFETCH);
        ahead += ahead_step;
    }
    RNNFAST_UNROLL
    for (int r = 0; r < kRows; ++r, init += init_row, c += c_row) {
        RNNFAST_UNROLL
        for (int w = 0; w < kWidth - 1; ++w) store(c + w * kLen, load(init + w * kLen) + sum[r][w]);
        constexpr Index kLast = (kWidth - 1) * kLen;
        store_first(c + kLast, load_first(init + kLast, tail) + sum[r][kWidth - 1], tail);
    }
}

template <class T>
using Tile = void (*)(Index, const T*, Index, const T*, const T*, Index, T*, Index, Index, const char*, Index);

// The tiles of 1 to rows_per_tile(kWidth) rows.
template <class T, int kWidth, bool kDepthMajor, int... kRows>
struct Tiles {
    static constexpr Tile<T> kTable[] = {multiply_tile<T, kRows, kWidth, kDepthMajor>...};
};

template <class T, int kWidth, bool kDepthMajor, int kLeft = rows_per_tile(kWidth), int... kRows>
struct AllTiles : AllTiles<T, kWidth, kDepthMajor, kLeft - 1, kLeft, kRows...> {};
template <class T, int kWidth, bool kDepthMajor, int... kRows>
struct AllTiles<T, kWidth, kDepthMajor, 0, kRows...> : Tiles<T, kWidth, kDepthMajor, kRows...> {};

// Rows go into as few tiles as possible, of sizes that differ by at most one.
template <class T, int kWidth, bool kDepthMajor>
void multiply_panel(const PanelProduct<T>& p) {
    constexpr Index kMost = rows_per_tile(kWidth);
    const Index tiles = (p.rows + kMost - 1) / kMost;
    if (tiles == 0) return;
    const Index small = p.rows / tiles, larger = p.rows % tiles;
    const Index a_row = kDepthMajor ? 1 : p.a_row, stride = kDepthMajor ? p.a_depth : p.a_row;
    // Each tile fetches its part of the next panel, a little with every step of the depth.
    const Index panel_bytes = kWidth * kLanes<T> * Index(sizeof(T)) * p.depth;
    const Index ahead_step = p.next ? panel_bytes / (p.outer * tiles * p.depth) : 0;
    const char* ahead = reinterpret_cast<const char*>(p.next ? p.next : p.panel);
    for (Index o = 0; o < p.outer; ++o) {
        const T* a = p.a + o * p.a_outer;
        const T* init = p.init + o * p.init_outer;
        T* c = p.c + o * p.c_outer;
        for (Index i = 0; i < tiles; ++i) {
            const Index rows = small + (i < larger);
            AllTiles<T, kWidth, kDepthMajor>::kTable[rows - 1](p.depth, a, stride, p.panel, init, p.init_row, c,
                                                               p.c_row, p.columns, ahead, ahead_step);
            ahead += ahead_step * p.depth;
            a += rows * a_row;
            init += rows * p.init_row;
            c += rows * p.c_row;
        }
    }
}

// In blocks of the depth: reads run along the rows of w, writes stay in the first-level cache.
template <class T>
void pack_transposed(const T* w, Index stride, Index depth, Index columns, int width, T* panel) {
    constexpr Index kBlock = 64;
    const Index full = width * kLanes<T>;
    for (Index first = 0; first < depth; first += kBlock) {
        const Index last = first + kBlock < depth ? first + kBlock : depth;
        for (Index j = 0; j < columns; ++j)
            for (Index k = first; k < last; ++k) panel[k * full + j] = w[j * stride + k];
        for (Index j = columns; j < full; ++j)
            for (Index k = first; k < last; ++k) panel[k * full + j] = 0;
    }
}

template <class T>
void pack_rows(const T* const* rows, Index first, Index depth, Index columns, int width, T* panel) {
    constexpr Index kLen = kLanes<T>;
    const Index tail = columns - (width - 1) * kLen;
    for (Index k = 0; k < depth; ++k) {
        const T* row = rows[k] + first;
        for (int w = 0; w < width - 1; ++w, row += kLen, panel += kLen) store(panel, load(row));
        store(panel, load_first(row, tail));
        panel += kLen;
    }
}

// Kahan's summation: there can be as many rows as steps times sequences.
template <class T>
void add_rows(const T* a, Index stride, Index rows, Index n, T* sums, T* lost) {
    constexpr Index kLen = kLanes<T>;
    for (Index j = 0; j < n; j += kLen) {
        const Index lanes = n - j < kLen ? n - j : kLen;
        Vector<T> sum = load_first(sums + j, lanes), low = load_first(lost + j, lanes);
        for (Index i = 0; i < rows; ++i) {
            const Vector<T> term = load_first(a + i * stride + j, lanes) - low;
            const Vector<T> next = sum + term;
            low = (next - sum) - term;
            sum = next;
        }
        store_first(sums + j, sum, lanes);
        store_first(lost + j, low, lanes);
    }
}
