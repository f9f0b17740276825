// The registers of AMX as the product uses them: sums of 2 x 2 tiles, and the tiles of two blocks of rows (left) and of
// two vectors of columns (right) that they are made of. A tile in memory is 16 rows of 64 bytes, one after another.
// Included by each instruction set's file that has them; the instructions name their registers by constants.
#pragma once

struct alignas(64) TileConfiguration {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Static, for the compiler does not see how much of it the instruction reads.
static const TileConfiguration kConfiguration;

inline void configure_tiles() { _tile_loadconfig(&kConfiguration); }
inline void release_tiles() { _tile_release(); }

template <int kRow>
RNNFAST_INLINE void load_left(const float* tile) {
    if constexpr (kRow == 0)
        _tile_loadd(4, tile, 64);
    else
        _tile_loadd(5, tile, 64);
}

template <int kColumn>
RNNFAST_INLINE void load_right(const float* tile) {
    if constexpr (kColumn == 0)
        _tile_loadd(6, tile, 64);
    else
        _tile_loadd(7, tile, 64);
}

template <int kRow, int kColumn>
RNNFAST_INLINE void clear_sum() {
    if constexpr (kRow == 0 && kColumn == 0) _tile_zero(0);
    if constexpr (kRow == 0 && kColumn == 1) _tile_zero(1);
    if constexpr (kRow == 1 && kColumn == 0) _tile_zero(2);
    if constexpr (kRow == 1 && kColumn == 1) _tile_zero(3);
}

// sum[row][column] += left[row] * right[column], over 16 words of two bfloat16s each
template <int kRow, int kColumn>
RNNFAST_INLINE void add_product() {
    if constexpr (kRow == 0 && kColumn == 0) _tile_dpbf16ps(0, 4, 6);
    if constexpr (kRow == 0 && kColumn == 1) _tile_dpbf16ps(1, 4, 7);
    if constexpr (kRow == 1 && kColumn == 0) _tile_dpbf16ps(2, 5, 6);
    if constexpr (kRow == 1 && kColumn == 1) _tile_dpbf16ps(3, 5, 7);
}

template <int kRow, int kColumn>
RNNFAST_INLINE void store_sum(float* tile) {
    if constexpr (kRow == 0 && kColumn == 0) _tile_stored(0, tile, 64);
    if constexpr (kRow == 0 && kColumn == 1) _tile_stored(1, tile, 64);
    if constexpr (kRow == 1 && kColumn == 0) _tile_stored(2, tile, 64);
    if constexpr (kRow == 1 && kColumn == 1) _tile_stored(3, tile, 64);
}
