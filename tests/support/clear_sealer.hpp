// A client's packets in clear, for tests that play the exit themselves.
#pragma once

#include <algorithm>
#include <optional>

#include "client/core/sealer.hpp"
#include "sphinx/packet/geometry.hpp"
#include "sphinx/stream/header.hpp"

namespace nightjar::test {

/// Builds packets in clear: a byte that is 1 for the exit and 0 for a loop, and behind a header's
/// room the message.
struct ClearSealer : client::core::Sealer {
    bool forward(std::span<const packet::Hop>, const base::Destination&, base::ByteView message,
                 base::Random&, base::ByteSpan out) override {
        out[0] = 1;
        std::copy(message.begin(), message.end(), out.begin() + packet::header_size);
        return true;
    }
    std::optional<packet::MadeSurb> surb(std::span<const packet::Hop>, const base::Destination&,
                                         const base::SurbId& identifier, base::Random&) override {
        std::optional<packet::MadeSurb> made{std::in_place};
        std::copy(identifier.bytes.begin(), identifier.bytes.end(), made->surb.begin());
        made->recovery.identifier = identifier;
        return made;
    }
    bool reply(const packet::Surb&, base::ByteView, base::ByteSpan out) override {
        out[0] = 0;
        return true;
    }
    std::optional<base::Bytes> recover(const packet::SurbKeys&, base::ByteView payload) override {
        return base::Bytes(payload.begin(), payload.begin() + stream::message_size);
    }
};

}  // namespace nightjar::test
