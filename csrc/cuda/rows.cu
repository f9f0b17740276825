// Operations on the rows of a table (V, E) of which a batch touches a few; definitions in rnnfast/rows.py. A block has
// one of `rows` (N,), its threads have the columns. A row of -1 stands for none.
#include "arguments.cuh"
#include "machine.cuh"

typedef long long Id;

// What momentum still owes, before this step, to a weight that missed some: ratio + ratio^2 + ... + ratio^missed.
__device__ inline double geometric(double ratio, double missed) {
    return ratio * (1 - pow(ratio, missed)) / (1 - ratio);
}

// rows, sums (N, E) := each id, where it stands first in ascending order, and the sum of its values (N, E), added in
// their order; elsewhere -1 and zeros. `order` (N,) sorts ids (N,) and leaves equal ones in their order.
template <class T>
__global__ void combine_rows(const Id* ids, const Id* order, const T* values, int count, int columns, Id* rows,
                             T* sums) {
    const int i = blockIdx.x;
    const Id id = ids[order[i]];
    const bool first = i == 0 || ids[order[i - 1]] != id;
    if (threadIdx.x == 0) rows[i] = first ? id : -1;
    for (int column = threadIdx.x; inside(column, columns); column += blockDim.x) {
        T sum = first ? values[order[i] * columns + column] : 0;
        for (int j = i + 1; first && inside(j, count) && ids[order[j]] == id; ++j)
            sum += values[order[j] * columns + column];
        sums[Index(i) * columns + column] = sum;
    }
}

// table[rows] := values (N, E)
template <class T>
__global__ void put_rows(T* table, const Id* rows, const T* values, int columns) {
    const Id row = rows[blockIdx.x];
    if (row < 0) return;
    for (int column = threadIdx.x; inside(column, columns); column += blockDim.x)
        table[row * columns + column] = values[Index(blockIdx.x) * columns + column];
}

// One step of RMSprop, and those of gradient 0 that a row missed; mean_gradient and velocity may be null.
template <class T>
__global__ void rmsprop_rows(T* weights, T* accumulator, T* mean_gradient, T* velocity, Id* last_step, const Id* rows,
                             const T* sums, int columns, Id step, double learning_rate, double rho, double momentum,
                             double epsilon, int epsilon_inside) {
    const Id row = rows[blockIdx.x];
    if (row < 0) return;
    T* const powers = dynamic_shared<T>();
    if (threadIdx.x == 0) {
        const double steps = step - last_step[row];  // those missed, and this one
        powers[0] = pow(rho, steps);
        powers[1] = pow(momentum, steps);
        powers[2] = geometric(momentum, steps - 1);
        last_step[row] = step;
    }
    __syncthreads();
    const T decay = powers[0], kept = powers[1], owed = powers[2], fresh = 1 - rho, rate = learning_rate;
    const T inside_root = epsilon_inside ? epsilon : 0, outside_root = epsilon_inside ? 0 : epsilon;
    for (int column = threadIdx.x; inside(column, columns); column += blockDim.x) {
        const Index i = row * columns + column;
        const T gradient = sums[Index(blockIdx.x) * columns + column];
        T variance = accumulator[i] = accumulator[i] * decay + fresh * (gradient * gradient);
        if (mean_gradient) {
            const T mean = mean_gradient[i] = mean_gradient[i] * decay + fresh * gradient;
            variance -= mean * mean;
        }
        T moved = rate * gradient / (sqrt(variance + inside_root) + outside_root);
        if (velocity) {
            const T before = velocity[i];
            velocity[i] = before * kept + moved;
            moved = before * owed + velocity[i];
        }
        weights[i] -= moved;
    }
}

// One step of SGD, and those of gradient 0 that a row missed; velocity may be null.
template <class T>
__global__ void sgd_rows(T* weights, T* velocity, Id* last_step, const Id* rows, const T* sums, int columns, Id step,
                         double learning_rate, double momentum, int nesterov) {
    const Id row = rows[blockIdx.x];
    if (row < 0) return;
    T* const powers = dynamic_shared<T>();
    if (threadIdx.x == 0) {
        const double steps = step - last_step[row];
        powers[0] = pow(momentum, steps);
        powers[1] = geometric(momentum, steps - 1);
        last_step[row] = step;
    }
    __syncthreads();
    const T kept = powers[0], owed = powers[1], rate = learning_rate, ahead = momentum;
    for (int column = threadIdx.x; inside(column, columns); column += blockDim.x) {
        const Index i = row * columns + column;
        const T own = rate * sums[Index(blockIdx.x) * columns + column];
        if (!velocity) {
            weights[i] -= own;
            continue;
        }
        const T before = velocity[i], after = before * kept - own, moved = before * owed + after;
        velocity[i] = after;
        weights[i] += nesterov ? ahead * moved - own : moved;
    }
}
