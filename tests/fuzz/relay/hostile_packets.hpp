// What hostile neighbours and clients send to one relay: packets that are made once for each relay,
// with all their layers, so that an input costs little. One thread.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "relay/core/keyring.hpp"
#include "sphinx/base/codec.hpp"
#include "sphinx/stream/header.hpp"
#include "tests/unit/client_network.hpp"

namespace nightjar::fuzz {

/// What a packet asks of the relay that gets it.
enum class Ask : std::uint8_t {
    forward,        // as the law says
    forward_long,   // its delay is above the cap
    forward_huge,   // its delay fits into no clock
    forward_wrong,  // to a relay of the wrong layer
    forward_none,   // to a relay that is not listed
    mailbox,        // of a client
    exit,           // a session's message
    own_loop,       // that this relay never sent
    drop_cover,
    nowhere,  // to another relay's identity, as an exit message
    count
};

struct MadePacket {
    base::Bytes body;       // as the relay gets it
    base::Bytes forwarded;  // as the next relay gets it, if there is one
    std::optional<packet::Forward> forward;
    std::uint8_t epoch = 0;
};

class HostilePackets {
 public:
    static constexpr std::uint8_t copies = 12;

    HostilePackets() { network_.document->parameters.lab = true; }

    client_test::Network& network() { return network_; }
    const directory::Document& document() const { return *network_.document; }

    base::MailboxId client(std::uint8_t number) const {
        base::MailboxId id;
        id.bytes.fill(static_cast<std::uint8_t>(0xc0 + number));
        return id;
    }

    /// The same arguments give the same packet. `next_epoch`: for the next epoch's key.
    const MadePacket& make(const directory::Relay& at, Ask ask, std::uint8_t copy,
                           bool next_epoch) {
        auto& made = made_[{at.identity, ask, copy, next_epoch}];
        if (made.body.empty()) made = build(at, ask, copy, next_epoch);
        return made;
    }

    std::shared_ptr<const relay::core::MixKeyPair> key(const directory::Relay& at,
                                                       base::Epoch epoch) {
        auto pair = std::make_shared<relay::core::MixKeyPair>();
        pair->epoch = epoch;
        pair->keys.secret = secret(at.identity, epoch.low_byte()).copy();
        pair->keys.public_key = packet::public_key_of(pair->keys.secret);
        return pair;
    }

    /// Carries a packet that has left `at` back to it, as it came from the relay before; empty if
    /// its way ends elsewhere.
    struct Returned {
        base::NodeId from;
        base::Bytes body;
    };
    std::optional<Returned> carry_back(const base::NodeId& at, base::NodeId next,
                                       base::ByteView body, std::uint8_t epoch) {
        Returned on_way{next, {body.begin(), body.end()}};
        for (std::size_t hop = 0; hop < packet::max_hops; ++hop) {
            if (next == at) return on_way;
            const auto opened =
                packet::unwrap(on_way.body, secret(next, epoch), packet::packet_size);
            const auto* forward = opened ? std::get_if<packet::Forward>(&opened->what) : nullptr;
            if (forward == nullptr) return std::nullopt;
            on_way.from = next;
            next = forward->next;
        }
        return std::nullopt;
    }

 private:
    const packet::SecretKey& secret(const base::NodeId& of, std::uint8_t epoch) const {
        return network_.secrets.at(of).at(epoch);
    }

    /// One relay that stands `steps` steps behind `at` in the cycle of layers.
    const directory::Relay& behind(const directory::Relay& at, unsigned steps,
                                   std::uint8_t copy) const {
        const auto layer = (at.layer + steps) % 4;
        std::vector<const directory::Relay*> there;
        for (const auto& relay : document().relays)
            if (relay.layer == layer && relay.identity != at.identity) there.push_back(&relay);
        return *there[copy % there.size()];
    }

    MadePacket build(const directory::Relay& at, Ask ask, std::uint8_t copy, bool next_epoch) {
        const auto cap = static_cast<std::uint64_t>(document().parameters.delay_cap().count());
        std::uint64_t delay = copy % 3 * cap / 2;
        if (ask == Ask::forward_long) delay = cap + 1;
        if (ask == Ask::forward_huge) delay = ~std::uint64_t{0} - copy;
        std::vector<packet::Hop> hops;
        const auto add = [&](const directory::Relay& relay) {
            hops.push_back(
                {relay.identity, next_epoch ? relay.next_mix_key : relay.mix_key, delay});
        };
        add(at);
        if (ask <= Ask::forward_none) add(behind(at, ask == Ask::forward_wrong ? 2 : 1, copy));
        if (ask == Ask::forward_none) hops.back().address.bytes.fill(0xee);
        if (ask == Ask::forward) add(behind(at, 2, copy));
        const auto [destination, identifier] = end_of(at, ask, copy);
        const auto built =
            packet::build(packet::Version::v260, hops, destination, identifier, message(ask, copy),
                          packet::payload_size, packet::HeaderRandomness::draw(network_.random));
        MadePacket made;
        made.body = *built;
        made.epoch = (next_epoch ? document().epoch.next() : document().epoch).low_byte();
        made.forwarded = *built;
        const auto opened =
            packet::unwrap(made.forwarded, secret(at.identity, made.epoch), packet::packet_size);
        if (const auto* forward = std::get_if<packet::Forward>(&opened->what))
            made.forward = *forward;
        return made;
    }

    std::pair<base::Destination, base::SurbId> end_of(const directory::Relay& at, Ask ask,
                                                      std::uint8_t copy) const {
        base::SurbId one;
        one.bytes.fill(static_cast<std::uint8_t>(1 + copy));
        switch (ask) {
            case Ask::exit:
                return {base::Destination{at.identity.bytes}, {}};
            case Ask::own_loop:
                return {base::Destination{at.identity.bytes}, one};
            case Ask::drop_cover:
                return {};
            case Ask::nowhere:
                return {base::Destination{behind(at, 1, copy).identity.bytes}, {}};
            default:
                return {base::Destination{client(copy % 3).bytes}, one};
        }
    }

    /// A session's message, with SURBs and a pace; every fifth is malformed.
    base::Bytes message(Ask ask, std::uint8_t copy) const {
        base::Bytes message(stream::message_size, copy);
        if (ask != Ask::exit || copy % 5 == 4) return message;
        stream::UpHeader header;
        header.session.bytes.fill(static_cast<std::uint8_t>(1 + copy % 3));
        header.surb_count = 5;
        header.surb_epoch = document().epoch.low_byte();
        header.number = 1 + copy;
        header.schedule = {.sequence = 1, .pace_milli = 40'000};
        std::fill(message.begin(), message.end(), std::uint8_t{0});
        stream::encode(header, message);
        for (std::size_t i = 0; i < header.surb_count; ++i)
            message[stream::up_header_size + i * stream::surb_size] =
                static_cast<std::uint8_t>(copy + i);
        return message;
    }

    client_test::Network network_{2, 3};
    std::map<std::tuple<base::NodeId, Ask, std::uint8_t, bool>, MadePacket> made_;
};

}  // namespace nightjar::fuzz
