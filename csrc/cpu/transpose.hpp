// Transposition by squares of L x L elements, L lanes a vector. Included by each instruction set's file.
#pragma once

template <int... kLane>
using LaneNumbers = std::integer_sequence<int, kLane...>;
template <class T>
using AllLanes = std::make_integer_sequence<int, static_cast<int>(kLanes<T>)>;

// The lanes Pattern::source(0), Pattern::source(1), ... of the concatenation of a and b.
template <class Pattern, class T, class Int, int... kLane>
RNNFAST_INLINE T shuffle(T a, T b, LaneNumbers<kLane...>) {
#if defined(__clang__)
    return __builtin_shufflevector(a, b, Pattern::source(kLane)...);
#else
    return __builtin_shuffle(a, b, Int{Pattern::source(kLane)...});
#endif
}

template <class Pattern, class T>
RNNFAST_INLINE void exchange(Vector<T>& low, Vector<T>& high) {
    const Vector<T> a = low, b = high;
    low = shuffle<typename Pattern::Low, Vector<T>, IntVector<T>>(a, b, AllLanes<T>());
    high = shuffle<typename Pattern::High, Vector<T>, IntVector<T>>(a, b, AllLanes<T>());
}

// Every pattern is one instruction where vectors are cut into pieces of 16 bytes, as they are on x86.
template <class T>
struct Patterns {
    static constexpr int kLen = kLanes<T>, kPiece = 16 / sizeof(T);

    // Of each piece: the lower (upper) halves of a and b, lane by lane.
    template <int kUpper>
    struct Zip {
        static constexpr int source(int lane) {
            return lane / kPiece * kPiece + (lane % kPiece) / 2 + kUpper * kPiece / 2 + (lane % 2) * kLen;
        }
    };
    // Of each piece: the lower (upper) half of a, then that of b.
    template <int kUpper>
    struct Halves {
        static constexpr int source(int lane) {
            const int half = kPiece / 2, in_piece = lane % kPiece;
            return lane / kPiece * kPiece + in_piece % half + kUpper * half + in_piece / half * kLen;
        }
    };
    // Blocks of kBlock lanes: the even (odd) ones of a, between them those of b.
    template <int kBlock, int kOdd>
    struct Blocks {
        static constexpr int source(int lane) {
            const bool second = lane & kBlock;
            return (second ? kLen + lane - kBlock : lane) + kOdd * kBlock;
        }
    };
    struct ZipPair {
        using Low = Zip<0>;
        using High = Zip<1>;
    };
    struct HalvesPair {
        using Low = Halves<0>;
        using High = Halves<1>;
    };
    template <int kBlock>
    struct BlockPair {
        using Low = Blocks<kBlock, 0>;
        using High = Blocks<kBlock, 1>;
    };
};

template <class T, int kBlock>
RNNFAST_INLINE void exchange_blocks(Vector<T> (&v)[kLanes<T>]) {
    if constexpr (kBlock < kLanes<T>) {
        RNNFAST_UNROLL
        for (Index i = 0; i < kLanes<T>; ++i)
            if (!(i & kBlock)) exchange<typename Patterns<T>::template BlockPair<kBlock>, T>(v[i], v[i + kBlock]);
        exchange_blocks<T, 2 * kBlock>(v);
    }
}

template <class T>
RNNFAST_INLINE void transpose_square(Vector<T> (&v)[kLanes<T>]) {
    constexpr int kPiece = Patterns<T>::kPiece;
    RNNFAST_UNROLL
    for (Index i = 0; i < kLanes<T>; i += 2) exchange<typename Patterns<T>::ZipPair, T>(v[i], v[i + 1]);
    if constexpr (kPiece == 4) {
        RNNFAST_UNROLL
        for (Index i = 0; i < kLanes<T>; i += 4) {
            exchange<typename Patterns<T>::HalvesPair, T>(v[i], v[i + 2]);
            exchange<typename Patterns<T>::HalvesPair, T>(v[i + 1], v[i + 3]);
            const Vector<T> swap = v[i + 1];
            v[i + 1] = v[i + 2], v[i + 2] = swap;
        }
    }
    exchange_blocks<T, kPiece>(v);
}

// v[i] = the first `lanes` columns of row i of a, zeros for rows that do not exist; at least 1 of each.
template <class T>
RNNFAST_INLINE void load_square(const T* a, Index stride, Index rows, Index lanes, Vector<T> (&v)[kLanes<T>]) {
    if (rows >= kLanes<T> && lanes >= kLanes<T>) {
        RNNFAST_UNROLL
        for (Index i = 0; i < kLanes<T>; ++i, a += stride) v[i] = load(a);
    } else if (lanes >= kLanes<T>) {
        RNNFAST_UNROLL
        for (Index i = 0; i < kLanes<T>; ++i, a += stride) v[i] = i < rows ? load(a) : Vector<T>{};
    } else {
        RNNFAST_UNROLL
        for (Index i = 0; i < kLanes<T>; ++i, a += stride) v[i] = i < rows ? load_partial(a, lanes) : Vector<T>{};
    }
}

// The first `rows` vectors to rows of `to`.
template <class T>
RNNFAST_INLINE void store_square(const Vector<T> (&v)[kLanes<T>], Index rows, T* to, Index stride) {
    if (rows >= kLanes<T>) {
        RNNFAST_UNROLL
        for (Index i = 0; i < kLanes<T>; ++i, to += stride) store(to, v[i]);
    } else {
        RNNFAST_UNROLL
        for (Index i = 0; i < kLanes<T>; ++i, to += stride) {
            if (i == rows) break;
            store(to, v[i]);
        }
    }
}

// to[j][i] = a[i][j] for the rows x columns elements of a; rows of `to` are filled up with zeros to whole vectors.
template <class T>
void transpose_padded(const T* a, Index a_stride, Index rows, Index columns, T* to, Index to_stride) {
    constexpr Index kLen = kLanes<T>;
    for (Index i = 0; i < rows; i += kLen)
        for (Index j = 0; j < columns; j += kLen) {
            Vector<T> v[kLen];
            load_square<T>(a + i * a_stride + j, a_stride, rows - i, columns - j, v);
            transpose_square<T>(v);
            store_square<T>(v, columns - j, to + j * to_stride + i, to_stride);
        }
}

// The same to dense rows, to_stride = rows. A whole vector is stored where what it writes past the end of its row is
// written again later: rows of `to` in increasing order, and of each first its last lanes.
template <class T>
void transpose_dense(const T* a, Index a_stride, Index rows, Index columns, T* to) {
    constexpr Index kLen = kLanes<T>;
    const T* const end = to + rows * columns;
    for (Index j = 0; j < columns; j += kLen)
        for (Index i = (rows - 1) / kLen * kLen; i >= 0; i -= kLen) {
            Vector<T> v[kLen];
            load_square<T>(a + i * a_stride + j, a_stride, rows - i, columns - j, v);
            transpose_square<T>(v);
            T* row = to + j * rows + i;
            if (row + (kLen - 1) * rows + kLen <= end) {
                store_square<T>(v, kLen, row, rows);
            } else {
                RNNFAST_UNROLL
                for (Index k = 0; k < kLen; ++k, row += rows) {
                    if (j + k == columns) break;
                    row + kLen <= end ? store(row, v[k]) : store_partial(row, v[k], rows - i);
                }
            }
        }
}
