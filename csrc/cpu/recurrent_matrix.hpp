// The recurrent weights as the right-hand operand of every step's product: one matrix; or a block of it for each head,
// whose units depend on that head's state alone; or, where every unit is a head, a diagonal.
#pragma once

#include "product.hpp"
#include "recurrence.hpp"

namespace rnnfast {

template <class T>
class RecurrentMatrix {
   public:
    RecurrentMatrix(Arena& arena, const Sizes& s, const KernelTable<T>& kernels)
        : s_(s),
          kernels_(kernels),
          blocks_(arena, kernels, kernels.panel_width(s.batch, s.head_size()), s.head_size(), s.head_size(), 1,
                  s.diagonal() ? 0 : s.heads),
          diagonal_(arena.take<T>(s.diagonal() ? s.hidden_size : 0)) {}

    // What is packed of w_hh, (heads, H / heads, H / heads): for products with it, or with the transpose of each block.
    Index packing_tasks() const { return s_.diagonal() ? 1 : s_.heads * blocks_.panels.count; }
    void pack(const T* w_hh, Index task) const {
        if (s_.diagonal()) return copy_diagonal(w_hh);
        block(task).pack(kernels_, weights(w_hh, task), task % blocks_.panels.count);
    }
    void pack_transposed(const T* w_hh, Index task) const {
        if (s_.diagonal()) return copy_diagonal(w_hh);
        block(task).pack_transposed(kernels_, weights(w_hh, task), task % blocks_.panels.count);
    }

    // c = init + a * what was packed, for rows of H columns
    void multiply(Index rows, Rows<const T> a, Rows<const T> init, Rows<T> c) const {
        if (s_.heads == 1) return rnnfast::multiply<T>(kernels_, 1, rows, a, blocks_, init, c);
        if (s_.diagonal()) {
            for (Index r = 0; r < rows; ++r, a.data += a.row, init.data += init.row, c.data += c.row)
                kernels_.multiply_diagonal(diagonal_, a.data, init.data, c.data, s_.hidden_size);
            return;
        }
        for (Index head = 0; head < s_.heads; ++head) {
            rnnfast::multiply<T>(kernels_, 1, rows, a, blocks_.matrix(head), init, c);
            a.data += s_.head_size(), init.data += s_.head_size(), c.data += s_.head_size();
        }
    }

   private:
    // Of a packing task: its block, and the weights that go into it.
    PackedMatrix<T> block(Index task) const { return blocks_.matrix(task / blocks_.panels.count); }
    const T* weights(const T* w_hh, Index task) const {
        return w_hh + task / blocks_.panels.count * s_.head_size() * s_.head_size();
    }
    void copy_diagonal(const T* w_hh) const { std::copy_n(w_hh, s_.hidden_size, diagonal_); }

    const Sizes& s_;
    const KernelTable<T>& kernels_;
    PackedMatrix<T> blocks_;  // one after another
    T* diagonal_;             // (H,)
};

}  // namespace rnnfast
