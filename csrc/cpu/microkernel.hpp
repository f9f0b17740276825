// The register-tiled product of a block of rows with a packed panel. Included by each instruction set's file.
#pragma once

// The rows of the tallest tile of a width: rows * width sums stay in registers, beside the panel's vectors or, for the
// wide tiles of few rows, beside the broadcast values.
constexpr int rows_per_tile(int width) {
    constexpr int kMostRows[2][kMaxPanelWidth] = {{8, 6, 4, 2, 2, 1, 1, 1}, {14, 12, 8, 6, 4, 4, 3, 3}};
    return kMostRows[RNNFAST_VECTOR_REGISTERS >= 32][width - 1];
}

// Rows in tiles of a width: as few as possible, of heights that differ by at most one.
struct Tiling {
    Index tiles, height, higher;  // `higher` of the tiles have one row more
    Tiling(Index rows, int width)
        : tiles((rows + rows_per_tile(width) - 1) / rows_per_tile(width)),
          height(tiles > 1 ? rows / tiles : rows),
          higher(rows - tiles * height) {}
};

// The deepest panel of up to two vectors that stays in the registers as a whole, while all rows go by.
constexpr int kResidentDepth = RNNFAST_VECTOR_REGISTERS >= 32 ? 12 : 6;

// The width of the least cost for each column: of a step of the depth, in half cycles, a tile takes an operation for
// each of its sums, a load for each vector and row, and at least the latency of a sum. Loads settle ties.
inline int panel_width(Index rows, Index depth) {
    constexpr double kLatency = 8, kTie = 0.05;
    if (depth <= kResidentDepth && rows > 2 * rows_per_tile(2)) return 2;
    const auto cost_of_tile = [=](Index height, int width) {
        const double sums = double(height) * width, loads = double(height) + width;
        const double busy = sums > loads ? sums : loads;
        return (busy > kLatency ? busy : kLatency) + kTie * loads;
    };
    int best = 1;
    double least = 0;
    for (int width = 1; width <= kMaxPanelWidth; ++width) {
        const Tiling t(rows, width);
        const double tall = double(t.higher) * cost_of_tile(t.height + 1, width);
        const double cost = (tall + double(t.tiles - t.higher) * cost_of_tile(t.height, width)) / width;
        if (width == 1 || cost < least) best = width, least = cost;
    }
    return best;
}

// How far before its use a panel that is read as a stream is fetched, in bytes.
constexpr Index kStreamAhead = 2048;

// Steps of the depth in one round of a tile's loop: what is not arithmetic keeps a core from its peak, most of all one
// that runs two threads. Without a fused operation of x86 compilers run out of registers for more than one.
#if defined(__FMA__)
constexpr int kStepsOfRound = 4;
#else
constexpr int kStepsOfRound = 1;
#endif

// sum[r][w] += a[r] * panel[w], for so many steps of the depth, and on to the next.
template <class T, int kRows, int kWidth, bool kDepthMajor, int kSteps>
RNNFAST_INLINE void add_steps(Vector<T> (&sum)[kRows][kWidth], const T*& a, Index stride, const T*& panel,
                              Index panel_row) {
    Vector<T> b[kWidth];
    RNNFAST_UNROLL
    for (int w = 0; w < kWidth; ++w) b[w] = load(panel + w * kLanes<T>);
    RNNFAST_UNROLL
    for (int r = 0; r < kRows; ++r) {
        const Vector<T> value = broadcast(kDepthMajor ? a[r] : a[r * stride]);
        RNNFAST_UNROLL
        for (int w = 0; w < kWidth; ++w) sum[r][w] += value * b[w];
    }
    panel += panel_row;
    a += kDepthMajor ? stride : 1;
    // The loads of a step stay in it, and addresses are added up: for more there are no registers.
    if constexpr (kStepsOfRound > 1) asm volatile("" : "+r"(a), "+r"(panel) : : "memory");
    if constexpr (kSteps > 1) add_steps<T, kRows, kWidth, kDepthMajor, kSteps - 1>(sum, a, stride, panel, panel_row);
}

