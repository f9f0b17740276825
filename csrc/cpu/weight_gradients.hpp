// The weight gradients of a chunk of steps, as blocked products over its rows r = (step, sequence):
//   dW_ih += sum_r da_r^T x_r,   dW_hh += sum_r da_r^T h_{r-1},   db += sum_r da_r
// where the options of the cell may put other rows in their places: CellRows.
// Shared out by blocks of the gradients: every element has one owner, which sums it in the order of the rows. Of dW_hh
// there are those blocks alone that W_hh has.
#pragma once

#include "product.hpp"
#include "recurrence.hpp"

namespace rnnfast {

// The rows of the steps [begin, end): by step, within it by sequence.
template <class T>
class ChunkRows {
   public:
    ChunkRows(const Sizes& s, const BackwardArrays<T>& arrays, const T* zeros, Index begin, Index end, const T* da,
              Index da_row, CellRows<T> cell)
        : count(arrays.steps.before(end) - arrays.steps.before(begin)),
          first(end == arrays.steps.count && !arrays.db_lost),
          da(da),
          da_row(da_row),
          cell(cell),
          s_(s),
          a_(arrays),
          steps_(arrays.steps),
          zeros_(zeros),
          begin_(arrays.steps.before(begin)) {}

    const Index count;
    const bool first;   // the gradients hold nothing yet
    const T* const da;  // (count, da_row), of which H are used
    const Index da_row;
    const CellRows<T> cell;

    // The operand of a weight's gradient, (count, columns): x, or h_{t-1} as it enters the product.
    enum Operand { kInput, kPreviousState };
    Index columns(Operand operand) const { return operand == kInput ? s_.input_size : s_.hidden_size; }

    // Pointers to `n` of its rows from row r on.
    void point_at(Operand operand, Index r, Index n, const T** rows) const {
        Index step = steps_.step_of(begin_ + r), row = begin_ + r - steps_.before(step);
        for (Index i = 0; i < n; ++step, row = 0) {
            const Rows<const T> of_step = rows_of(operand, step, r + i - row);
            for (; row < steps_.rows(step) && i < n; ++row, ++i) rows[i] = of_step.data + row * of_step.row;
        }
    }

    // The rows [r, r + n) where they follow one another in memory and `beyond` elements more may be read, else null.
    const T* dense(Operand operand, Index r, Index n, Index beyond) const {
        const Index step = steps_.step_of(begin_ + r), last = steps_.step_of(begin_ + r + n - 1);
        const bool state = operand == kPreviousState;
        if (state && cell.entering)
            return (count - r - n) * columns(operand) < beyond ? nullptr : cell.entering + r * columns(operand);
        if (steps_.reverse && step != last) return nullptr;
        if (state && (step == 0 || steps_.rows(step - 1) != steps_.rows(last))) return nullptr;
        const Index first = steps_.first(step - state) + begin_ + r - steps_.before(step);
        if ((steps_.before(steps_.count) - first - n) * columns(operand) < beyond) return nullptr;
        return (state ? a_.y : a_.x) + first * columns(operand);
    }

   private:
    // Those of a step, which begins with row r.
    Rows<const T> rows_of(Operand operand, Index step, Index r) const {
        const Index h = s_.hidden_size;
        if (operand == kInput) return {a_.x + steps_.first(step) * s_.input_size, 0, s_.input_size};
        if (cell.entering) return {cell.entering + r * h, 0, h};
        if (step > 0) return {a_.y + steps_.first(step - 1) * h, 0, h};
        return a_.h0 ? Rows<const T>{a_.h0, 0, h} : Rows<const T>{zeros_, 0, 0};
    }

