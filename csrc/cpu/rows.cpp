#include "rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace rnnfast {

namespace {

// ratio^k for the counts of steps that rows missed, most of which are small.
class Powers {
   public:
    explicit Powers(double ratio) : ratio_(ratio) {
        double power = 1;
        for (double& entry : table_) {
            entry = power;
            power *= ratio;
        }
    }
    double operator()(int64_t k) const { return k < kTabulated ? table_[k] : std::pow(ratio_, static_cast<double>(k)); }
    // ratio + ratio^2 + ... + ratio^k, for ratio < 1
    double sum(int64_t k) const { return ratio_ * (1 - (*this)(k)) / (1 - ratio_); }

   private:
    static constexpr int64_t kTabulated = 32;
    double ratio_;
    double table_[kTabulated];
};

}  // namespace

template <class T, class Id>
Index combine_rows(const Id* ids, const T* values, Index n, Index e, int64_t* rows, T* sums) {
    // An open hash table of places in `rows`, at most half full.
    int bits = 4;
    while ((Index(1) << bits) < 2 * n) ++bits;
    thread_local std::vector<int32_t> places;
    places.assign(size_t(1) << bits, -1);
    const size_t mask = places.size() - 1;
    Index count = 0;
    for (Index i = 0; i < n; ++i, values += e) {
        const auto id = static_cast<int64_t>(ids[i]);
        size_t slot = (static_cast<uint64_t>(id) * 0x9E3779B97F4A7C15u) >> (64 - bits);
        while (places[slot] >= 0 && rows[places[slot]] != id) slot = (slot + 1) & mask;
        if (places[slot] < 0) {
            places[slot] = static_cast<int32_t>(count);
            rows[count] = id;
            std::copy_n(values, e, sums + count * e);
            ++count;
        } else {
            T* sum = sums + places[slot] * e;
            for (Index j = 0; j < e; ++j) sum[j] += values[j];
        }
    }
    return count;
}

template <class T>
void rmsprop_rows(const RowTable<T>& table, const int64_t* rows, Index count, const T* sums, const RmspropOptions& o) {
    const Powers rho(o.rho), momentum(o.momentum);
    const T fresh = static_cast<T>(1 - o.rho), rate = static_cast<T>(o.learning_rate);
    const T inside = static_cast<T>(o.epsilon_inside ? o.epsilon : 0);
    const T outside = static_cast<T>(o.epsilon_inside ? 0 : o.epsilon);
    for (Index i = 0; i < count; ++i, sums += table.e) {
        const Index first = rows[i] * table.e;
        const int64_t steps = o.step - table.last_step[rows[i]];  // those missed, and this one
        const T decay = static_cast<T>(rho(steps));
        T* weights = table.weights + first;
        T* squares = table.accumulator + first;
        T* mean = table.mean_gradient ? table.mean_gradient + first : nullptr;
        T* velocity = table.velocity ? table.velocity + first : nullptr;
        const T kept = static_cast<T>(momentum(steps)), owed = static_cast<T>(momentum.sum(steps - 1));
        const auto move = [&](Index j, T variance) {
            const T step = rate * sums[j] / (std::sqrt(variance + inside) + outside);
            if (velocity) {
                const T before = velocity[j];
                velocity[j] = before * kept + step;
                weights[j] -= before * owed + velocity[j];
            } else {
                weights[j] -= step;
            }
        };
        for (Index j = 0; j < table.e; ++j) squares[j] = squares[j] * decay + fresh * (sums[j] * sums[j]);
        if (mean)
            for (Index j = 0; j < table.e; ++j) {
                mean[j] = mean[j] * decay + fresh * sums[j];
                move(j, squares[j] - mean[j] * mean[j]);
            }
        else
            for (Index j = 0; j < table.e; ++j) move(j, squares[j]);
        table.last_step[rows[i]] = o.step;
    }
}

template <class T>
void sgd_rows(const RowTable<T>& table, const int64_t* rows, Index count, const T* sums, const SgdOptions& o) {
    const Powers momentum(o.momentum);
    const T rate = static_cast<T>(o.learning_rate), ahead = static_cast<T>(o.momentum);
    for (Index i = 0; i < count; ++i, sums += table.e) {
        const Index first = rows[i] * table.e;
        T* weights = table.weights + first;
        if (table.velocity) {
            T* velocity = table.velocity + first;
            const int64_t steps = o.step - table.last_step[rows[i]];
            const T kept = static_cast<T>(momentum(steps)), owed = static_cast<T>(momentum.sum(steps - 1));
            for (Index j = 0; j < table.e; ++j) {
                const T step = rate * sums[j], before = velocity[j], after = before * kept - step;
                velocity[j] = after;
                weights[j] += o.nesterov ? ahead * (before * owed + after) - step : before * owed + after;
            }
        } else {
            for (Index j = 0; j < table.e; ++j) weights[j] -= rate * sums[j];
        }
        table.last_step[rows[i]] = o.step;
    }
}

#define RNNFAST_INSTANTIATE(T)                                                                              \
    template Index combine_rows(const int32_t*, const T*, Index, Index, int64_t*, T*);                      \
    template Index combine_rows(const int64_t*, const T*, Index, Index, int64_t*, T*);                      \
    template void rmsprop_rows(const RowTable<T>&, const int64_t*, Index, const T*, const RmspropOptions&); \
    template void sgd_rows(const RowTable<T>&, const int64_t*, Index, const T*, const SgdOptions&);
RNNFAST_INSTANTIATE(float)
RNNFAST_INSTANTIATE(double)

}  // namespace rnnfast
