#include "dispatch.hpp"

#include <cstdlib>
#include <stdexcept>

namespace rnnfast {

#define RNNFAST_DECLARE(isa)                   \
    namespace isa {                            \
    extern const KernelTable<float> kFloat32;  \
    extern const KernelTable<double> kFloat64; \
    }
RNNFAST_DECLARE(baseline)
#if defined(__x86_64__)
RNNFAST_DECLARE(avx2)
RNNFAST_DECLARE(avx512)
#endif

namespace {

struct Isa {
    const char* name;
    bool supported;
    const KernelTable<float>* float32;
    const KernelTable<double>* float64;
};

const std::vector<Isa>& isas() {
    static const std::vector<Isa> all = [] {
        std::vector<Isa> found;
#if defined(__x86_64__)
        __builtin_cpu_init();
        const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
        const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        found.push_back({"avx512", has_avx512, &avx512::kFloat32, &avx512::kFloat64});
        found.push_back({"avx2", has_avx2, &avx2::kFloat32, &avx2::kFloat64});
#endif
        found.push_back({"baseline", true, &baseline::kFloat32, &baseline::kFloat64});
        return found;
    }();
    return all;
}

const Isa& find(const std::string& name) {
    for (const Isa& isa : isas())
        if (isa.supported && name == isa.name) return isa;
    std::string known;
    for (const std::string& isa : supported_isas()) known += (known.empty() ? "" : ", ") + isa;
    throw std::runtime_error("RNNFAST_ISA: expected one of " + known + " (what this processor runs), got '" + name +
                             "'");
}

}  // namespace

std::vector<std::string> supported_isas() {
    std::vector<std::string> names;
    for (const Isa& isa : isas())
        if (isa.supported) names.push_back(isa.name);
    return names;
}

std::string default_isa() {
    const char* forced = std::getenv("RNNFAST_ISA");
    return forced && *forced ? find(forced).name : supported_isas().front();
}

template <>
const KernelTable<float>& kernels<float>(const std::string& isa) {
    return *find(isa).float32;
}

template <>
const KernelTable<double>& kernels<double>(const std::string& isa) {
    return *find(isa).float64;
}

}  // namespace rnnfast
