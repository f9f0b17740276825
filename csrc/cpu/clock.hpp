// Time that never goes back.
#pragma once

#include <chrono>
#include <cstdint>

namespace rnnfast {

inline int64_t steady_nanoseconds() {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace rnnfast
