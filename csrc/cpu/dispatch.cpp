#include "dispatch.hpp"

#include <cstdlib>
#include <stdexcept>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(RNNFAST_AMX)
#include <sys/syscall.h>
#include <unistd.h>
#endif

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

#if defined(RNNFAST_AMX)
namespace avx512_amx {
KernelTable<float> with_tiles(const KernelTable<float>& vectors, int parts);
}
#endif

namespace {

#if defined(__x86_64__)
// Not every compiler's __builtin_cpu_supports knows it.
bool has_f16c() {
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
}
#endif

struct Isa {
    const char* name;
    bool supported;
    const KernelTable<float>* float32;
    const KernelTable<double>* float64;
    // Products of bfloat16s, in two parts for each float32 and in one; null: it has none.
    const KernelTable<float>* high = nullptr;
    const KernelTable<float>* medium = nullptr;
};

#if defined(RNNFAST_AMX)
// Whether the processor has tiles of bfloat16s, and Linux lets this process use them; it must ask once.
bool has_amx() {
    constexpr unsigned kBf16 = 1u << 22, kTiles = 1u << 24;
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !(edx & kBf16) || !(edx & kTiles)) return false;
    constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

Isa avx512_with_tiles(bool has_avx512) {
    static const bool supported = has_avx512 && has_amx();
    if (!supported) return {"avx512_amx", false, nullptr, nullptr};
    static const KernelTable<float> high = avx512_amx::with_tiles(avx512::kFloat32, 2);
    static const KernelTable<float> medium = avx512_amx::with_tiles(avx512::kFloat32, 1);
    return {"avx512_amx", true, &avx512::kFloat32, &avx512::kFloat64, &high, &medium};
}
#endif

const std::vector<Isa>& isas() {
    static const std::vector<Isa> all = [] {
        std::vector<Isa> found;
#if defined(__x86_64__)
        __builtin_cpu_init();
        const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
        const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
#if defined(RNNFAST_AMX)
        found.push_back(avx512_with_tiles(has_avx512));
#endif
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

std::vector<std::string> precisions(const std::string& isa) {
    const Isa& found = find(isa);
    std::vector<std::string> names{"highest"};
    if (found.high) names.push_back("high");
    if (found.medium) names.push_back("medium");
    return names;
}

const KernelTable<float>& kernels_for(const std::string& isa, const std::string& precision) {
    const Isa& found = find(isa);
    const KernelTable<float>* table = precision == "highest"  ? found.float32
                                      : precision == "high"   ? found.high
                                      : precision == "medium" ? found.medium
                                                              : nullptr;
    if (!table) throw std::runtime_error("precision: '" + precision + "' has no kernels of its own for " + isa);
    return *table;
}

}  // namespace rnnfast
