// Back-propagation through time. The recurrence runs from the last step to the first in chunks of steps; after each
// chunk, while its pre-activation gradients are in the cache, come the products that the order of time does not bind:
// dx, and the weight gradients. Threads share the former by sequences of the batch, the latter by blocks of the
// gradient.
#include <algorithm>

#include "weight_gradients.hpp"

namespace rnnfast {

namespace {

// What a chunk of inputs, outputs and gradients should take of the second-level cache, in bytes; but at least so many
// rows, for the weight gradients are read and written once a chunk.
constexpr Index kChunkBytes = 256 * 1024;
constexpr Index kChunkRows = 256;

Index chunk_steps(const Sizes& s, Index element_bytes) {
    const Index row_bytes = (s.input_size + 2 * s.hidden_size) * element_bytes;
    const Index rows = std::max(kChunkRows, kChunkBytes / row_bytes);
    return std::min((rows + s.batch - 1) / s.batch, s.seq_len);
}

template <class T>
struct Buffers {
    Index steps;  // in a chunk
    PackedMatrix<T> w_ih, w_hh;
    const T** w_ih_rows;  // (H,)
    const T** w_hh_rows;  // (H,)
    T* zeros;             // (max(I, H),)
    T* carry;             // (B, H): dL/dh_t that comes from the steps after it
    T* product;           // (B, H), with lengths only: da W_hh, before it is known which sequences take it
    T* da;                // (steps, B, H), by step
    const T** x_rows;     // (steps, B)
    const T** h_rows;     // (steps, B)
    WeightGradients<T> weight_gradients;

    Buffers(Arena& arena, const Sizes& s, const KernelTable<T>& kernels, int threads, bool ragged)
        : steps(chunk_steps(s, sizeof(T))),
          w_ih(arena, kernels, kernels.panel_width(rows_at_once(s)), s.hidden_size, s.input_size),
          w_hh(arena, kernels, kernels.panel_width(s.batch), s.hidden_size, s.hidden_size),
          w_ih_rows(arena.take<const T*>(s.hidden_size)),
          w_hh_rows(arena.take<const T*>(s.hidden_size)),
          zeros(arena.take<T>(std::max(s.input_size, s.hidden_size))),
          carry(arena.take<T>(s.batch * s.hidden_size)),
          product(arena.take<T>(ragged ? s.batch * s.hidden_size : 0)),
          da(arena.take<T>(steps * s.batch * s.hidden_size)),
          x_rows(arena.take<const T*>(steps * s.batch)),
          h_rows(arena.take<const T*>(steps * s.batch)),
          weight_gradients(arena, s, kernels, steps * s.batch, threads, zeros) {}
};

template <class T>
class Backward {
   public:
    Backward(const Sizes& s, const KernelTable<T>& kernels, const BackwardArrays<T>& arrays, const Buffers<T>& buffers)
        : s_(s), kernels_(kernels), a_(arrays), buffers_(buffers) {
        std::fill_n(buffers_.zeros, std::max(s_.input_size, s_.hidden_size), T(0));
        for (Index k = 0; k < s_.hidden_size; ++k) {
            buffers_.w_ih_rows[k] = a_.w_ih + k * s_.input_size;
            buffers_.w_hh_rows[k] = a_.w_hh + k * s_.hidden_size;
        }
    }

    void run(Member& member) const {
        const Index ih_panels = buffers_.w_ih.panels.count;
        member.share(ih_panels + buffers_.w_hh.panels.count, [&](Index p) {
            if (p < ih_panels)
                buffers_.w_ih.pack_rows(kernels_, buffers_.w_ih_rows, p);
            else
                buffers_.w_hh.pack_rows(kernels_, buffers_.w_hh_rows, p - ih_panels);
        });
        const Index blocks = member.team_size();
        for (Index end = s_.seq_len; end > 0; end -= std::min(end, buffers_.steps)) {
            const Index begin = std::max<Index>(0, end - buffers_.steps);
            member.share(blocks, [&](Index block) { run_block(begin, end, Range(s_.batch, blocks, block)); });
            const ChunkRows<T> chunk{(end - begin) * s_.batch, buffers_.da, buffers_.x_rows, buffers_.h_rows,
                                     end == s_.seq_len};
            buffers_.weight_gradients.add(chunk, a_, member);
        }
    }

   private:
    // The steps [begin, end) of the sequences `rows`: da and dx, and at the first step dh0.
    void run_block(Index begin, Index end, Range rows) const {
        if (end == s_.seq_len) start_carry(rows);
        for (Index step = end - 1; step >= begin; --step) {
            T* da = buffers_.da + ((step - begin) * s_.batch + rows.begin) * s_.hidden_size;
            a_.lengths ? ragged_step(s_.time(step), rows, da) : plain_step(s_.time(step), rows, da);
            point_at_rows(step, rows, (step - begin) * s_.batch);
        }
        input_gradient(begin, end, rows);
        if (begin == 0)
            std::copy_n(buffers_.carry + at(0, rows.begin), rows.size() * s_.hidden_size, a_.dh0 + at(0, rows.begin));
    }

