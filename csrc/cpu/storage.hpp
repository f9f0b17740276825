// Rows as an array stores them, and as they are computed with: the same, or 16 bits to float and back.
#pragma once

#include <algorithm>
#include <type_traits>

#include "contract.hpp"
#include "workspace.hpp"

namespace rnnfast {

inline const Conversion<Float16>& conversion(const KernelTable<float>& kernels, Float16) { return kernels.float16; }
inline const Conversion<BFloat16>& conversion(const KernelTable<float>& kernels, BFloat16) { return kernels.bfloat16; }

// to (n,) := from
template <class T, class Stored, class Computed>
void widen(const KernelTable<T>& kernels, const Stored* from, Index n, Computed* to) {
    if constexpr (std::is_same_v<Computed, Stored>)
        std::copy_n(from, n, to);
    else
        conversion(kernels, Stored{}).widen(from, n, to);
}
template <class T, class Stored>
void narrow(const KernelTable<T>& kernels, const T* from, Index n, Stored* to) {
    if constexpr (std::is_same_v<T, Stored>)
        std::copy_n(from, n, to);
    else
        conversion(kernels, Stored{}).narrow(from, n, to);
}

// The n elements themselves, or a copy in the scratch of the calling thread.
template <class Computed, class T, class Stored>
const Computed* widened(const KernelTable<T>& kernels, const Stored* from, Index n) {
    if constexpr (std::is_same_v<Computed, Stored>) {
        return from;
    } else {
        Computed* copy = thread_scratch<Computed>(n);
        widen(kernels, from, n, copy);
        return copy;
    }
}

}  // namespace rnnfast
