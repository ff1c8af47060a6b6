// The names of all nodes, by number and the other way round. Every cell that is sent asks for one
// among ten thousand, none of which lies in a cache: here the way from name to number is one line
// of memory and the name itself, where std::unordered_map takes a line more and an allocation each.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "sphinx/base/ids.hpp"

namespace nightjar::simulation {

/// Either end of a link.
using Peer = std::variant<base::NodeId, base::MailboxId>;

class PeerTable {
 public:
    /// Its number is how many there were before it. False if the name is taken.
    bool add(const Peer& peer);
    std::optional<std::uint32_t> find(const Peer& peer) const;
    const Peer& operator[](std::uint32_t number) const { return peers_[number]; }

 private:
    struct Place {
        std::uint32_t hash;
        std::uint32_t next_number = 0;  // one more than the number; 0: the place is free
    };
    std::size_t place_of(const Peer& peer) const;
    void grow();

    std::vector<Peer> peers_;
    std::vector<Place> places_;  // a power of two, at most half of them taken; none at first
};

}  // namespace nightjar::simulation
