// The weight gradients of a chunk of steps, as blocked products over its rows r = (step, sequence):
//   dW_ih += sum_r da_r^T x_r,   dW_hh += sum_r da_r^T h_{r-1},   db += sum_r da_r
// Shared out by blocks of the gradients: every element has one owner, which sums it in the order of the rows.
#pragma once

#include "product.hpp"
#include "recurrence.hpp"
#include "thread_pool.hpp"

namespace rnnfast {

// The rows of one chunk, by number of row. A masked row has da = 0 and points at zeros.
template <class T>
struct ChunkRows {
    Index count;
    const T* da;        // (count, H)
    const T* const* x;  // count rows (I,)
    const T* const* h;  // count rows (H,): h_{t-1}
    bool first;         // the gradients hold nothing yet
};

template <class T>
class WeightGradients {
   public:
    WeightGradients(Arena& arena, const Sizes& s, const KernelTable<T>& kernels, Index most_rows, int threads,
                    const T* zeros)
        : s_(s),
          kernels_(kernels),
          zeros_(zeros),
          x_panels_(kernels.vector_len, kernels.panel_width(s.hidden_size), s.input_size),
          h_panels_(kernels.vector_len, kernels.panel_width(s.hidden_size), s.hidden_size),
          panel_elements_(kBlockRows * kMaxPanelWidth * kernels.vector_len),
          group_elements_(s.hidden_size > kGroup ? most_rows * (kGroup + kGroupPadding) : 0),
          lost_(arena.take<T>(s.hidden_size)),
          panels_(arena.take<T>(threads * panel_elements_)),
          groups_(arena.take<T>(threads * group_elements_)) {}

    // Every row must be complete.
    void add(const ChunkRows<T>& rows, const BackwardArrays<T>& arrays, Member& member) const {
        const Index per_group = x_panels_.count + h_panels_.count;
        Group g{-1, 0, nullptr, 0};
        member.share((s_.hidden_size + kGroup - 1) / kGroup * per_group, [&](Index task) {
            const Index first = task / per_group * kGroup, panel = task % per_group;
            if (g.first != first) g = gather(rows, first, member.id);
            if (panel == 0) add_bias(rows, g, arrays.db);
            if (panel < x_panels_.count)
                add_panel(rows, rows.x, g, x_panels_, panel, arrays.dw_ih, member.id);
            else
                add_panel(rows, rows.h, g, h_panels_, panel - x_panels_.count, arrays.dw_hh, member.id);
        });
    }

   private:
    // Columns of da that are worked on together, and what their copy is padded with, so that a column does not fall
    // into a few cache sets.
    static constexpr Index kGroup = 128, kGroupPadding = 16;
    // Rows that are summed up before they are added to a gradient: few enough to stay in the first-level cache, and
    // sums over all rows lose less to rounding when they go in blocks.
    static constexpr Index kBlockRows = 128;

    struct Group {
        Index first, columns;
        const T* da;  // column `first` of row 0
        Index stride;
    };

    Group gather(const ChunkRows<T>& rows, Index first, int member) const {
        const Index columns = std::min(kGroup, s_.hidden_size - first);
        if (!group_elements_) return {first, columns, rows.da, s_.hidden_size};
        T* copy = groups_ + member * group_elements_;
        for (Index r = 0; r < rows.count; ++r)
            std::copy_n(rows.da + r * s_.hidden_size + first, columns, copy + r * (kGroup + kGroupPadding));
        return {first, columns, copy, kGroup + kGroupPadding};
    }

    void add_bias(const ChunkRows<T>& rows, const Group& g, T* db) const {
        T* lost = lost_ + g.first;
        if (rows.first) {
            std::fill_n(db + g.first, g.columns, T(0));
            std::fill_n(lost, g.columns, T(0));
        }
        kernels_.add_rows(g.da, g.stride, rows.count, g.columns, db + g.first, lost);
    }

    // gradient[g, panel] += sum_r da_r[g]^T operand_r[panel]
    void add_panel(const ChunkRows<T>& rows, const T* const* operand, const Group& g, const Panels& panels, Index panel,
                   T* gradient, int member) const {
        const int width = panels.width(panel);
        const Index first = panels.first_column(panel), columns = panels.columns_in(panel);
        T* packed = panels_ + member * panel_elements_;
        PanelProduct<T> block;
        block.outer = 1, block.rows = g.columns, block.a_outer = 0, block.a_row = 1, block.a_depth = g.stride;
        block.c = gradient + g.first * panels.columns + first, block.c_outer = 0, block.c_row = panels.columns;
        block.panel = packed, block.init_outer = 0, block.columns = columns, block.next = nullptr;
        for (Index r = 0; r < rows.count; r += kBlockRows) {
            block.depth = std::min(kBlockRows, rows.count - r);
            kernels_.pack_rows(operand + r, first, block.depth, columns, width, packed);
            const bool fresh = rows.first && r == 0;
            block.a = g.da + r * g.stride;
            block.init = fresh ? zeros_ : block.c;
            block.init_row = fresh ? 0 : block.c_row;
            kernels_.multiply_transposed[width - 1](block);
        }
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const T* zeros_;  // (max(I, H),)
    Panels x_panels_, h_panels_;
    Index panel_elements_, group_elements_;
    T* lost_;    // (H,): what rounding took from db
    T* panels_;  // a block of a packed panel for each member
    T* groups_;  // a copy of a group of columns of da for each member, where H exceeds one group
};

}  // namespace rnnfast
