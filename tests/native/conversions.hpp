// Numbers stored in 16 bits, by the definition of their types, and what the kernels make of them.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include "cpu/contract.hpp"

namespace rnnfast {

// A stored number by the definition of its type.
inline double value_of(uint16_t bits, int mantissa_bits) {
    const int exponent_bits = 15 - mantissa_bits, bias = (1 << (exponent_bits - 1)) - 1;
    const int mantissa = bits & ((1 << mantissa_bits) - 1), exponent = (bits & 0x7fff) >> mantissa_bits;
    const double sign = bits & 0x8000 ? -1 : 1;
    if (exponent == (1 << exponent_bits) - 1)
        return sign * (mantissa ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity());
    return sign *
           std::ldexp(mantissa + (exponent ? 1 << mantissa_bits : 0), (exponent ? exponent : 1) - bias - mantissa_bits);
}

// Every stored number, its middle to the next and the floats beside that; in pieces of all lengths.
template <class Stored>
void check_conversion(const KernelTable<float>& kernels, const char* name, int mantissa_bits,
                      const Conversion<Stored>& conversion) {
    const auto require = [&](bool right, const char* what, Index at) {
        if (right) return;
        std::printf("%s to or from float on %s: %s wrong at %td\n", name, kernels.isa, what, at);
        std::exit(1);
    };
    constexpr uint16_t kOldBits = 0xabcd;
    constexpr float kOldValue = -777;
    constexpr int kBeyond = 3;  // elements after an output that are not its own
    std::vector<Stored> all;
    for (int bits = 0; bits < 1 << 16; ++bits) all.push_back({static_cast<uint16_t>(bits)});
    std::vector<float> wide(all.size()), given;
    std::vector<int> right;  // -1: NaN
    conversion.widen(all.data(), static_cast<Index>(all.size()), wide.data());
    for (int bits = 0; bits < 1 << 16; ++bits) {
        const double value = value_of(static_cast<uint16_t>(bits), mantissa_bits);
        const bool nan = std::isnan(value);
        require(nan ? std::isnan(wide[bits]) : wide[bits] == value && std::signbit(wide[bits]) == std::signbit(value),
                "widened", bits);
        given.push_back(wide[bits]), right.push_back(nan ? -1 : bits);
        if (nan || std::isinf(value)) continue;
        // As if the exponents went on: the number after the largest is where infinity stands.
        const double before = value_of(static_cast<uint16_t>(bits - 1), mantissa_bits);
        const double after = value_of(static_cast<uint16_t>(bits + 1), mantissa_bits);
        const float middle = static_cast<float>(std::isinf(after) ? value + (value - before) / 2 : (value + after) / 2);
        const float far = std::copysign(std::numeric_limits<float>::infinity(), middle);
        given.insert(given.end(), {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, far)});
        right.insert(right.end(), {bits + (bits & 1), bits, bits + 1});
    }
    std::vector<Stored> narrow(given.size());
    conversion.narrow(given.data(), static_cast<Index>(given.size()), narrow.data());
    for (size_t i = 0; i < right.size(); ++i)
        require(right[i] < 0 ? std::isnan(value_of(narrow[i].bits, mantissa_bits)) : narrow[i].bits == right[i],
                "rounded", static_cast<Index>(i));
    for (Index n = 1; n <= 2 * kernels.vector_len + 1; ++n)
        for (Index first : {0x0001, 0x3c00}) {
            std::vector<Stored> piece(n + kBeyond, {kOldBits});
            std::vector<float> widened(n + kBeyond, kOldValue);
            conversion.widen(all.data() + first, n, widened.data());
            conversion.narrow(wide.data() + first, n, piece.data());
            for (Index j = 0; j < n + kBeyond; ++j) {
                require(widened[j] == (j < n ? wide[first + j] : kOldValue), "widened piece", j);
                require(piece[j].bits == (j < n ? first + j : kOldBits), "rounded piece", j);
            }
        }
}

}  // namespace rnnfast
