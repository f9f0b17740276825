// Variant `block`: one thread block runs all steps for Tile::kRows sequences. It holds the whole of w_hh, padded, in
// registers and shared memory, and the states in shared memory: blocks never meet. Tile says how the product is made,
// and which kOwned elements (row, unit) of it a thread ends up with and finishes.
#include "mma_tile.cuh"
#include "pointwise.cuh"
#include "weight_tile.cuh"

// The product in float32 (weight_tile.cuh). kSplits lanes share kUnits units.
template <int kHidden, int kRows_, int kInRegisters>
class FloatTile {
   public:
    static constexpr int kRows = kRows_, kSplits = 8, kThreads = kHidden / kUnits * kSplits;
    static constexpr int kOwned = kRows * kUnits / kSplits;
    typedef float State;
    static constexpr int kStates = kRows * kHidden;

    template <class F>
    __device__ FloatTile(float4* shared, F weight)
        : tile_(group() * kUnits, split(), kSplits, kHidden / (4 * kSplits), shared, weight) {}

    static __device__ int row(int i) { return (split() * kOwned + i) / kUnits; }
    static __device__ int unit(int i) { return group() * kUnits + (split() * kOwned + i) % kUnits; }

    static __device__ void store(State* states, int row, int unit, float value) {
        states[row * kHidden + unit] = value;
    }

    __device__ void product(const State* states, float (&owned)[kOwned]) const {
        float sums[kRows * kUnits];
        tile_.template multiply<kRows>(states, kHidden, sums);
        reduce_scatter<kSplits, kRows * kUnits>(sums, split());
#pragma unroll
        for (int i = 0; i < kOwned; ++i) owned[i] = sums[i];
    }

   private:
    static __device__ int split() { return threadIdx.x % kSplits; }
    static __device__ int group() { return threadIdx.x / kSplits; }

    const WeightTile<kInRegisters> tile_;
};

// The product on tensor cores (mma_tile.cuh), with all weights in registers. A warp has kMmaUnits units.
template <int kHidden, class Operand, int kParts>
class MmaTile {
   public:
    static constexpr int kRows = kMmaRows, kThreads = kHidden / kMmaUnits * 32;
    typedef MmaWeights<kHidden / kMmaDepth, Operand, kParts> Weights;
    static constexpr int kOwned = Weights::kOwned;
    typedef unsigned short State;
    static constexpr int kStates = kParts * kRows * (kHidden + kMmaPadding);

    template <class F>
    __device__ MmaTile(float4*, F weight) : weights_(first_unit(), 0, 1, kHidden / kMmaDepth, nullptr, weight) {}

    static __device__ int row(int i) { return Weights::row(i); }
    static __device__ int unit(int i) { return first_unit() + Weights::unit(i); }

    static __device__ void store(State* states, int row, int unit, float value) {
        Weights::store(states, kHidden, row, unit, value);
    }

    __device__ void product(const State* states, float (&owned)[kOwned]) const {
        weights_.multiply(states, kHidden, owned);
    }

   private:
    static __device__ int first_unit() { return threadIdx.x / 32 * kMmaUnits; }

    const Weights weights_;
};

// The elements of (B, H) arrays, of fewer than 2^31, that a thread finishes.
template <class Tile>
struct Owned {
    static constexpr int kCount = Tile::kOwned;

    __device__ Owned(int batch, int hidden_size) : batch(batch), hidden_size(hidden_size) {}
    __device__ int row(int i) const { return blockIdx.x * Tile::kRows + Tile::row(i); }
    __device__ bool exists(int i) const { return inside(row(i), batch) && inside(Tile::unit(i), hidden_size); }
    __device__ int at(int i) const { return row(i) * hidden_size + Tile::unit(i); }

    const int batch, hidden_size;
};

// Shared memory: the states of two steps, taking turns, and weights.
template <class Tile>
__device__ inline typename Tile::State* states_of(int step) {
    return dynamic_shared<typename Tile::State>() + step % 2 * Tile::kStates;
}
template <class Tile>
__device__ inline float4* shared_weights() {
    return reinterpret_cast<float4*>(dynamic_shared<typename Tile::State>() + 2 * Tile::kStates);
}

