// The product of packed rows with a packed panel, on tiles. Included by each instruction set's file that has them.
#pragma once

// Tiles of sums are as many as leave registers for the operands: 2 x 2, so that each operand is used twice.
constexpr int kMostTiles = 2;

// How far before its use an operand is fetched into the first-level cache, in units of kTileDepth.
constexpr Index kUnitsAhead = 2;

template <int kRows, int kWidth>
RNNFAST_INLINE void clear_sums() {
    clear_sum<0, 0>();
    if constexpr (kWidth > 1) clear_sum<0, 1>();
    if constexpr (kRows > 1) clear_sum<1, 0>();
    if constexpr (kRows > 1 && kWidth > 1) clear_sum<1, 1>();
}

template <int kRows, int kWidth>
RNNFAST_INLINE void add_products() {
    add_product<0, 0>();
    if constexpr (kWidth > 1) add_product<0, 1>();
    if constexpr (kRows > 1) add_product<1, 0>();
    if constexpr (kRows > 1 && kWidth > 1) add_product<1, 1>();
}

// To rows of kWidth vectors.
template <int kRows, int kWidth>
RNNFAST_INLINE void store_sums(float (&sums)[kRows][kWidth][kTileFloats]) {
    store_sum<0, 0>(sums[0][0]);
    if constexpr (kWidth > 1) store_sum<0, 1>(sums[0][1]);
    if constexpr (kRows > 1) store_sum<1, 0>(sums[1][0]);
    if constexpr (kRows > 1 && kWidth > 1) store_sum<1, 1>(sums[1][1]);
}

RNNFAST_INLINE void fetch_tile(const float* tile) {
    RNNFAST_UNROLL
    for (Index row = 0; row < kTileRows; ++row) __builtin_prefetch(tile + row * kTileRows);
}

// The tiles of one part of a unit; `unit` is how far the next unit is.
template <int kRows>
RNNFAST_INLINE void load_lefts(const float* tile, Index block, Index unit) {
    load_left<0>(tile);
    if constexpr (kRows > 1) load_left<1>(tile + block);
    RNNFAST_UNROLL
    for (int row = 0; row < kRows; ++row) fetch_tile(tile + row * block + kUnitsAhead * unit);
}

template <int kWidth>
RNNFAST_INLINE void load_rights(const float* tile, Index vector, Index unit) {
    load_right<0>(tile);
    if constexpr (kWidth > 1) load_right<1>(tile + vector);
    RNNFAST_UNROLL
    for (int column = 0; column < kWidth; ++column) fetch_tile(tile + column * vector + kUnitsAhead * unit);
}

// sums := left * panel over the units of the depth; `block` is how far the next block of rows is. Of two parts, high
// and low, low * low is left out; every tile is loaded once.
template <int kParts, int kRows, int kWidth>
RNNFAST_INLINE void sum_units(Index units, const float* left, Index block, const float* panel) {
    constexpr Index kLow = kTileFloats, kVector = kParts * kTileFloats;
    constexpr Index kLeftUnit = kVector, kPanelUnit = kWidth * kVector;
    clear_sums<kRows, kWidth>();
    for (Index unit = 0; unit < units; ++unit, left += kLeftUnit, panel += kPanelUnit) {
        load_rights<kWidth>(panel, kVector, kPanelUnit);
        if constexpr (kParts > 1) {
            load_lefts<kRows>(left + kLow, block, kLeftUnit);
            add_products<kRows, kWidth>();
        }
        load_lefts<kRows>(left, block, kLeftUnit);
        add_products<kRows, kWidth>();
        if constexpr (kParts > 1) {
            load_rights<kWidth>(panel + kLow, kVector, kPanelUnit);
            add_products<kRows, kWidth>();
        }
    }
}

// `rows` rows of c, at most kRows tiles.
template <int kParts, int kRows, int kWidth>
void multiply_blocks(const PanelProduct<float>& p, Index units, const float* left, const float* init, float* c,
                     Index rows) {
    constexpr Index kLast = (kWidth - 1) * kTileRows;
    const Index tail = p.columns - kLast;
    alignas(64) float sums[kRows][kWidth][kTileFloats];
    sum_units<kParts, kRows, kWidth>(units, left, units * kParts * kTileFloats, p.panel);
    store_sums<kRows, kWidth>(sums);
    for (Index row = 0; row < rows; ++row, init += p.init_row, c += p.c_row) {
        const float* sum = sums[row / kTileRows][0] + row % kTileRows * kTileRows;
        if constexpr (kWidth > 1) store(c, load(init) + load(sum));
        store_first(c + kLast, load_first(init + kLast, tail) + load(sum + (kWidth - 1) * kTileFloats), tail);
    }
}

// For A as it is packed: outer is 1.
template <int kParts, int kWidth>
void multiply_tiles(const PanelProduct<float>& p) {
    const Index units = (p.depth + kTileDepth - 1) / kTileDepth;
    const float* left = p.a;
    const float* init = p.init;
    float* c = p.c;
    for (Index rows = p.rows; rows > 0; rows -= kMostTiles * kTileRows) {
        if (rows > kTileRows)
            multiply_blocks<kParts, 2, kWidth>(p, units, left, init, c,
                                               rows < kMostTiles * kTileRows ? rows : kMostTiles * kTileRows);
        else
            multiply_blocks<kParts, 1, kWidth>(p, units, left, init, c, rows);
        left += kMostTiles * units * kParts * kTileFloats;
        init += kMostTiles * kTileRows * p.init_row;
        c += kMostTiles * kTileRows * p.c_row;
    }
}
