// The state of a relay, as its operator sees it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace nightjar::relay::core {

enum class State : std::uint8_t {
    starting,
    active,
    not_listed,        // the document in use does not list this relay, or lists other keys of it
    document_expired,  // and no newer one has been found
    document_early,    // the clock was set back to before the document begins: no key is accepted
    clock_jumped,      // the wall clock was set by more than a minute, and it is not believed yet
    draining,
};
inline constexpr std::size_t state_count = 7;
inline constexpr std::array<const char*, state_count> state_names{
    "starting",       "active",       "not_listed", "document_expired",
    "document_early", "clock_jumped", "draining"};

}  // namespace nightjar::relay::core