    void start_carry(Range rows) const {
        T* carry = buffers_.carry + at(0, rows.begin);
        const Index count = rows.size() * s_.hidden_size;
        a_.dh_n ? std::copy_n(a_.dh_n + at(0, rows.begin), count, carry) : std::fill_n(carry, count, T(0));
    }

    Index at(Index t, Index row) const { return (t * s_.batch + row) * s_.hidden_size; }

    bool masked(Index t, Index row) const { return a_.lengths && t >= a_.lengths[row]; }

    // da := (dy_t + carry) * f'(y_t), then `product` := da W_hh
    void differentiate(Index t, Range rows, T* da) const {
        const T* dy = a_.dy ? a_.dy + at(t, rows.begin) : nullptr;
        kernels_.differentiate[s_.activation](dy, buffers_.carry + at(0, rows.begin), a_.y + at(t, rows.begin), da,
                                              rows.size() * s_.hidden_size);
    }

    void propagate(Range rows, const T* da, T* product) const {
        multiply<T>(kernels_, 1, rows.size(), {da, 0, s_.hidden_size}, buffers_.w_hh, {buffers_.zeros, 0, 0},
                    {product + at(0, rows.begin), 0, s_.hidden_size});
    }

    void plain_step(Index t, Range rows, T* da) const {
        differentiate(t, rows, da);
        if (s_.cut(t, s_.seq_len))
            std::fill_n(buffers_.carry + at(0, rows.begin), rows.size() * s_.hidden_size, T(0));
        else
            propagate(rows, da, buffers_.carry);
    }

    // A masked step hands the gradient of its state on as it is.
    void ragged_step(Index t, Range rows, T* da) const {
        differentiate(t, rows, da);
        for (Index row = rows.begin; row < rows.end; ++row)
            if (masked(t, row)) std::fill_n(da + (row - rows.begin) * s_.hidden_size, s_.hidden_size, T(0));
        propagate(rows, da, buffers_.product);
        for (Index row = rows.begin; row < rows.end; ++row) {
            T* carry = buffers_.carry + at(0, row);
            if (masked(t, row)) continue;
            if (s_.cut(t, a_.lengths[row]))
                std::fill_n(carry, s_.hidden_size, T(0));
            else
                std::copy_n(buffers_.product + at(0, row), s_.hidden_size, carry);
        }
    }

    // Which x and h_{t-1} belong to the rows of da of one step.
    void point_at_rows(Index step, Range rows, Index first) const {
        const Index t = s_.time(step);
        for (Index row = rows.begin; row < rows.end; ++row) {
            const bool starts = step == 0 || masked(s_.time(step - 1), row);
            const T* h = starts ? (a_.h0 ? a_.h0 + at(0, row) : buffers_.zeros) : a_.y + at(s_.time(step - 1), row);
            const bool none = masked(t, row);
            buffers_.x_rows[first + row] = none ? buffers_.zeros : a_.x + (t * s_.batch + row) * s_.input_size;
            buffers_.h_rows[first + row] = none ? buffers_.zeros : h;
        }
    }

    // dx_t := da_t W_ih for the steps [begin, end)
    void input_gradient(Index begin, Index end, Range rows) const {
        const Index step = s_.batch * s_.input_size;
        multiply<T>(
            kernels_, end - begin, rows.size(),
            {buffers_.da + at(0, rows.begin), s_.batch * s_.hidden_size, s_.hidden_size}, buffers_.w_ih,
            {buffers_.zeros, 0, 0},
            {a_.dx + s_.time(begin) * step + rows.begin * s_.input_size, s_.reverse ? -step : step, s_.input_size});
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const BackwardArrays<T>& a_;
    const Buffers<T>& buffers_;
};

}  // namespace

template <class T>
void rnn_backward(const Sizes& sizes, const KernelTable<T>& kernels, TeamSize team, const BackwardArrays<T>& arrays) {
    const bool ragged = arrays.lengths;
    Workspace workspace(bytes_of<Buffers<T>>(sizes, kernels, team.threads, ragged));
    Arena arena(workspace.memory());
    const Buffers<T> buffers(arena, sizes, kernels, team.threads, ragged);
    const Backward<T> backward(sizes, kernels, arrays, buffers);
    run_team(team, [&](Member& member) { backward.run(member); });
}

template void rnn_backward(const Sizes&, const KernelTable<float>&, TeamSize, const BackwardArrays<float>&);
template void rnn_backward(const Sizes&, const KernelTable<double>&, TeamSize, const BackwardArrays<double>&);

}  // namespace rnnfast
