#include "relay/authority/core/weights.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace nightjar::relay::authority::core {

void set_weights(std::span<const Offer> offers) {
    std::map<directory::Role, std::vector<std::uint32_t>> of_role;
    for (const auto& [relay, announced, open] : offers) {
        relay->capacity = open ? announced : std::min(relay->capacity, announced);
        if (!open) of_role[relay->role].push_back(relay->capacity);
    }
    std::map<directory::Role, std::uint64_t> medians;
    for (auto& [role, capacities] : of_role) {
        const auto middle =
            capacities.begin() + static_cast<std::ptrdiff_t>((capacities.size() - 1) / 2);
        std::nth_element(capacities.begin(), middle, capacities.end());
        medians[role] = *middle;
    }
    for (const auto& [relay, announced, open] : offers) {
        const auto median = medians.find(relay->role);
        const auto most = median == medians.end() ? 1 : median->second * (open ? 1 : weight_most);
        relay->capacity =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(relay->capacity, most));
    }
}

}  // namespace nightjar::relay::authority::core
