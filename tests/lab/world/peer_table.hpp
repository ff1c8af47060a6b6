// Maps the names of all nodes to numbers and back. Every cell that is sent looks up one of ten
// thousand names, and none of them is in the cache. A lookup here reads one cache line and the name
// itself; std::unordered_map reads one line more and allocates per entry.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "sphinx/base/ids.hpp"

namespace nightjar::lab::world {

/// Either end of a link.
using Peer = std::variant<base::NodeId, base::MailboxId>;

class PeerTable {
 public:
    /// Adds a name. Its number is the count of names before it. False if the name is taken.
    bool add(const Peer& peer);
    std::optional<std::uint32_t> find(const Peer& peer) const;
    const Peer& operator[](std::uint32_t number) const { return peers_[number]; }

 private:
    struct Bucket {
        std::uint32_t hash;
        std::uint32_t next_number = 0;  // the number plus one; 0: the place is free
    };
    std::size_t place_of(const Peer& peer) const;
    void grow();

    std::vector<Peer> peers_;
    std::vector<Bucket> places_;  // size: a power of two; at most half are taken; empty at first
};

}  // namespace nightjar::lab::world
