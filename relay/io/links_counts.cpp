// What the links count, hold and say of it; nothing here acts.
#include <algorithm>
#include <utility>

#include "relay/io/links.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::relay::io {

namespace {

constexpr base::Seconds floods_said_every{3600};

}  // namespace

std::uint64_t Links::accept_pauses() const {
    std::uint64_t sum = 0;
    for (const auto& listener : listeners_)
        sum += listener->counts().out_of_resources;
    return sum;
}

HandshakeCounts Links::handshakes() const {
    auto all = dialled_;
    for (const auto& listener : listeners_) {
        const auto& counts = listener->counts();
        all.made += counts.answered;
        all.refused += counts.rate_limited + counts.evicted;
        all.failed.add(counts.failures);
    }
    return all;
}

void Links::say_floods(base::Mono now) {
    if (!floods_said_at_) floods_said_at_ = now;
    if (now - *floods_said_at_ < floods_said_every) return;
    floods_said_at_ = now;
    if (floods_said_ == floods_.of_clients) return;
    const auto count = floods_.of_clients - std::exchange(floods_said_, floods_.of_clients);
    node::process::log(
        node::process::Level::warning,
        "clients sent far above the law; links of theirs that were closed since the last such "
        "line: " +
            std::to_string(count));
}

void Links::list_holdings(base::Holdings& out) const {
    const auto& [executor, options, document, packed, identity, random, counters, tasks, owner,
                 listeners, dialled, outgoing, neighbours, from_relays, from_clients, places,
                 by_place, next_place, floods, floods_said, floods_said_at, closed] = *this;
    std::size_t handshakes = 0;
    std::size_t remembered = 0;
    for (const auto& listener : listeners) {
        handshakes += listener->handshakes();
        remembered += listener->remembered();
    }
    out.push_back(
        {"Links.outgoing", "neighbours", outgoing.size(),
         "a listed relay of the next layer; the keys of its TLS link, which open its cells "
         "since the last KeyUpdate, at most ten minutes before",
         false});
    out.push_back({"Links.neighbours", "neighbours", neighbours.size(),
                   "a listed relay of the layer before, and how many cells it sent lately", false});
    out.push_back({"Links.from_relays", "neighbours", from_relays.size(),
                   "a listed relay of the layer before; the keys of its TLS link, which open its "
                   "cells since the last KeyUpdate, at most ten minutes before",
                   false});
    out.push_back({"Links.from_clients", "clients", from_clients.size(),
                   "a connected client: the address of its socket; the keys of its TLS link, which "
                   "open its cells since the last KeyUpdate, at most ten minutes before"});
    out.push_back({"Links.places", "clients", std::max(places.size(), by_place.size()),
                   "the address prefix of a connected client"});
    out.push_back(
        {"Listener.handshakes", "clients", handshakes, "the address of a peer that is connecting"});
    out.push_back(
        {"Listener.rates", "clients", remembered,
         "for some seconds: a keyed hash of an address prefix that has connected, and when"});
}

}  // namespace nightjar::relay::io
