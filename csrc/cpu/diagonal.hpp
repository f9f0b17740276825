// Products with a diagonal matrix. Included by each instruction set's file.
#pragma once

template <class T>
void multiply_diagonal(const T* w, const T* a, const T* init, T* c, Index n) {
    for (Index j = 0; j < n; j += kLanes<T>) {
        const Index lanes = n - j < kLanes<T> ? n - j : kLanes<T>;
        store_first(c + j, load_first(init + j, lanes) + load_first(a + j, lanes) * load_first(w + j, lanes), lanes);
    }
}

// Some vectors of columns side by side, so that their sums do not wait for each other.
template <class T, int kWidth>
RNNFAST_INLINE void add_products_of_columns(const T* a, Index stride, const T* const* rows, Index first, Index count,
                                            Index columns, T* sums) {
    constexpr Index kLen = kLanes<T>, kLast = (kWidth - 1) * kLen;
    const Index tail = columns - kLast;
    Vector<T> sum[kWidth] = {};
    for (Index k = 0; k < count; ++k, a += stride) {
        const T* row = rows[k] + first;
        RNNFAST_UNROLL
        for (int w = 0; w < kWidth - 1; ++w) sum[w] += load(a + w * kLen) * load(row + w * kLen);
        sum[kWidth - 1] += load_first(a + kLast, tail) * load_first(row + kLast, tail);
    }
    RNNFAST_UNROLL
    for (int w = 0; w < kWidth - 1; ++w) store(sums + w * kLen, load(sums + w * kLen) + sum[w]);
    store_first(sums + kLast, load_first(sums + kLast, tail) + sum[kWidth - 1], tail);
}

template <class T>
void add_products(const T* a, Index stride, const T* const* rows, Index first, Index count, Index n, T* sums) {
    constexpr int kWidth = 4;
    constexpr Index kLen = kLanes<T>, kWhole = kWidth * kLen;
    Index j = 0;
    for (; j + kWhole <= n; j += kWhole)
        add_products_of_columns<T, kWidth>(a + j, stride, rows, first + j, count, kWhole, sums + j);
    for (; j < n; j += kLen)
        add_products_of_columns<T, 1>(a + j, stride, rows, first + j, count, n - j < kLen ? n - j : kLen, sums + j);
}
