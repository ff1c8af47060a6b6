// Any bytes as a SURB, as a message for one and as a reply's payload; and the round trip.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "sphinx/base/codec.hpp"
#include "sphinx/packet/packet.hpp"
#include "sphinx/packet/payload.hpp"
#include "sphinx/packet/surb.hpp"
#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using namespace nightjar::packet;

namespace {
fuzz::Depth recovered{"a reply recovered"};
fuzz::Depth all_hops{"a reply recovered behind as many hops as there can be"};
fuzz::Depth used_raw{"bytes used as a SURB"};

/// Always the same nodes: their tables are made once, so that the inputs' time goes into SURBs.
struct Nodes {
    Nodes() {
        base::SeededRandom random{1};
        for (std::size_t i = 0; i < max_hops; ++i) {
            pairs.push_back(generate_key_pair(random));
            route.push_back({random.id<base::NodeId>(), pairs.back().public_key, i});
        }
    }
    std::vector<KeyPair> pairs;
    std::vector<Hop> route;
};

bool same(const base::Result<base::Bytes, Error>& read,
          const base::Result<base::ByteView, Error>& expected) {
    return read.has_value() == expected.has_value() &&
           (!read || std::equal(read->begin(), read->end(), expected->begin(), expected->end()));
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    base::Reader reader{{data, size}};
    const std::size_t payload = reader.u16() % 700;
    const std::size_t hops = 1 + reader.u8() % max_hops;
    base::SeededRandom random{reader.u8()};
    const auto input = reader.bytes(reader.remaining());

    const auto used = use_surb(input, input.first(std::min<std::size_t>(input.size(), 9)), payload);
    require(!used || input.size() == surb_size);
    if (used) used_raw.reach();

    static const Nodes nodes;
    const auto route = std::span{nodes.route}.first(hops);
    const auto pairs = std::span{nodes.pairs}.first(hops);
    const auto made = make_surb(route, random.id<base::Destination>(), random.id<base::SurbId>(),
                                HeaderRandomness::draw(random));
    require(made.has_value());
    // What no replier has sealed reads as nothing. With a single hop the owner's layers cancel out:
    // that hop has opened the reply, and its payload is read as it stands.
    require(hops == 1 ? same(recover(made->recovery, input), read_message(input))
                      : !recover(made->recovery, input));
    auto held = HeldSurb::from(made->surb);
    auto reply = held->use(input, payload);
    const auto again = held->use(input, payload);
    require(!again && again.error() == (reply ? Error::surb_spent : Error::bad_length));
    require(reply.has_value() ==
            (payload >= payload_size_min && input.size() + payload_overhead <= payload));
    if (!reply) return 0;
    for (const auto& pair : pairs)
        require(unwrap(reply->packet, pair.secret, reply->packet.size()).has_value());
    const auto read = recover(made->recovery, base::ByteView{reply->packet}.subspan(header_size));
    require(read && std::equal(read->begin(), read->end(), input.begin(), input.end()));
    recovered.reach();
    if (hops == max_hops) all_hops.reach();
    return 0;
}
