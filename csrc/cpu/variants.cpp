#include "variants.hpp"

#include <algorithm>
#include <stdexcept>

#include "lanes.hpp"

namespace rnnfast {

namespace {

// Multiplications for each thread below which it costs more to share them than it saves, a few us; and of a whole pass
// that make up for waking a sleeping thread, some 50 us.
constexpr double kWorthSharing = 50e3, kWorthWaking = 2e6;

bool any(const Sizes&) { return true; }
bool dense(const Sizes& s) { return s.heads == 1; }
bool narrow(const Sizes& s) { return dense(s) && s.hidden_size <= kMostLanesHidden; }

template <class T>
constexpr Variant<T> kVariants[] = {
    {"panel", any, panel_forward<T>, panel_backward<T>},
    {"lanes", narrow, lanes_forward<T>, lanes_backward<T>},
    {"stationary", dense, stationary_forward<T>, stationary_backward<T>},
    {"tiles", dense, tiles_forward<T>, tiles_backward<T>},
};

}  // namespace

TeamSize team_size(const Sizes& s, int most) {
    const double work = double(s.seq_len) * s.batch * s.hidden_size * (s.input_size + s.head_size());
    return {static_cast<int>(std::clamp(work / kWorthSharing, 1.0, double(most))), work >= kWorthWaking};
}

std::vector<std::string> variant_names() {
    std::vector<std::string> names;
    for (const auto& variant : kVariants<float>) names.push_back(variant.name);
    return names;
}

template <class T>
const Variant<T>& variant(const std::string& name) {
    for (const auto& variant : kVariants<T>)
        if (name == variant.name) return variant;
    throw std::invalid_argument("variant: no '" + name + "'");
}

template const Variant<float>& variant(const std::string&);
template const Variant<double>& variant(const std::string&);

}  // namespace rnnfast