    const Sizes& s_;
    const BackwardArrays<T>& a_;
    const Steps& steps_;
    const T* zeros_;  // (max(I, H),)
    Index begin_;     // the rows of the steps before
};

template <class T>
class WeightGradients {
   public:
    WeightGradients(Arena& arena, const Sizes& s, const KernelTable<T>& kernels, const BackwardArrays<T>& arrays,
                    Index most_rows, int threads, const T* zeros)
        : s_(s),
          kernels_(kernels),
          a_(arrays),
          zeros_(zeros),
          most_columns_(kernels.packing.left     ? kPackedGroup
                        : threads <= kFewThreads ? kGroup
                                                 : kGroup / 2),
          block_rows_(block_rows(kernels)),
          heads_(std::clamp(most_columns_ / s.head_size(), Index(1), s.heads)),
          parts_((heads_ * s.head_size() + most_columns_ - 1) / most_columns_),
          x_panels_(kernels.vector_len, width(s.hidden_size), s.input_size),
          h_panels_(kernels.vector_len, width(s.head_size()), s.head_size()),
          panel_elements_(block_rows_ * std::max(x_panels_.width(0), h_panels_.width(0)) * kernels.packing.len),
          group_elements_(copies() ? Packing<T>::whole(most_rows, kernels.packing.depth_unit) * copy_stride() : 0),
          lost_(arrays.db_lost ? arrays.db_lost : arena.take<T>(s.hidden_size)),
          gain_lost_(arrays.dgain_lost ? arrays.dgain_lost : arena.take<T>(arrays.dgain ? s.hidden_size : 0)),
          panels_(arena.take<T>(threads * panel_elements_)),
          groups_(arena.take<T>(threads * group_elements_)) {}

    // Rows that are summed up before they are added to a gradient.
    static Index block_rows(const KernelTable<T>& kernels) {
        return kernels.packing.left ? kPackedBlockRows : kBlockRows;
    }

    Index tasks() const { return (s_.heads + heads_ - 1) / heads_ * parts_ * per_group(); }

    // What a member keeps between its tasks of one chunk: the columns of da that it has copied.
    struct Group {
        Index first = -1, columns = 0;
        const T* da = nullptr;  // column `first` of row 0; or packed, block by block
        Index stride = 0;       // elements for each row
    };

    // One task of adding the rows up. Every row must be complete.
    void add(const ChunkRows<T>& rows, Index task, int member, Group& g) const {
        const Range columns = group_columns(task / per_group());
        const Index panel = task % per_group();
        if (g.first != columns.begin) g = gather(rows, columns, member);
        if (panel == 0) {
            add_rows(rows, g, rows.cell.da ? rows.cell.da : rows.da, a_.db, lost_);
            if (rows.cell.dgain) add_rows(rows, g, rows.cell.dgain, a_.dgain, gain_lost_);
        }
        if (panel < x_panels_.count)
            add_panel(rows, rows.kInput, g, 0, x_panels_, panel, a_.dw_ih, member);
        else if (s_.diagonal())
            add_diagonal(rows, g);
        else
            add_block(rows, g, panel - x_panels_.count, member);
    }

   private:
    // Columns of da that are worked on together, and what their copy is padded with, so that a column does not fall
    // into a few cache sets. An operand is packed once for each group; many threads share more of them more evenly.
    static constexpr Index kGroup = 256, kGroupPadding = 16;
    static constexpr int kFewThreads = 4;
    // More of them where they are packed for tiles, which are through with a packed panel sooner.
    static constexpr Index kPackedGroup = 512;
    // Few enough to stay in the first-level cache (packed for tiles: in the second), and sums over all rows lose less
    // to rounding when they go in blocks.
    static constexpr Index kBlockRows = 128, kPackedBlockRows = 256;
    // So few rows of a gradient read an operand where it is: a packed copy would not be used often enough.
    static constexpr Index kNotWorthPacking = 16;

    bool copies() const { return kernels_.packing.left || s_.hidden_size > most_columns_; }
    // Elements of a copied group for each row.
    Index copy_stride() const {
        const Packing<T>& packing = kernels_.packing;
        return packing.left ? Packing<T>::whole(std::min(most_columns_, s_.hidden_size), packing.row_unit) *
                                  packing.len / kernels_.vector_len
                            : most_columns_ + kGroupPadding;
    }

    // The panel width for so many rows of a gradient.
    int width(Index rows) const { return kernels_.panel_width(std::min(rows, most_columns_), block_rows_); }

    Index per_group() const { return x_panels_.count + (s_.diagonal() ? 1 : heads_ * h_panels_.count); }

    // Groups are of whole heads, or parts of one.
    Range group_columns(Index group) const {
        const Index step = heads_ * s_.head_size(), begin = group / parts_ * step;
        const Index first = begin + group % parts_ * most_columns_;
        return {first, std::min({first + most_columns_, begin + step, s_.hidden_size})};
    }

