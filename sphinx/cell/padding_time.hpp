// Network time in padding (docs/link.md): each padding cell of a gateway says what the gateway's
// clock reads, so that a client need not go by its own clock alone. Padding has its slot whatever
// it says, so this changes neither the length of a record nor when one leaves.
#pragma once

#include <optional>

#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"

namespace nightjar::cell {

/// Precondition: `time` is after 1970.
CellBox padding_that_says(base::Wall time);
/// Empty if the cell is no padding, says no time, says one that no clock can read (before 1970, or
/// after the year 10000), or has anything but zeros behind it.
std::optional<base::Wall> time_in(const Cell& cell);

}  // namespace nightjar::cell
