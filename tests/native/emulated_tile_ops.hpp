// The operations of csrc/cpu/tile_ops.hpp without the processor that has them, as Intel's manual defines TDPBF16PS (in
// "Intel 64 and IA-32 Architectures Software Developer's Manual", volume 2): the even and the odd bfloat16s of the
// words are summed apart over a row, in float32 with one rounding for each product and sum, then added up; numbers
// below the least normal one count as zero, going in and coming out. Included inside a namespace. Tiles that are used
// before they are configured end the program.
#pragma once

struct Tile {
    uint32_t words[16][16];
};

struct TileFile {
    bool configured = false;
    Tile sums[2][2], left[2], right[2];
};

inline TileFile& tile_file() {
    static thread_local TileFile file;
    return file;
}

inline TileFile& configured_tiles() {
    if (!tile_file().configured) std::abort();
    return tile_file();
}

inline void configure_tiles() {
    if (tile_file().configured) std::abort();
    tile_file().configured = true;
}

inline void release_tiles() { configured_tiles().configured = false; }

inline float flushed(float value) { return std::fabs(value) < std::numeric_limits<float>::min() ? 0.0f : value; }

inline float as_float(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return flushed(value);
}

template <int kRow>
void load_left(const float* tile) {
    std::memcpy(&configured_tiles().left[kRow], tile, sizeof(Tile));
}

template <int kColumn>
void load_right(const float* tile) {
    std::memcpy(&configured_tiles().right[kColumn], tile, sizeof(Tile));
}

template <int kRow, int kColumn>
void clear_sum() {
    configured_tiles().sums[kRow][kColumn] = {};
}

template <int kRow, int kColumn>
void add_product() {
    TileFile& file = configured_tiles();
    const Tile &left = file.left[kRow], &right = file.right[kColumn];
    for (int m = 0; m < 16; ++m)
        for (int n = 0; n < 16; ++n) {
            float even = 0, odd = 0;
            for (int k = 0; k < 16; ++k) {
                const uint32_t a = left.words[m][k], b = right.words[k][n];
                // A product of two bfloat16s is exact in float32: only the sum rounds.
                even = flushed(even + as_float(a << 16) * as_float(b << 16));
                odd = flushed(odd + as_float(a & 0xffff0000) * as_float(b & 0xffff0000));
            }
            uint32_t& word = file.sums[kRow][kColumn].words[m][n];
            const float sum = flushed(as_float(word) + flushed(even + odd));
            std::memcpy(&word, &sum, sizeof sum);
        }
}

template <int kRow, int kColumn>
void store_sum(float* tile) {
    std::memcpy(tile, &configured_tiles().sums[kRow][kColumn], sizeof(Tile));
}
