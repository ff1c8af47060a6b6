// A small network with its secret keys, for client tests that unwrap packets hop by hop.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/packet/packet.hpp"

namespace nightjar::client_test {

struct Network {
    explicit Network(std::size_t mixes_per_layer = 3, std::size_t gateways = 3) {
        document = std::make_shared<directory::Document>();
        document->network = "test";
        document->parameters.session_grid = std::chrono::seconds{1};
        document->epoch = directory::epoch_at(wall, document->parameters.epoch_length);
        for (std::uint8_t layer = 1; layer <= 3; ++layer)
            for (std::size_t i = 0; i < mixes_per_layer; ++i)
                add(directory::Role::mix, layer);
        for (std::size_t i = 0; i < gateways; ++i)
            gateway_ids.push_back(add(directory::Role::gateway, 0));
        std::sort(document->relays.begin(), document->relays.end(),
                  [](const auto& a, const auto& b) { return a.identity < b.identity; });
    }

    base::NodeId add(directory::Role role, std::uint8_t layer) {
        directory::Relay relay;
        relay.identity = random.id<base::NodeId>();
        relay.role = role;
        relay.layer = layer;
        relay.name = relay.operator_name = "relay-" + std::to_string(document->relays.size());
        if (role == directory::Role::gateway) relay.exit_policy = "accept *:*";
        auto now = packet::generate_key_pair(random);
        auto next = packet::generate_key_pair(random);
        relay.mix_key = now.public_key;
        relay.next_mix_key = next.public_key;
        secrets[relay.identity].emplace(document->epoch.low_byte(), std::move(now.secret));
        secrets[relay.identity].emplace(document->epoch.next().low_byte(), std::move(next.secret));
        document->relays.push_back(relay);
        return relay.identity;
    }

    /// A packet's route, and what its last hop reads.
    struct Walked {
        std::vector<base::NodeId> path;
        packet::Final end;
        base::Bytes payload;
    };
    Walked walk(base::NodeId at, base::ByteView packet, std::uint8_t epoch) {
        Walked walked;
        base::Bytes bytes(packet.begin(), packet.end());
        for (;;) {
            walked.path.push_back(at);
            const auto opened =
                packet::unwrap(bytes, secrets.at(at).at(epoch), packet::packet_size);
            if (!opened) throw std::runtime_error(packet::to_string(opened.error()));
            if (const auto* forward = std::get_if<packet::Forward>(&opened->what)) {
                at = forward->next;
                continue;
            }
            walked.end = std::get<packet::Final>(opened->what);
            walked.payload.assign(bytes.begin() + packet::header_size, bytes.end());
            return walked;
        }
    }
    /// A packet of no session.
    static bool is_filler(const Walked& walked) {
        const auto message = packet::read_message(walked.payload);
        return message && std::all_of(message->begin(), message->begin() + base::SessionId::size(),
                                      [](std::uint8_t byte) { return byte == 0; });
    }
    std::uint8_t layer(const base::NodeId& id) const { return document->find(id)->layer; }

    static cell::Cell delivery(const Walked& walked) {
        base::ByteArray<cell::body_size> body{};
        std::copy(walked.end.identifier.bytes.begin(), walked.end.identifier.bytes.end(),
                  body.begin());
        std::copy(walked.payload.begin(), walked.payload.end(), body.begin() + 16);
        return cell::Cell::packet(body, 0);
    }

    base::SeededRandom random{7};
    base::Wall wall{std::chrono::seconds{1'800'000'300}};
    base::Mono now{std::chrono::hours{1}};
    std::shared_ptr<directory::Document> document;
    std::map<base::NodeId, std::map<std::uint8_t, packet::SecretKey>> secrets;
    std::vector<base::NodeId> gateway_ids;
};

}  // namespace nightjar::client_test
