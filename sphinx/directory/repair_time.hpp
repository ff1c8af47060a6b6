// How long the two ends of a stream keep a byte whose packet was lost (docs/stream.md, Windows).
#pragma once

#include "sphinx/directory/parameters.hpp"

namespace nightjar::directory {

/// The longest of the ordinary cases, a loss on the way up: the loss shows in a reply that left
/// answer_after later, once that is settled. The byte goes out again, and is acknowledged by a
/// reply that is settled too. In whole seconds: 9 with the default parameters.
inline base::Seconds repair_time(const Parameters& parameters) {
    return std::chrono::ceil<base::Seconds>(parameters.answer_after(parameters.replies) +
                                            2 * parameters.settle_after() +
                                            parameters.mean_round_trip());
}

}  // namespace nightjar::directory