    Group gather(const ChunkRows<T>& rows, Range group, int member) const {
        const Index first = group.begin, columns = group.size();
        if (!copies()) return {first, columns, rows.da, rows.da_row};
        T* copy = groups_ + member * group_elements_;
        const Index stride = copy_stride();
        if (kernels_.packing.left_transposed) {
            for (Index r = 0; r < rows.count; r += block_rows_)
                kernels_.packing.left_transposed(rows.da + r * rows.da_row + first, rows.da_row, columns,
                                                 std::min(block_rows_, rows.count - r), copy + r * stride);
        } else {
            for (Index r = 0; r < rows.count; ++r)
                std::copy_n(rows.da + r * rows.da_row + first, columns, copy + r * stride);
        }
        return {first, columns, copy, stride};
    }

    // sums[g] += sum_r terms_r[g]
    void add_rows(const ChunkRows<T>& rows, const Group& g, const T* terms, T* sums, T* lost) const {
        if (rows.first) {
            std::fill_n(sums + g.first, g.columns, T(0));
            std::fill_n(lost + g.first, g.columns, T(0));
        }
        kernels_.add_rows(terms + g.first, rows.da_row, rows.count, g.columns, sums + g.first, lost + g.first);
    }

    // A panel of the block of one of the group's heads.
    void add_block(const ChunkRows<T>& rows, Group g, Index task, int member) const {
        const Index size = s_.head_size(), before = task / h_panels_.count * size;
        if (before >= g.columns) return;  // the last group may have fewer heads
        g.first += before, g.columns = std::min(size, g.columns - before), g.da += before;
        add_panel(rows, rows.kPreviousState, g, g.first / size * size, h_panels_, task % h_panels_.count, a_.dw_hh,
                  member);
    }

    // gradient[g] += sum_r da_r[g] h_{r-1}[g], element by element
    void add_diagonal(const ChunkRows<T>& rows, const Group& g) const {
        if (rows.first) std::fill_n(a_.dw_hh + g.first, g.columns, T(0));
        for (Index r = 0; r < rows.count; r += block_rows_) {
            const Index count = std::min(block_rows_, rows.count - r);
            const T* pointers[kPackedBlockRows];
            rows.point_at(rows.kPreviousState, r, count, pointers);
            kernels_.add_products(g.da + r * g.stride, g.stride, pointers, g.first, count, g.columns,
                                  a_.dw_hh + g.first);
        }
    }

    // gradient[g, panel] += sum_r da_r[g]^T operand_r[panel], for panels of the operand's columns from `from` on
    void add_panel(const ChunkRows<T>& rows, typename ChunkRows<T>::Operand operand, const Group& g, Index from,
                   const Panels& panels, Index panel, T* gradient, int member) const {
        const int width = panels.width(panel);
        const Index first = from + panels.first_column(panel), full = width * kernels_.vector_len;
        T* packed = panels_ + member * panel_elements_;
        PanelProduct<T> block{};
        block.outer = 1, block.rows = g.columns, block.a_row = 1, block.a_depth = g.stride;
        block.c = gradient + g.first * panels.columns + panels.first_column(panel), block.c_row = panels.columns;
        block.columns = panels.columns_in(panel);
        for (Index r = 0; r < rows.count; r += block_rows_) {
            block.depth = std::min(block_rows_, rows.count - r);
            const bool in_place = g.columns <= kNotWorthPacking && !kernels_.packing.left;
            const T* dense = in_place ? rows.dense(operand, r, block.depth, full - block.columns) : nullptr;
            if (dense) {
                block.panel = dense + first, block.panel_row = rows.columns(operand);
            } else {
                const T* pointers[kPackedBlockRows];
                rows.point_at(operand, r, block.depth, pointers);
                kernels_.pack_rows(pointers, first, block.depth, block.columns, width, packed);
                block.panel = packed, block.panel_row = width * kernels_.packing.len;
            }
            const bool fresh = rows.first && r == 0;
            block.a = g.da + r * g.stride;
            block.init = fresh ? zeros_ : block.c;
            block.init_row = fresh ? 0 : block.c_row;
            kernels_.multiply_transposed[width - 1](block);
        }
    }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    const BackwardArrays<T>& a_;
    const T* zeros_;                         // (max(I, H),)
    const Index most_columns_, block_rows_;  // of a group, and of a block
    const Index heads_, parts_;              // heads of a group; or groups of a head
    Panels x_panels_, h_panels_;             // of the inputs, and of the states of a head
    Index panel_elements_, group_elements_;
    T* lost_;       // (H,): what rounding took from db
    T* gain_lost_;  // (H,), and from dgain
    T* panels_;     // a block of a packed panel for each member
    T* groups_;     // a copy of a group of columns of da for each member, where H exceeds one group
};

}  // namespace rnnfast
