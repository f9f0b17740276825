// Layer normalisation of rows, and its gradient: cell_options.hpp. Included by each instruction set's file.
#pragma once

// The sum over j of f(j, lanes), a vector of which the first `lanes` count.
template <class T, class F>
RNNFAST_INLINE T sum_of(Index n, F f) {
    constexpr Index kLen = kLanes<T>;
    Vector<T> even{}, odd{};
    Index j = 0;
    for (; j + 2 * kLen <= n; j += 2 * kLen) even += f(j, kLen), odd += f(j + kLen, kLen);
    if (j + kLen <= n) even += f(j, kLen), j += kLen;
    T sum = 0;
    even += odd;
    if (j < n) odd = f(j, n - j);
    for (Index lane = 0; lane < kLen; ++lane) sum += even[lane];
    for (Index lane = 0; lane < n - j; ++lane) sum += odd[lane];
    return sum;
}

// s (rows, n) := (s - mean) / sqrt(variance + epsilon) row by row; `inverse` (rows,), optional, takes 1 / sqrt(...).
template <class T>
void normalise(T epsilon, Index rows, Index n, T* s, T* inverse) {
    for (Index row = 0; row < rows; ++row, s += n) {
        const T mean = sum_of<T>(n, [s](Index j, Index lanes) { return load_first(s + j, lanes); }) / T(n);
        const T squares = sum_of<T>(n, [s, mean](Index j, Index lanes) {
            const Vector<T> centred = load_first(s + j, lanes) - mean;
            return centred * centred;
        });
        const T factor = T(1) / T(__builtin_sqrt(squares / T(n) + epsilon));
        for (Index j = 0; j < n; ++j) s[j] = (s[j] - mean) * factor;
        if (inverse) inverse[row] = factor;
    }
}

// From da (rows, n), the gradient of gain * normalised + b: da := the gradient of s, normalised := da * normalised.
template <class T>
void normalise_gradient(const T* gain, const T* inverse, Index rows, Index n, T* normalised, T* da) {
    for (Index row = 0; row < rows; ++row, normalised += n, da += n) {
        const auto scaled = [=](Index j, Index lanes) {
            return load_first(gain + j, lanes) * load_first(da + j, lanes);
        };
        const T mean = sum_of<T>(n, scaled) / T(n);
        const T along =
            sum_of<T>(n, [=](Index j, Index lanes) { return scaled(j, lanes) * load_first(normalised + j, lanes); }) /
            T(n);
        for (Index j = 0; j < n; j += kLanes<T>) {
            const Index lanes = n - j < kLanes<T> ? n - j : kLanes<T>;
            const Vector<T> d = load_first(da + j, lanes), value = load_first(normalised + j, lanes);
            store_first(da + j, (scaled(j, lanes) - mean - value * along) * inverse[row], lanes);
            store_first(normalised + j, d * value, lanes);
        }
    }
}
