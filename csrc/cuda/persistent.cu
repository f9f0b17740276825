// Variant `persistent`: one cooperative launch runs all steps. A block holds the weights of some hidden units, in
// registers and shared memory, for the sequences of one batch tile; blocks of a tile hand the states to each other
// through global memory, which for them is the second-level cache, and meet once a step.
//
// Block x has the units from x * groups * Tile::kUnits on, block y the batch tile. Its warps are shared out evenly
// among its groups of Tile::kUnits units; the warps of a group share the depth. Sequences go by chunks of kRows. Tile
// says how the product is made, and which kOwned elements (row, unit) of it a lane ends up with.
#include "gradient.cuh"
#include "mma_tile.cuh"
#include "state.cuh"
#include "weight_tile.cuh"

constexpr int kLanes = 32, kRows = 8;
static_assert(kRows == kMmaRows && kRows * kUnits == kLanes, "as both kinds of tiles have them");

// What a block has.
template <class Tile>
struct Slice {
    template <class A>
    __device__ explicit Slice(const A& a)
        : batch(a.batch),
          hidden_size(a.hidden_size),
          warp(threadIdx.x / kLanes),
          lane(threadIdx.x % kLanes),
          warps_per_group(blockDim.x / kLanes / a.groups),
          group(warp / warps_per_group),
          chunks((hidden_size + Tile::kDepth * warps_per_group - 1) / (Tile::kDepth * warps_per_group)),
          first_unit((blockIdx.x * a.groups + group) * Tile::kUnits),
          first_row(blockIdx.y * a.rows_per_tile),
          end_row(min(batch, first_row + a.rows_per_tile)) {}

    __device__ int warp_in_group() const { return warp % warps_per_group; }
    // of a state in shared memory, padded
    __device__ int depth() const { return Tile::kDepth * warps_per_group * chunks; }

    // shared memory: states of a chunk of rows, sums (warps, kOwned, kLanes), weights
    __device__ typename Tile::State* states() const { return dynamic_shared<typename Tile::State>(); }
    __device__ float* sums() const { return reinterpret_cast<float*>(states() + Tile::states(depth())); }
    __device__ float4* weights() const { return reinterpret_cast<float4*>(sums() + Tile::kOwned * blockDim.x); }

    // Elements of a chunk of rows are finished by the lanes of a group's first warp.
    __device__ int unit(int i) const { return first_unit + Tile::unit(i); }
    __device__ bool finishes(int row, int i) const {
        return warp_in_group() == 0 && inside(row, end_row) && inside(unit(i), hidden_size);
    }

    const int batch, hidden_size, warp, lane, warps_per_group, group, chunks, first_unit, first_row, end_row;
};

// The product in float32 (weight_tile.cuh): all lanes of a group share kUnits units.
template <int kInRegisters>
class FloatTile {
   public:
    static constexpr int kUnits = ::kUnits, kDepth = 4 * kLanes, kOwned = 1;
    typedef float State;
    static __device__ int states(int depth) { return kRows * depth; }
    static __device__ int row(int) { return threadIdx.x % kLanes / kUnits; }
    static __device__ int unit(int) { return threadIdx.x % kUnits; }

    template <class F>
    __device__ FloatTile(const Slice<FloatTile>& slice, F weight)
        : tile_(slice.first_unit, slice.warp_in_group() * kLanes + slice.lane, slice.warps_per_group * kLanes,
                slice.chunks, slice.weights(), weight) {}

    static __device__ void store(float* states, int depth, int row, int d, float4 values) {
        *reinterpret_cast<float4*>(states + row * depth + d) = values;
    }

    __device__ void multiply(const float* states, int depth, float (&owned)[kOwned]) const {
        float sums[kRows * kUnits];
        tile_.template multiply<kRows>(states, depth, sums);
        reduce_scatter<kLanes, kRows * kUnits>(sums, threadIdx.x % kLanes);
        owned[0] = sums[0];
    }

   private:
    const WeightTile<kInRegisters> tile_;
};

// The product on tensor cores (mma_tile.cuh).
template <int kInRegisters, class Operand, int kParts>
class MmaTile {
   public:
    static constexpr int kUnits = kMmaUnits, kDepth = kMmaDepth;
    typedef MmaWeights<kInRegisters, Operand, kParts> Weights;
    static constexpr int kOwned = Weights::kOwned;
    typedef unsigned short State;
    static __device__ int states(int depth) { return kParts * kRows * (depth + kMmaPadding); }
    static __device__ int row(int i) { return Weights::row(i); }
    static __device__ int unit(int i) { return Weights::unit(i); }

    template <class F>
    __device__ MmaTile(const Slice<MmaTile>& slice, F weight)
        : weights_(slice.first_unit, slice.warp_in_group(), slice.warps_per_group, slice.chunks,
                   reinterpret_cast<uint4*>(slice.weights()), weight) {}

    static __device__ void store(State* states, int depth, int row, int d, float4 values) {
        Weights::store(states, depth, row, d, values.x);
        Weights::store(states, depth, row, d + 1, values.y);
        Weights::store(states, depth, row, d + 2, values.z);
        Weights::store(states, depth, row, d + 3, values.w);
    }

    __device__ void multiply(const State* states, int depth, float (&owned)[kOwned]) const {
        weights_.multiply(states, depth, owned);
    }

   private:
    const Weights weights_;
};

