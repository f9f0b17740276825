// The variant `stationary`: each member of a party owns some hidden units of all sequences, so that its weights stay in
// its own cache from step to step, and the party meets at every step. For few sequences, or more threads than
// sequences.
#pragma once

#include "product.hpp"
#include "recurrence.hpp"

namespace rnnfast {

// The panels of hidden units that one member owns, and their columns.
struct Share {
    Range panels;
    Index first, columns;

    Share(const Panels& all, const Party& party)
        : panels(all.count, party.size, party.rank),
          first(all.first_column(panels.begin)),
          columns(std::min(all.columns, all.first_column(panels.end)) - first) {}
    bool empty() const { return panels.size() == 0; }
};

}  // namespace rnnfast
