// Build, carry, read; then flip one bit of the header at one hop: that hop must refuse.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "sphinx/base/codec.hpp"
#include "sphinx/packet/packet.hpp"
#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using namespace nightjar::packet;

namespace {
fuzz::Depth read_at_the_end{"a message read at the last hop"};
fuzz::Depth all_hops{"a message read behind as many hops as there can be"};

/// Always the same nodes: their tables are made once, so that the inputs' time goes into packets.
struct Nodes {
    Nodes() {
        base::SeededRandom random{1};
        for (std::size_t i = 0; i < max_hops; ++i) {
            pairs.push_back(generate_key_pair(random));
            route.push_back({random.id<base::NodeId>(), pairs.back().public_key, 0});
        }
    }
    std::vector<KeyPair> pairs;
    std::vector<Hop> route;
};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    base::Reader reader{{data, size}};
    base::SeededRandom random{reader.u64()};
    const std::size_t hops = 1 + reader.u8() % max_hops;
    const std::size_t bit = reader.u16() % (8 * header_size);
    const std::size_t bad_hop = reader.u8() % hops;
    const auto version = reader.u8() & 1 ? Version::v259 : Version::v260;
    const std::size_t size_wanted = reader.u16() % 600;
    const auto message = reader.bytes(reader.remaining());

    static const Nodes nodes;
    const auto& pairs = nodes.pairs;
    std::vector<Hop> route(nodes.route.begin(),
                           nodes.route.begin() + static_cast<std::ptrdiff_t>(hops));
    for (auto& hop : route)
        hop.delay_ns = random.u64();
    const auto built =
        build(version, route, {}, {}, message, size_wanted, HeaderRandomness::draw(random));
    require(built.has_value() ==
            (size_wanted >= payload_size_min && message.size() + payload_overhead <= size_wanted));
    if (!built) return 0;
    auto packet = *built;
    for (std::size_t i = 0; i < hops; ++i) {
        if (i == bad_hop) {
            auto flipped = packet;
            flipped[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
            require(!unwrap(flipped, pairs[i].secret, packet.size()));
        }
        const auto opened = unwrap(packet, pairs[i].secret, packet.size());
        require(opened.has_value());
        require(std::holds_alternative<Final>(opened->what) == (i + 1 == hops));
    }
    const auto read = read_message(base::ByteView{packet}.subspan(header_size));
    require(read && std::equal(read->begin(), read->end(), message.begin(), message.end()));
    read_at_the_end.reach();
    if (hops == max_hops) all_hops.reach();
    return 0;
}
