#include "relay/authority/core/open_places.hpp"

#include <algorithm>
#include <tuple>

namespace nightjar::relay::authority::core {

namespace {

constexpr std::size_t v4_bytes = 3;  // a /24
constexpr std::size_t v6_bytes = 6;  // a /48

}  // namespace

base::IpNetwork open_prefix(const base::IpAddress& address) {
    const auto kept = address.v6 ? v6_bytes : v4_bytes;
    base::IpNetwork network{address, static_cast<int>(kept * 8)};
    std::fill(network.address.bytes.begin() + static_cast<std::ptrdiff_t>(kept),
              network.address.bytes.end(), std::uint8_t{0});
    return network;
}

std::optional<base::IpNetwork> open_prefix(const directory::Relay& relay) {
    std::optional<base::IpNetwork> prefix;
    for (const auto& at : relay.addresses) {
        const auto address = base::IpAddress::parse(at.host);
        if (!address) return std::nullopt;
        const auto its = open_prefix(*address);
        if (prefix && *prefix != its) return std::nullopt;
        prefix = its;
    }
    return prefix;
}

OpenBounds places_beside(const Admissions& list, OpenBounds bounds) {
    const auto admitted =
        static_cast<std::size_t>(std::count_if(list.begin(), list.end(), [](const auto& each) {
            return each.standing == Standing::admitted;
        }));
    const auto left = descriptors_max - std::min(admitted, descriptors_max);
    bounds.relays = std::min(bounds.relays, static_cast<std::uint32_t>(left));
    return bounds;
}

std::optional<OpenClaim> claim_of(const directory::Descriptor& descriptor, const Admissions& list) {
    const auto& relay = descriptor.relay;
    const auto prefix = open_prefix(relay);
    if (!prefix || find(list, relay.identity) != nullptr) return std::nullopt;
    return OpenClaim{relay.identity, *prefix, descriptor.epoch};
}

bool OpenPlaces::take(const base::IpNetwork& prefix) {
    auto& here = of_prefix_[prefix];
    if (taken_ >= bounds_.relays || here >= bounds_.per_prefix) return false;
    ++taken_;
    ++here;
    return true;
}

std::set<base::NodeId> share_places(std::vector<OpenClaim> claims, const OpenBounds& bounds) {
    std::sort(claims.begin(), claims.end(), [](const auto& a, const auto& b) {
        return std::tie(a.since, a.identity) < std::tie(b.since, b.identity);
    });
    OpenPlaces places{bounds};
    std::set<base::NodeId> placed;
    for (const auto& claim : claims)
        if (places.take(claim.prefix)) placed.insert(claim.identity);
    return placed;
}

}  // namespace nightjar::relay::authority::core
