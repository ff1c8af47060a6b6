// A council of authorities with their keys, for tests.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "relay/authority/core/message.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/directory/signature.hpp"

namespace nightjar::test {

struct TestCouncil {
    relay::authority::core::Council council;
    /// In the council's order.
    std::vector<std::unique_ptr<relay::authority::core::Signer>> signers;
    std::vector<base::Secret<32>> seeds;  // their keys

    const relay::authority::core::Signer& signer(const base::NodeId& authority) const {
        return *signers[*council.index_of(authority)];
    }
};

/// The same seed gives the same keys.
inline TestCouncil make_council(std::size_t size, std::uint64_t seed) {
    base::SeededRandom random{seed};
    std::vector<std::pair<base::NodeId, base::Secret<32>>> keys;
    for (std::size_t i = 0; i < size; ++i) {
        base::Secret<32> key;
        random.fill(key.span());
        const auto id = directory::sign_text({}, key).authority;
        keys.emplace_back(id, std::move(key));
    }
    std::sort(keys.begin(), keys.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    directory::Anchors anchors;
    anchors.network = "test";
    for (const auto& [id, key] : keys)
        anchors.authorities.push_back(id);
    TestCouncil made{relay::authority::core::Council::of(anchors), {}, {}};
    for (auto& [id, key] : keys) {
        made.signers.push_back(
            std::make_unique<relay::authority::core::Signer>(made.council, key.copy()));
        made.seeds.push_back(std::move(key));
    }
    return made;
}

}  // namespace nightjar::test
