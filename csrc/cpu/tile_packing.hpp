// float32 operands as bfloat16 tiles: in one part (rounded), or in two whose sum they are (high + low). Included by
// each instruction set's file that has tiles.
//
// A tile is 16 rows of 16 words, and a word holds the bfloat16s of two depths of one row or column: of depth k and k +
// 16, so that no lane changes its place when two vectors are put together. Layouts, with the parts of a tile one after
// another, high before low:
//   left    [block of 16 rows][unit of 32 depths] tile, of rows of A
//   panel   [unit of 32 depths][vector of 16 columns] tile, of rows of words of one depth pair
#pragma once

constexpr Index kTileRows = 16, kTileDepth = 32;
constexpr Index kTileFloats = kTileRows * kTileRows;  // that take as much memory as a tile

typedef uint32_t Words __attribute__((vector_size(RNNFAST_VECTOR_BYTES)));

RNNFAST_INLINE Words words(Vector<float> v) { return reinterpret_cast<Words>(v); }
RNNFAST_INLINE Vector<float> floats(Words w) { return reinterpret_cast<Vector<float>>(w); }

// Parts are in the upper halves of the words; what is in the lower ones is not used.
//
// One part: x rounded to nearest, ties to even; a NaN stays one.
RNNFAST_INLINE void split(Vector<float> x, Words (&part)[1]) {
    const Words w = words(x), rounded = w + (0x7fff + ((w >> 16) & 1));
    part[0] = x == x ? rounded : w | 0x400000;
}

// Two parts: high is x rounded to nearest, low the rest rounded to nearest: |low| <= 2^-8 |x|, and what is left of x is
// at most 2^-17 |x|. So a product without low * low is right within 2^-15 |a| |b|. What is not finite, or would not be
// after rounding, is in low alone: in high, infinity would meet the low parts of finite factors, which may be zero or
// of the other sign, and make NaN of what is infinite.
RNNFAST_INLINE void split(Vector<float> x, Words (&part)[2]) {
    const Words w = words(x);
    const auto rounds_to_finite = (w & 0x7fffffff) < 0x7f7f8000;
    const Words high = rounds_to_finite ? (w + 0x8000) & 0xffff0000 : w & 0;
    const Words low = words(x - floats(high));
    part[0] = high;
    part[1] = rounds_to_finite ? low + 0x8000 : low;
}

// One tile of each part. half(i, h) is vector i, of depths [0, 16) for h = 0 and [16, 32) for h = 1, or of their
// transpose.
template <int kParts, bool kTransposed, class Half>
RNNFAST_INLINE void pack_tile(const Half& half, float* to) {
    for (Index i = 0; i < kTileRows; ++i) {
        Words first[kParts], second[kParts];
        split(half(i, 0), first);
        split(half(i, 1), second);
        for (int part = 0; part < kParts; ++part) {
            const Words pair = (first[part] >> 16) | (second[part] & 0xffff0000);
            store(to + part * kTileFloats + i * kTileRows, floats(pair));
        }
    }
    if constexpr (kTransposed) {
        for (int part = 0; part < kParts; ++part) {
            float* tile = to + part * kTileFloats;
            Vector<float> rows[kTileRows];
            load_square<float>(tile, kTileRows, kTileRows, kTileRows, rows);
            transpose_square<float>(rows);
            store_square<float>(rows, kTileRows, tile, kTileRows);
        }
    }
}

// The first n lanes, zeros after them; n may be anything.
RNNFAST_INLINE Vector<float> load_some(const float* p, Index n) {
    return n <= 0 ? Vector<float>{} : load_first(p, n < kTileRows ? n : kTileRows);
}

// From row-major rows [i][k], row(i): 16 of them from row i on and 32 depths from depth k on, of those that there are.
template <int kParts, bool kTransposed, class Row>
RNNFAST_INLINE void pack_along(const Row& row, Index i, Index rows, Index k, Index depth, float* to) {
    if (i + kTileRows <= rows && k + kTileDepth <= depth)
        pack_tile<kParts, kTransposed>([&](Index r, int h) { return load(row(i + r) + k + h * kTileRows); }, to);
    else
        pack_tile<kParts, kTransposed>(
            [&](Index r, int h) {
                const Index at = k + h * kTileRows;
                return i + r < rows ? load_some(row(i + r) + at, depth - at) : Vector<float>{};
            },
            to);
}

// From depth-major rows [k][i], row(k).
template <int kParts, bool kTransposed, class Row>
RNNFAST_INLINE void pack_across(const Row& row, Index i, Index rows, Index k, Index depth, float* to) {
    if (i + kTileRows <= rows && k + kTileDepth <= depth)
        pack_tile<kParts, kTransposed>([&](Index r, int h) { return load(row(k + r + h * kTileRows) + i); }, to);
    else
        pack_tile<kParts, kTransposed>(
            [&](Index r, int h) {
                const Index at = k + r + h * kTileRows;
                return at < depth ? load_some(row(at) + i, rows - i) : Vector<float>{};
            },
            to);
}

template <int kParts>
void pack_left(const float* a, Index stride, Index rows, Index depth, float* packed) {
    const auto row = [=](Index i) { return a + i * stride; };
    for (Index i = 0; i < rows; i += kTileRows)
        for (Index k = 0; k < depth; k += kTileDepth, packed += kParts * kTileFloats)
            pack_along<kParts, false>(row, i, rows, k, depth, packed);
}

template <int kParts>
void pack_left_transposed(const float* a, Index stride, Index rows, Index depth, float* packed) {
    const auto row = [=](Index k) { return a + k * stride; };
    for (Index i = 0; i < rows; i += kTileRows)
        for (Index k = 0; k < depth; k += kTileDepth, packed += kParts * kTileFloats)
            pack_across<kParts, true>(row, i, rows, k, depth, packed);
}

template <int kParts>
void pack_tile_columns(const float* w, Index stride, Index depth, Index columns, int width, float* panel) {
    const auto row = [=](Index j) { return w + j * stride; };
    for (Index k = 0; k < depth; k += kTileDepth)
        for (int v = 0; v < width; ++v, panel += kParts * kTileFloats)
            pack_along<kParts, true>(row, v * kTileRows, columns, k, depth, panel);
}

template <int kParts>
void pack_tile_rows(const float* const* rows, Index first, Index depth, Index columns, int width, float* panel) {
    const auto row = [=](Index k) { return rows[k] + first; };
    for (Index k = 0; k < depth; k += kTileDepth)
        for (int v = 0; v < width; ++v, panel += kParts * kTileFloats)
            pack_across<kParts, false>(row, v * kTileRows, columns, k, depth, panel);
}