// Waits until all blocks of the batch tile are here for the time-th time.
__device__ inline void grid_barrier(unsigned* arrived, unsigned time) {
    __syncthreads();
    if (threadIdx.x == 0) {
        add_release(arrived + blockIdx.y, 1);
        while (load_acquire(arrived + blockIdx.y) < time * gridDim.x) continue;
    }
    __syncthreads();
}

// Four elements of a row of states (B, H) that other blocks wrote; zeros beyond the tile.
template <class Tile>
__device__ inline float4 load_chunk(const Slice<Tile>& slice, const float* from, int row, int d) {
    const float* const at = from + Index(row) * slice.hidden_size + d;
    if (slice.hidden_size % 4 == 0) {
        const bool exists = inside(row, slice.end_row) && inside(d, slice.hidden_size);
        return exists ? __ldcg(reinterpret_cast<const float4*>(at)) : make_float4(0, 0, 0, 0);
    }
    const auto element = [&](int i) {
        const bool exists = inside(row, slice.end_row) && inside(d + i, slice.hidden_size);
        return exists ? __ldcg(at + i) : 0.0f;
    };
    return make_float4(element(0), element(1), element(2), element(3));
}

// sums := this lane's elements of the product of the rows from chunk_row on of states (B, H) with the block's weights.
// Every thread of the block calls it; the sums are whole in the first warp of each group.
template <class Tile>
__device__ void product(const Slice<Tile>& slice, const Tile& tile, const float* from, int chunk_row,
                        float (&sums)[Tile::kOwned]) {
    const int depth = slice.depth();
    for (int d = 4 * threadIdx.x; d < depth; d += 4 * blockDim.x) {
        float4 loaded[kRows];  // all on their way before the first is stored
#pragma unroll
        for (int row = 0; row < kRows; ++row) loaded[row] = load_chunk(slice, from, chunk_row + row, d);
#pragma unroll
        for (int row = 0; row < kRows; ++row) Tile::store(slice.states(), depth, row, d, loaded[row]);
    }
    __syncthreads();
    tile.multiply(slice.states(), depth, sums);
    float* const all = slice.sums() + slice.group * slice.warps_per_group * Tile::kOwned * kLanes + slice.lane;
#pragma unroll
    for (int i = 0; i < Tile::kOwned; ++i) all[(slice.warp_in_group() * Tile::kOwned + i) * kLanes] = sums[i];
    __syncthreads();
#pragma unroll
    for (int i = 0; i < Tile::kOwned; ++i) {
        sums[i] = 0;
        for (int warp = 0; warp < slice.warps_per_group; ++warp) sums[i] += all[(warp * Tile::kOwned + i) * kLanes];
    }
}

template <class Tile>
__global__ void __launch_bounds__(256, 1) persistent_forward(ForwardArguments<float> a) {
    const Slice<Tile> slice(a);
    const Pointwise<float> activation(a);
    const Index count = Index(a.batch) * a.hidden_size;
    const int hidden_size = a.hidden_size;
    const float* const w_hh = a.w_hh;
    const Tile tile(slice, [=](int unit, int d) {
        return inside(unit, hidden_size) && inside(d, hidden_size) ? w_hh[Index(unit) * hidden_size + d] : 0.0f;
    });
    for (int step = 0; step < a.seq_len; ++step) {
        const float* const before = a.exchange + step % 2 * count;
        for (int chunk_row = slice.first_row; chunk_row < slice.end_row; chunk_row += kRows) {
            float sums[Tile::kOwned];
            product(slice, tile, before, chunk_row, sums);
#pragma unroll
            for (int i = 0; i < Tile::kOwned; ++i) {
                const int row = chunk_row + Tile::row(i);
                if (slice.finishes(row, i)) advance(a, activation, step, row, slice.unit(i), sums[i]);
            }
        }
        if (step + 1 < a.seq_len) {
            grid_barrier(a.arrived, step + 1);
        }
    }
}

// da_t is handed on in da. What is left after the first step is dh_0.
template <class Tile>
__global__ void __launch_bounds__(256, 1) persistent_backward(BackwardArguments<float> a) {
    const Slice<Tile> slice(a);
    const Pointwise<float> activation(a);
    const Index count = Index(a.batch) * a.hidden_size;
    const int hidden_size = a.hidden_size;
    const float* const w_hh = a.w_hh;
    const Tile tile(slice, [=](int unit, int d) {
        return inside(unit, hidden_size) && inside(d, hidden_size) ? w_hh[Index(d) * hidden_size + unit] : 0.0f;
    });
    for (int step = a.seq_len - 1; step >= -1; --step) {
        const bool last = step + 1 == a.seq_len;
        const float* const following = a.da + (last ? 0 : time_of(a, step + 1)) * count;
        for (int chunk_row = slice.first_row; chunk_row < slice.end_row; chunk_row += kRows) {
            float sums[Tile::kOwned] = {};
            if (!last) product(slice, tile, following, chunk_row, sums);
#pragma unroll
            for (int i = 0; i < Tile::kOwned; ++i) {
                const int row = chunk_row + Tile::row(i);
                if (slice.finishes(row, i)) retreat(a, activation, step, row, slice.unit(i), sums[i]);
            }
        }
        if (step >= 0) {
            grid_barrier(a.arrived, a.seq_len - step);
        }
    }
}
