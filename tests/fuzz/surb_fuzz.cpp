// Any bytes as a SURB, as a message for one and as a reply's payload; and the round trip.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "sphinx/base/codec.hpp"
#include "sphinx/packet/surb.hpp"

using namespace nightjar;
using namespace nightjar::packet;

namespace {
void require(bool holds) {
    if (!holds) std::abort();
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

    std::vector<KeyPair> pairs;
    std::vector<Hop> route;
    for (std::size_t i = 0; i < hops; ++i) {
        pairs.push_back(generate_key_pair(random));
        route.push_back({random.id<base::NodeId>(), pairs.back().public_key, i});
    }
    const auto made = make_surb(route, random.id<base::Destination>(),
                                random.id<base::Identifier>(), HeaderRandomness::draw(random));
    require(made.has_value());
    // Over one hop the relay takes off what the replier put on: nothing is left between the two,
    // so a payload that is a message in the clear is read as one.
    require(hops == 1 || !recover(made->recovery, input));
    auto reply = use_surb(made->surb, input, payload);
    require(reply.has_value() ==
            (payload >= payload_size_min && input.size() + payload_overhead <= payload));
    if (!reply) return 0;
    for (const auto& pair : pairs)
        require(unwrap(reply->packet, pair.secret, reply->packet.size()).has_value());
    const auto read = recover(made->recovery, base::ByteView{reply->packet}.subspan(header_size));
    require(read && std::equal(read->begin(), read->end(), input.begin(), input.end()));
    return 0;
}
