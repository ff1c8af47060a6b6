// How the keys of one epoch overlap those of the epochs beside it (docs/traffic-law.md section 5).
// In epochs of two minutes or more the times are those of parameters.hpp. Only a laboratory's
// network has shorter epochs. There all times are shorter by one factor, so each relation between
// them stays. The difference of clocks that a packet bears is shorter by the same factor.
#pragma once

#include <algorithm>

#include "sphinx/directory/parameters.hpp"

namespace nightjar::directory {

/// The shortest epoch of a network that gives anonymity.
inline constexpr base::Seconds epoch_length_least{120};
/// The shortest epoch of a laboratory's network. A relay holds the keys of two epochs ahead, and an
/// agreement takes some seconds.
inline constexpr base::Seconds lab_epoch_length_least{60};

struct KeyTimes {
    base::Milliseconds early;          // key_early
    base::Milliseconds made_for_next;  // of relays; clients draw from the next two
    base::Milliseconds made_for_next_min;
    base::Milliseconds made_for_next_max;
    base::Milliseconds clock_error;

    static constexpr KeyTimes of(base::Seconds epoch_length) {
        const auto part = [length =
                               std::min(epoch_length, epoch_length_least)](base::Seconds time) {
            return base::Milliseconds{time} * length.count() / epoch_length_least.count();
        };
        return {part(key_early), part(directory::made_for_next), part(directory::made_for_next_min),
                part(directory::made_for_next_max), part(directory::clock_error)};
    }
};

}  // namespace nightjar::directory
