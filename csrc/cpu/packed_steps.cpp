#include "packed_steps.hpp"

#include <numeric>

#include "profiler.hpp"

namespace rnnfast {

PackedSteps::PackedSteps(const Steps& all, const ValidSteps& valid, Index begin, Index end)
    : steps_(end - begin),
      all_(all.batch),
      stride_(all.reverse ? -all.batch : all.batch),
      start_(all.reverse ? (steps_ - 1) * all.batch : 0),
      sequences_(all.batch) {
    const PhaseTimer timer(Phase::kPacking);
    std::iota(sequences_.begin(), sequences_.end(), 0);
    if (!valid) {
        count_ = steps_, batch_ = all_;
        return;
    }
    const Index first_time = first_row(all, begin, end) / all_;
    const auto for_valid = [&](auto&& f) {
        for (Index step = 0, row = start_; step < steps_; ++step, row += stride_)
            for (Index sequence = 0; sequence < all_; ++sequence)
                if (valid(first_time + row / all_, sequence, all_)) f(row + sequence, sequence);
    };
    std::vector<Index> lengths(all_);
    for_valid([&](Index, Index sequence) { ++lengths[sequence]; });
    std::stable_sort(sequences_.begin(), sequences_.end(), [&](Index a, Index b) { return lengths[a] > lengths[b]; });
    batch_ = std::count_if(lengths.begin(), lengths.end(), [](Index length) { return length > 0; });
    count_ = lengths[sequences_[0]];
    offsets_.assign(count_ + 1, 0);
    std::vector<Index> place(all_);  // where the next valid step of each sequence goes, as a row of its packed step
    for (Index rank = 0; rank < batch_; ++rank) {
        place[sequences_[rank]] = rank;
        ++offsets_[lengths[sequences_[rank]]];
    }
    // offsets_[n] counts the sequences of n steps; from the longest on, the rows of a step are those that have it.
    for (Index step = count_ - 1; step > 0; --step) offsets_[step] += offsets_[step + 1];
    std::partial_sum(offsets_.begin(), offsets_.end(), offsets_.begin());
    source_.resize(offsets_.back());
    std::fill(lengths.begin(), lengths.end(), 0);
    for_valid([&](Index row, Index sequence) { source_[offsets_[lengths[sequence]++] + place[sequence]] = row; });
}

}  // namespace rnnfast
