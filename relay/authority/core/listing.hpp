// Which relays are admitted, by the lists of all operators (docs/directory.md, "Who is admitted").
// Each authority signs the hash of its own list. A value holds these statements and the lists, so
// what follows from it is the same everywhere, whatever the operators have changed since.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "relay/authority/core/message.hpp"

namespace nightjar::relay::authority::core {

/// What an operator says about a relay. `unlisted`: nothing.
enum class Standing : std::uint8_t { admitted, expelled, unlisted };

/// What an authority says about a relay. Only one that is admitted has an operator, a family and a
/// capacity. One that is unlisted is named if it cannot be reached: where admission is open it may
/// have a place.
struct Admission {
    base::NodeId identity;
    std::string operator_name;
    std::string family;          // empty: none
    std::uint32_t capacity = 1;  // its weight at most (weights.hpp)
    bool unreachable = false;    // this authority cannot reach it (reachability.hpp)
    Standing standing = Standing::admitted;
    bool operator==(const Admission&) const = default;
};
/// Sorted by identity, without duplicates.
using Admissions = std::vector<Admission>;

inline constexpr std::size_t admissions_max = 2000;
/// In a value. A document of 1 MiB lists fewer.
inline constexpr std::size_t descriptors_max = 2000;
inline constexpr std::size_t list_size_max =
    1 + 2 + admissions_max * (32 + 1 + 32 + 1 + 32 + 4 + 1);
/// Precondition: at most admissions_max, and each name is a word.
base::Bytes encode(const Admissions& list);
/// What the list says about a relay; nullptr: nothing.
const Admission* find(const Admissions& list, const base::NodeId& relay);
bool is_admitted(const Admissions& list, const base::NodeId& relay);
/// Strict: one encoding for each list.
std::optional<Admissions> parse_admissions(base::ByteView bytes);

/// An authority's statement about one epoch: this is my list. Of two the one made later counts.
struct Listing {
    base::NodeId authority;
    std::uint64_t made = 0;  // Unix seconds, by its clock
    ValueId list;            // value_id() of the encoded list
    base::ByteArray<64> signature{};
    bool operator==(const Listing&) const = default;
};
Listing make_listing(const Council& council, base::Epoch epoch, std::uint64_t made,
                     const ValueId& list, const base::Secret<32>& seed);
/// True if it is an authority's own, for this network and epoch.
bool verifies(const Listing& listing, const Council& council, base::Epoch epoch);

/// A relay is admitted if more than half of the lists name it, with the same operator and family.
/// Its capacity is the (lower) median of theirs. It is unreachable if a quorum of lists say so, so
/// faulty authorities alone cannot keep a relay out. A value has lists of a quorum, and fewer than
/// half of a quorum may be faulty: where the honest authorities say the same, that holds. A relay
/// is expelled if more than half of the lists say so.
Admissions combine(const std::vector<Admissions>& lists, std::size_t quorum);

}  // namespace nightjar::relay::authority::core
