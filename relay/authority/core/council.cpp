#include "relay/authority/core/council.hpp"

#include <algorithm>

namespace nightjar::relay::authority::core {

Council Council::of(const directory::Anchors& anchors) {
    return {directory::network_id(anchors), anchors.authorities,
            directory::signatures_needed(anchors.authorities.size())};
}

std::optional<std::size_t> Council::index_of(const base::NodeId& authority) const {
    const auto found = std::lower_bound(authorities.begin(), authorities.end(), authority);
    if (found == authorities.end() || *found != authority) return std::nullopt;
    return static_cast<std::size_t>(found - authorities.begin());
}

const base::NodeId& Council::proposer(base::Epoch epoch, std::uint32_t round) const {
    return authorities[(std::uint64_t{epoch.value} + round) % authorities.size()];
}

}  // namespace nightjar::relay::authority::core
