// How long the two ends of a stream keep a byte whose packet was lost (docs/stream.md, Windows).
#pragma once

#include "sphinx/directory/parameters.hpp"

namespace nightjar::directory {

/// The longest of the ordinary cases, a loss on the way up: the loss shows in a reply that left
/// answer_after later, once that is settled. The byte goes out again, and is acknowledged by a
/// reply that is settled too. Two seconds are added for delays that are longer than usual: without
/// it a download stood still for 2 % of its time at a loss of 1 %. In whole seconds: 11 with the
/// default parameters.
inline base::Seconds repair_time(const Parameters& parameters) {
    constexpr base::Seconds longer_than_usual{2};
    return std::chrono::ceil<base::Seconds>(parameters.answer_after(parameters.replies) +
                                            2 * parameters.settle_after() +
                                            parameters.mean_round_trip() + longer_than_usual);
}

}  // namespace nightjar::directory
