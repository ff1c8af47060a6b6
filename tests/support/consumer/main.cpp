// Sends a packet over three hops and a reply with a SURB, using the installed headers and library.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>

#include "sphinx/crypto/kernel.hpp"
#include "sphinx/packet/draft.hpp"
#include "sphinx/packet/packet.hpp"
#include "sphinx/packet/surb.hpp"

using namespace nightjar;
using namespace nightjar::crypto;
using namespace nightjar::packet;

namespace {

/// The payload as the last hop outputs it. Empty if a hop refuses the packet.
base::Bytes carry(base::Bytes packet, const std::vector<KeyPair>& pairs) {
    for (const auto& pair : pairs) {
        if (!unwrap(packet, pair.secret, packet_size)) return {};
    }
    return {packet.begin() + header_size, packet.end()};
}

}  // namespace

int main() {
    base::SystemRandom random;
    std::vector<KeyPair> pairs;
    std::vector<Hop> route;
    for (std::size_t i = 0; i < 3; ++i) {
        pairs.push_back(generate_key_pair(random));
        route.push_back({random.id<base::NodeId>(), pairs.back().public_key, 50'000'000});
    }
    const std::string text = "through an installed package";
    const auto message = base::as_bytes(text);
    const auto same = [&](base::ByteView read) {
        return std::equal(read.begin(), read.end(), message.begin(), message.end());
    };

    const auto built =
        build(Version::v260, route, random.id<base::Destination>(), random.id<base::SurbId>(),
              message, payload_size, HeaderRandomness::draw(random));
    if (!built) return std::puts(to_string(built.error())), 1;
    const auto payload = carry(*built, pairs);
    const auto read = read_message(payload);
    if (!read || !same(*read)) return std::puts("the packet does not come through"), 1;

    const auto made = make_surb(route, random.id<base::Destination>(), random.id<base::SurbId>(),
                                HeaderRandomness::draw(random));
    if (!made) return std::puts(to_string(made.error())), 1;
    auto held = HeldSurb::from(made->surb);
    const auto reply = held->use(message, payload_size);
    if (!reply) return std::puts(to_string(reply.error())), 1;
    const auto answer = recover(made->recovery, carry(reply->packet, pairs));
    if (!answer || !same(*answer)) return std::puts("the reply does not come back"), 1;
    std::printf("kernel %s: %zu bytes there and back\n", to_string(kernel()), text.size());
}
