#include "tests/lab/world/peer_table.hpp"

#include <algorithm>
#include <cstring>

namespace nightjar::lab::world {
namespace {

std::uint32_t hash_of(const Peer& peer) {
    // Ids are random in a simulation, so any word of an id is a good hash.
    const auto* mailbox = std::get_if<base::MailboxId>(&peer);
    const auto& bytes = mailbox ? mailbox->bytes : std::get_if<base::NodeId>(&peer)->bytes;
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    return word;
}

}  // namespace

/// The index of the name's place, or of the free place where it would be inserted.
std::size_t PeerTable::place_of(const Peer& peer) const {
    const auto hash = hash_of(peer);
    const auto mask = places_.size() - 1;
    const auto is_other = [&](const Bucket& place) {
        return place.next_number != 0 &&
               (place.hash != hash || peers_[place.next_number - 1] != peer);
    };
    auto at = hash & mask;
    while (is_other(places_[at]))
        at = (at + 1) & mask;
    return at;
}

bool PeerTable::add(const Peer& peer) {
    if (find(peer)) return false;
    peers_.push_back(peer);
    if (2 * peers_.size() > places_.size()) {
        grow();
    } else {
        places_[place_of(peer)] = {hash_of(peer), static_cast<std::uint32_t>(peers_.size())};
    }
    return true;
}

std::optional<std::uint32_t> PeerTable::find(const Peer& peer) const {
    if (places_.empty()) return std::nullopt;
    const auto& place = places_[place_of(peer)];
    if (place.next_number == 0) return std::nullopt;
    return place.next_number - 1;
}

void PeerTable::grow() {
    places_.assign(std::max<std::size_t>(16, 2 * places_.size()), Bucket{});
    for (std::uint32_t number = 0; number < peers_.size(); ++number)
        places_[place_of(peers_[number])] = {hash_of(peers_[number]), number + 1};
}

}  // namespace nightjar::lab::world
