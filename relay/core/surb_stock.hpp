// The SURBs that an exit holds for one session, oldest first (docs/traffic-law.md section 2). A
// session's SURBs are the largest part of an exit's memory, so the room for them follows their
// number, up and down. Pure; one thread.
#pragma once

#include <boost/circular_buffer.hpp>
#include <cstdint>
#include <optional>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"
#include "sphinx/packet/surb.hpp"

namespace nightjar::relay::core {

struct StoredSurb {
    base::Secret<packet::surb_size> bytes;  // secret: its seed opens the outer layer of the reply
    std::uint8_t epoch = 0;                 // low byte of the epoch of its keys
};

/// True if every hop of a reply that leaves at `wall` will still accept the keys of this epoch.
bool surb_usable(std::uint8_t epoch_low_byte, const directory::Parameters& parameters,
                 base::Wall wall);

class SurbStock {
 public:
    /// The SURBs that one session may hold: the target S* twice, and some, because a change of pace
    /// brings extra SURBs. `most` is the operator's limit. At least 1 if `most` is.
    static std::size_t capacity_for(const directory::Parameters& parameters, std::size_t most);

    /// Stores a SURB as the newest. If there are already `capacity` or more, drops the oldest.
    /// Preconditions: surb.size() == packet::surb_size; capacity > 0.
    void push(base::ByteView surb, std::uint8_t epoch_low_byte, std::size_t capacity);
    /// Takes the oldest SURB that is usable at `wall`, and drops the unusable ones before it.
    /// nullopt: none is usable, and the stock is now empty.
    std::optional<StoredSurb> pop_usable(const directory::Parameters& parameters, base::Wall wall);

    std::size_t size() const { return surbs_.size(); }
    /// The memory in use, with the room that is kept for more SURBs.
    std::size_t bytes() const;

 private:
    boost::circular_buffer<StoredSurb> surbs_;  // oldest first
};

}  // namespace nightjar::relay::core