template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, 1) block_forward(ForwardArguments<float> a) {
    typedef Owned<Tile> Mine;
    const Mine mine(a.batch, a.hidden_size);
    const Index count = Index(a.batch) * a.hidden_size;
    const Pointwise<float> activation(a);
    const int hidden_size = a.hidden_size;
    const float* const w_hh = a.w_hh;
    const Tile tile(shared_weights<Tile>(), [=](int unit, int d) {
        return inside(unit, hidden_size) && inside(d, hidden_size) ? w_hh[Index(unit) * hidden_size + d] : 0.0f;
    });
    float state[Mine::kCount], input[Mine::kCount], bias[Mine::kCount];
#pragma unroll
    for (int i = 0; i < Mine::kCount; ++i) {
        state[i] = mine.exists(i) ? a.state[mine.at(i)] : 0;
        input[i] = mine.exists(i) ? a.y[time_of(a, 0) * count + mine.at(i)] : 0;
        bias[i] = mine.exists(i) ? a.b[Tile::unit(i)] : 0;
        Tile::store(states_of<Tile>(0), Tile::row(i), Tile::unit(i), state[i]);
    }
    __syncthreads();
    for (int step = 0; step < a.seq_len; ++step) {
        const int t = time_of(a, step);
        float* const y = a.y + t * count;
        const float* const next_y = a.y + time_of(a, step + 1) * count;
        float next[Mine::kCount];  // inputs are on their way while the product is made
#pragma unroll
        for (int i = 0; i < Mine::kCount; ++i)
            next[i] = step + 1 < a.seq_len && mine.exists(i) ? next_y[mine.at(i)] : 0;
        float sums[Mine::kCount];
        tile.product(states_of<Tile>(step), sums);
#pragma unroll
        for (int i = 0; i < Mine::kCount; ++i) {
            if (mine.exists(i)) {
                const bool valid = position_at(a, t, mine.row(i)) >= 0;
                if (valid) state[i] = activation.value(input[i] + sums[i] + bias[i]);
                y[mine.at(i)] = valid || a.hold ? state[i] : 0;
            }
            Tile::store(states_of<Tile>(step + 1), Tile::row(i), Tile::unit(i), state[i]);
            input[i] = next[i];
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < Mine::kCount; ++i)
        if (mine.exists(i)) a.state[mine.at(i)] = state[i];
}

// In place of the states: da_t.
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, 1) block_backward(BackwardArguments<float> a) {
    typedef Owned<Tile> Mine;
    const Mine mine(a.batch, a.hidden_size);
    const Index count = Index(a.batch) * a.hidden_size;
    const Pointwise<float> activation(a);
    const int hidden_size = a.hidden_size;
    const float* const w_hh = a.w_hh;
    const Tile tile(shared_weights<Tile>(), [=](int unit, int d) {
        return inside(unit, hidden_size) && inside(d, hidden_size) ? w_hh[Index(d) * hidden_size + unit] : 0.0f;
    });
    float carry[Mine::kCount], y[Mine::kCount], dy[Mine::kCount];
    const auto load = [&](int step) {
        const float* const y_t = a.y + time_of(a, step) * count;
        const float* const dy_t = a.dy + time_of(a, step) * count;
#pragma unroll
        for (int i = 0; i < Mine::kCount; ++i) {
            y[i] = mine.exists(i) ? y_t[mine.at(i)] : 0;
            dy[i] = mine.exists(i) && a.dy ? dy_t[mine.at(i)] : 0;
        }
    };
#pragma unroll
    for (int i = 0; i < Mine::kCount; ++i) carry[i] = mine.exists(i) ? a.carry[mine.at(i)] : 0;
    load(a.seq_len - 1);
    for (int step = a.seq_len - 1; step >= 0; --step) {
        const int t = time_of(a, step);
        float* const da_t = a.da + t * count;
        int position[Mine::kCount];
#pragma unroll
        for (int i = 0; i < Mine::kCount; ++i) {
            position[i] = mine.exists(i) ? position_at(a, t, mine.row(i)) : -1;
            if (position[i] >= 0 || a.hold) carry[i] += dy[i];
            const float da = position[i] >= 0 ? carry[i] * activation.derivative(y[i]) : 0;
            if (mine.exists(i)) da_t[mine.at(i)] = da;
            Tile::store(states_of<Tile>(step), Tile::row(i), Tile::unit(i), da);
        }
        if (step > 0) load(step - 1);  // on its way while the product is made
        __syncthreads();
        float sums[Mine::kCount];
        tile.product(states_of<Tile>(step), sums);
#pragma unroll
        for (int i = 0; i < Mine::kCount; ++i)
            if (position[i] >= 0) carry[i] = cut(a, position[i]) ? 0 : sums[i];
    }
#pragma unroll
    for (int i = 0; i < Mine::kCount; ++i)
        if (mine.exists(i)) a.carry[mine.at(i)] = carry[i];
}
