// The authorities that agree, and how many of them decide.
//
// Up to n - quorum authorities may be faulty in any way. Then any two quorums share an honest
// authority, and the honest ones alone are a quorum.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sphinx/base/ids.hpp"
#include "sphinx/directory/quorum.hpp"

namespace nightjar::relay::authority::core {

/// A document has room for so many signatures (docs/directory.md).
inline constexpr std::size_t authorities_max = 64;

struct Council {
    base::NetworkId network;
    std::vector<base::NodeId> authorities;  // sorted, without duplicates, 1 to authorities_max
    std::size_t quorum = 0;                 // directory::signatures_needed(n)

    static Council of(const directory::Anchors& anchors);

    std::size_t size() const { return authorities.size(); }
    /// Among so many authorities at least one is honest.
    std::size_t one_honest() const { return size() - quorum + 1; }
    /// The place of an authority in the list; nullopt if it is none.
    std::optional<std::size_t> index_of(const base::NodeId& authority) const;
    /// Whose turn it is to propose.
    const base::NodeId& proposer(base::Epoch epoch, std::uint32_t round) const;
};

}  // namespace nightjar::relay::authority::core
