// A small network for unit tests: a document, the relays' secret keys, and packets through it.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "relay/core/keyring.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/packet/packet.hpp"

namespace nightjar::test {

inline constexpr base::Epoch epoch{2'000'000};
inline constexpr base::Mono start{std::chrono::hours{1}};

/// Three layers of two mixes and two gateways, both exits.
class Network {
 public:
    Network() {
        document_->network = "test";
        document_->epoch = epoch;
        document_->parameters.lab = true;
        document_->parameters.epoch_length = std::chrono::seconds{900};
        for (int i = 0; i < 8; ++i)
            add(i);
        std::sort(document_->relays.begin(), document_->relays.end(),
                  [](const auto& a, const auto& b) { return a.identity < b.identity; });
    }

    /// A time in the middle of the document's epoch.
    base::Wall wall() const {
        return directory::epoch_start(epoch, document_->parameters.epoch_length) +
               std::chrono::seconds{300};
    }
    std::shared_ptr<const directory::Document> document() const { return document_; }
    directory::Parameters& parameters() { return document_->parameters; }

    const directory::Relay& named(const std::string& name) const {
        for (const auto& relay : document_->relays)
            if (relay.name == name) return relay;
        throw std::out_of_range(name);
    }
    /// Names: "mix-1-0" to "mix-3-1", "gateway-0", "gateway-1".
    std::vector<const directory::Relay*> route(const std::vector<std::string>& names) const {
        std::vector<const directory::Relay*> relays;
        for (const auto& name : names)
            relays.push_back(&named(name));
        return relays;
    }

    std::shared_ptr<const relay::core::MixKeyPair> key(const directory::Relay& relay,
                                                       base::Epoch at) {
        const auto& secret = secrets_.at({relay.identity, at});
        auto pair = std::make_shared<relay::core::MixKeyPair>();
        pair->epoch = at;
        pair->keys.secret = secret.copy();
        pair->keys.public_key = packet::public_key_of(secret);
        return pair;
    }

    /// A packet cell with a route through `names`. Each relay except the last holds it for
    /// `delay_ns`.
    cell::CellBox packet(const std::vector<std::string>& names, std::uint64_t delay_ns,
                         const base::Destination& destination, const base::SurbId& identifier,
                         base::ByteView message = {}, base::Epoch at = epoch) {
        std::vector<packet::Hop> hops;
        for (const auto* relay : route(names))
            hops.push_back({relay->identity, *key_of(*relay, at), delay_ns});
        const auto built =
            packet::build(packet::Version::v260, hops, destination, identifier, message,
                          packet::payload_size, packet::HeaderRandomness::draw(random));
        REQUIRE(built);
        return std::make_unique<cell::Cell>(cell::Cell::packet(*built, at.low_byte()));
    }

    base::SeededRandom random{20'260};

 private:
    const base::MixKey* key_of(const directory::Relay& relay, base::Epoch at) const {
        return at == epoch ? &relay.mix_key : &relay.next_mix_key;
    }

    void add(int number) {
        const bool mix = number < 6;
        directory::Relay relay;
        relay.identity = random.id<base::NodeId>();
        relay.link_key = random.id<base::LinkKey>();
        relay.role = mix ? directory::Role::mix : directory::Role::gateway;
        relay.layer = mix ? static_cast<std::uint8_t>(1 + number / 2) : 0;
        relay.name =
            mix ? "mix-" + std::to_string(1 + number / 2) + "-" + std::to_string(number % 2)
                : "gateway-" + std::to_string(number - 6);
        relay.operator_name = "operator-" + std::to_string(number);
        relay.addresses = {{"127.0.0.1", static_cast<std::uint16_t>(9000 + number)}};
        if (!mix) relay.exit_policy = "accept *:*";
        relay.mix_key = make_key(relay.identity, epoch);
        relay.next_mix_key = make_key(relay.identity, epoch.next());
        document_->relays.push_back(relay);
    }

    base::MixKey make_key(const base::NodeId& relay, base::Epoch at) {
        auto pair = packet::generate_key_pair(random);
        secrets_[{relay, at}] = std::move(pair.secret);
        return pair.public_key;
    }

    std::shared_ptr<directory::Document> document_ = std::make_shared<directory::Document>();
    std::map<std::pair<base::NodeId, base::Epoch>, packet::SecretKey> secrets_;
};

}  // namespace nightjar::test