template <class T, int kRows, int kWidth, bool kDepthMajor>
void multiply_tile(Index depth, const T* a, Index stride, const T* panel, Index panel_row, const T* init,
                   Index init_row, T* c, Index c_row, Index columns, const char* ahead, Index ahead_step) {
    constexpr Index kLen = kLanes<T>;
    const Index tail = columns - (kWidth - 1) * kLen;  // columns of the last vector
    Vector<T> sum[kRows][kWidth] = {};
    Index left = depth;
    if constexpr (kRows * kWidth <= kMaxPanelWidth) {
        // So few rows use a panel hardly more than once: it is fetched as a stream, a little before it is read.
        for (; left > 0; --left) {
            add_steps<T, kRows, kWidth, kDepthMajor, 1>(sum, a, stride, panel, panel_row);
            RNNFAST_UNROLL
            for (int line = 0; line < kWidth * RNNFAST_VECTOR_BYTES; line += 64)
                __builtin_prefetch(reinterpret_cast<const char*>(panel) + kStreamAhead + line);
        }
    } else {
        for (; left >= kStepsOfRound; left -= kStepsOfRound, ahead += kStepsOfRound * ahead_step) {
            add_steps<T, kRows, kWidth, kDepthMajor, kStepsOfRound>(sum, a, stride, panel, panel_row);
            __builtin_prefetch(ahead);
        }
        for (; left > 0; --left) add_steps<T, kRows, kWidth, kDepthMajor, 1>(sum, a, stride, panel, panel_row);
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
using Tile = void (*)(Index, const T*, Index, const T*, Index, const T*, Index, T*, Index, Index, const char*, Index);

// The tiles of 1 to rows_per_tile(kWidth) rows.
template <class T, int kWidth, bool kDepthMajor, int... kRows>
struct Tiles {
    static constexpr Tile<T> kTable[] = {multiply_tile<T, kRows, kWidth, kDepthMajor>...};
};

template <class T, int kWidth, bool kDepthMajor, int kLeft = rows_per_tile(kWidth), int... kRows>
struct AllTiles : AllTiles<T, kWidth, kDepthMajor, kLeft - 1, kLeft, kRows...> {};
template <class T, int kWidth, bool kDepthMajor, int... kRows>
struct AllTiles<T, kWidth, kDepthMajor, 0, kRows...> : Tiles<T, kWidth, kDepthMajor, kRows...> {};

template <class T>
RNNFAST_INLINE void fetch_rows(const T* first, Index row, Index rows, Index columns) {
    for (Index r = 0; r < rows; ++r)
        for (Index j = 0; j < columns; j += 64 / Index(sizeof(T))) __builtin_prefetch(first + r * row + j);
}

// A shallow product: the panel in registers, row after row.
template <class T, int kWidth, int kDepth>
void multiply_resident(const PanelProduct<T>& p) {
    constexpr Index kLen = kLanes<T>, kLast = (kWidth - 1) * kLen;
    const Index tail = p.columns - kLast;
    Vector<T> b[kDepth][kWidth];
    RNNFAST_UNROLL
    for (int k = 0; k < kDepth; ++k) RNNFAST_UNROLL
    for (int w = 0; w < kWidth; ++w) b[k][w] = load(p.panel + k * p.panel_row + w * kLen);
    for (Index o = 0; o < p.outer; ++o) {
        const T* a = p.a + o * p.a_outer;
        const T* init = p.init + o * p.init_outer;
        T* c = p.c + o * p.c_outer;
        for (Index r = 0; r < p.rows; ++r, a += p.a_row, init += p.init_row, c += p.c_row) {
            Vector<T> sum[kWidth] = {};
            RNNFAST_UNROLL
            for (int k = 0; k < kDepth; ++k) RNNFAST_UNROLL
            for (int w = 0; w < kWidth; ++w) sum[w] += a[k] * b[k][w];
            RNNFAST_UNROLL
            for (int w = 0; w < kWidth - 1; ++w) store(c + w * kLen, load(init + w * kLen) + sum[w]);
            store_first(c + kLast, load_first(init + kLast, tail) + sum[kWidth - 1], tail);
        }
    }
}

template <class T, int kWidth, int kDepth = kResidentDepth>
RNNFAST_INLINE void multiply_shallow(const PanelProduct<T>& p) {
    if constexpr (kDepth > 0)
        p.depth == kDepth ? multiply_resident<T, kWidth, kDepth>(p) : multiply_shallow<T, kWidth, kDepth - 1>(p);
}

template <class T, int kWidth, bool kDepthMajor>
void multiply_panel(const PanelProduct<T>& p) {
    if constexpr (kWidth <= 2 && !kDepthMajor)
        if (p.depth <= kResidentDepth && p.outer * p.rows > rows_per_tile(kWidth))
            return multiply_shallow<T, kWidth>(p);
    const Tiling tiling(p.rows, kWidth);
    if (tiling.tiles == 0) return;
    const Index a_row = kDepthMajor ? 1 : p.a_row, stride = kDepthMajor ? p.a_depth : p.a_row;
    // Each tile fetches its part of the next panel, a little with every step of the depth.
    const Index panel_bytes = kWidth * kLanes<T> * Index(sizeof(T)) * p.depth;
    const Index ahead_step = p.next ? panel_bytes / (p.outer * tiling.tiles * p.depth) : 0;
    const char* ahead = reinterpret_cast<const char*>(p.next ? p.next : p.panel);
    for (Index o = 0; o < p.outer; ++o) {
        const T* a = p.a + o * p.a_outer;
        const T* init = p.init + o * p.init_outer;
        T* c = p.c + o * p.c_outer;
        for (Index i = 0; i < tiling.tiles; ++i) {
            const Index rows = tiling.height + (i < tiling.higher);
            // A gradient comes from afar: what the tile is added to is fetched while it is summed up.
            if constexpr (kDepthMajor) fetch_rows(init, p.init_row, rows, p.columns);
            AllTiles<T, kWidth, kDepthMajor>::kTable[rows - 1](p.depth, a, stride, p.panel, p.panel_row, init,
                                                               p.init_row, c, p.c_row, p.columns, ahead, ahead_step);
            ahead += ahead_step * p.depth;
            a += rows * a_row;
            init += rows * p.init_row;
            c += rows * p.c_row;
        }
    }
}

template <class T>
void pack_columns(const T* w, Index stride, Index depth, Index columns, int width, T* panel) {
    transpose_padded<T>(w, stride, columns, depth, panel, width * kLanes<T>);
}

template <class T, int kWidth>
void pack_rows_of_width(const T* const* rows, Index first, Index depth, Index columns, T* panel) {
    constexpr Index kLen = kLanes<T>, kLast = (kWidth - 1) * kLen;
    const Index tail = columns - kLast;
    for (Index k = 0; k < depth; ++k, panel += kWidth * kLen) {
        const T* row = rows[k] + first;
        RNNFAST_UNROLL
        for (int w = 0; w < kWidth - 1; ++w) store(panel + w * kLen, load(row + w * kLen));
        store(panel + kLast, load_first(row + kLast, tail));
    }
}

// A loop for each width: each of its loads goes from row to row, a pattern that processors fetch ahead.
template <class T, int kWidth = kMaxPanelWidth>
void pack_rows(const T* const* rows, Index first, Index depth, Index columns, int width, T* panel) {
    if constexpr (kWidth > 1)
        if (width < kWidth) return pack_rows<T, kWidth - 1>(rows, first, depth, columns, width, panel);
    pack_rows_of_width<T, kWidth>(rows, first, depth, columns, panel);
}

template <class T>
void gather_rows(const T* table, Index row, const int64_t* ids, Index step, Index count, T* to) {
    for (Index i = 0; i < count; ++i, to += row) {
        const T* from = table + ids[i * step] * row;
        for (Index j = 0; j < row; j += kLanes<T>) store(to + j, load(from + j));
    }
}

// Kahan's summation of the sums of short blocks: there can be as many rows as steps times sequences, and one sum after
// the other would wait for its latency.
template <class T>
void add_rows(const T* a, Index stride, Index rows, Index n, T* sums, T* lost) {
    constexpr Index kLen = kLanes<T>, kBlock = 16, kChains = 4;
    for (Index j = 0; j < n; j += kLen) {
        const Index lanes = n - j < kLen ? n - j : kLen;
        Vector<T> sum = load_first(sums + j, lanes), low = load_first(lost + j, lanes);
        const T* row = a + j;
        for (Index left = rows; left > 0; left -= kBlock) {
            Vector<T> chain[kChains] = {};
            if (left >= kBlock && lanes == kLen) {
                RNNFAST_UNROLL
                for (Index i = 0; i < kBlock; ++i) chain[i % kChains] += load(row + i * stride);
            } else {
                for (Index i = 0; i < kBlock && i < left; ++i)
                    chain[i % kChains] += load_first(row + i * stride, lanes);
            }
            row += kBlock * stride;
            const Vector<T> term = ((chain[0] + chain[1]) + (chain[2] + chain[3])) - low;
            const Vector<T> next = sum + term;
            low = (next - sum) - term;
            sum = next;
        }
        store_first(sums + j, sum, lanes);
        store_first(lost + j, low, lanes);
    }
}
