// The variant `lanes`: the batch in the lanes of the vectors, for few hidden units. A group is as many sequences as one
// panel has lanes; its states are a panel (H, lanes), which one step's product reads and the next one's writes, so that
// nothing is packed between steps and no lane idles however small H is.
#pragma once

#include <algorithm>

#include "product.hpp"
#include "recurrence.hpp"

namespace rnnfast {

// Beyond this many hidden units turning the arrays over costs more than it saves.
constexpr Index kMostLanesHidden = 64;

// The groups of the batch; one at least for each thread where there are vectors enough.
template <class T>
Panels lane_groups(const Sizes& s, const KernelTable<T>& kernels, int threads) {
    const Index vectors = (s.batch + kernels.vector_len - 1) / kernels.vector_len;
    const Index share = std::max<Index>(1, vectors / threads);
    const Index width = std::min<Index>(kernels.panel_width(s.hidden_size, s.hidden_size), share);
    return {kernels.vector_len, static_cast<int>(width), s.batch};
}

// c = init + W panel for all rows of W, on the lanes of a group: cut into blocks of the depth once, to be run at every
// step; the same blocks for any number of lanes, for they decide how sums are rounded. W is (rows, depth), or its
// transpose if `transposed`.
template <class T>
class GroupProduct {
   public:
    GroupProduct(const KernelTable<T>& kernels, bool transposed, const T* w, Index rows, Index depth, Index lanes)
        : kernel_(transposed ? kernels.multiply_transposed[lanes / kernels.vector_len - 1]
                             : kernels.multiply[lanes / kernels.vector_len - 1]),
          block_(block_depth(depth, kMaxPanelWidth * kernels.vector_len * Index(sizeof(T)))),
          left_(depth % block_ ? depth % block_ : block_),
          blocks_((depth + block_ - 1) / block_) {
        product_.outer = 1, product_.rows = rows, product_.columns = lanes;
        product_.a = w, product_.a_row = transposed ? 1 : depth, product_.a_depth = transposed ? rows : 1;
        product_.panel_row = product_.c_row = lanes;
    }

    void run(const T* panel, const T* init, Index init_row, T* c) const {
        PanelProduct<T> p = product_;
        p.panel = panel, p.init = init, p.init_row = init_row, p.c = c;
        for (Index i = 0; i < blocks_; ++i) {
            p.depth = i + 1 < blocks_ ? block_ : left_;
            kernel_(p);
            p.a += block_ * p.a_depth, p.panel += block_ * p.panel_row;
            p.init = c, p.init_row = p.c_row;
        }
    }

   private:
    void (*kernel_)(const PanelProduct<T>&);
    Index block_, left_, blocks_;
    PanelProduct<T> product_{};
};

// The lanes that so many sequences take: whole vectors.
template <class T>
Index lanes_for(Index sequences, const KernelTable<T>& kernels) {
    return (sequences + kernels.vector_len - 1) / kernels.vector_len * kernels.vector_len;
}

// A panel (rows, lanes) becomes one of other lanes in place; those that it gains are for the caller to fill.
template <class T>
void change_lanes(T* panel, Index rows, Index lanes, Index new_lanes) {
    if (new_lanes < lanes)
        for (Index k = 1; k < rows; ++k) std::copy_n(panel + k * lanes, new_lanes, panel + k * new_lanes);
    else
        for (Index k = rows - 1; k > 0; --k)
            std::copy_backward(panel + k * lanes, panel + (k + 1) * lanes, panel + k * new_lanes + lanes);
}

}  // namespace rnnfast
