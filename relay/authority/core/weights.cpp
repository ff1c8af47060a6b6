#include "relay/authority/core/weights.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace nightjar::relay::authority::core {

void set_weights(std::span<const Offer> offers) {
    std::map<directory::Role, std::vector<std::uint32_t>> of_role;
    for (const auto& [relay, announced] : offers) {
        relay->capacity = std::min(relay->capacity, announced);
        of_role[relay->role].push_back(relay->capacity);
    }
    for (auto& [role, capacities] : of_role) {
        const auto middle =
            capacities.begin() + static_cast<std::ptrdiff_t>((capacities.size() - 1) / 2);
        std::nth_element(capacities.begin(), middle, capacities.end());
        const auto most = weight_most * std::uint64_t{*middle};
        for (const auto& [relay, announced] : offers)
            if (relay->role == role)
                relay->capacity =
                    static_cast<std::uint32_t>(std::min<std::uint64_t>(relay->capacity, most));
    }
}

}  // namespace nightjar::relay::authority::core
