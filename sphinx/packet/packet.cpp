#include "sphinx/packet/packet.hpp"

#include <algorithm>

#include "sphinx/packet/draft.hpp"
#include "sphinx/packet/payload.hpp"

namespace nightjar::packet {

base::Result<std::vector<Hop>, Error> make_route(std::span<const base::NodeId> addresses,
                                                 std::span<const PublicKey> keys,
                                                 std::span<const std::uint64_t> delays_ns) {
    if (addresses.empty() || addresses.size() > max_hops || keys.size() != addresses.size() ||
        delays_ns.size() != addresses.size())
        return base::Fail{Error::bad_route};
    std::vector<Hop> route;
    for (std::size_t i = 0; i < addresses.size(); ++i)
        route.push_back({addresses[i], keys[i], delays_ns[i]});
    return route;
}

HeaderRandomness HeaderRandomness::draw(base::Random& random) {
    HeaderRandomness drawn;
    random.fill(drawn.initial_secret.span());
    random.fill(drawn.final_padding);
    return drawn;
}

base::Result<base::Bytes, Error> build(Version version, std::span<const Hop> route,
                                       const base::Destination& destination,
                                       const base::SurbId& identifier, base::ByteView message,
                                       std::size_t payload_size,
                                       const HeaderRandomness& randomness) {
    if (!fits(message.size(), payload_size)) return base::Fail{Error::bad_length};
    DraftJob job{.version = version,
                 .route = route,
                 .destination = destination,
                 .identifier = identifier,
                 .randomness = &randomness};
    draft_batch({&job, 1});
    if (!job.outcome) return base::Fail{job.outcome.error()};
    return seal(*job.outcome, message, payload_size);
}

base::Result<Opened, Error> unwrap(base::ByteSpan packet, const SecretKey& key,
                                   std::size_t packet_size) {
    UnwrapJob job{.packet = packet, .key = &key};
    unwrap_batch({&job, 1}, packet_size);
    return job.outcome;
}

}  // namespace nightjar::packet
