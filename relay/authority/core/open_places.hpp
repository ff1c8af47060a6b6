// Which relays may be listed that no operator has admitted (docs/directory.md, "Open admission").
//
// Such a relay has all its addresses in one prefix: an IPv4 /24 or an IPv6 /48. Each prefix has a
// few places, and the network has a bounded number in all. Who was described longest keeps its
// place. With one prefix for each relay, what a claim gets does not depend on the order in which
// claims come: one that gets no place among some claims gets none among more.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "relay/authority/core/listing.hpp"
#include "sphinx/base/ip.hpp"
#include "sphinx/directory/descriptor.hpp"

namespace nightjar::relay::authority::core {

/// Agreed by configuration. Zeros: only admitted relays are listed.
struct OpenBounds {
    std::uint32_t per_prefix = 0;
    std::uint32_t relays = 0;
    bool open() const { return per_prefix > 0 && relays > 0; }
    bool operator==(const OpenBounds&) const = default;
};
/// Strangers' blocks of so many relays, each as large as a block may be, take a quarter of a
/// document.
inline constexpr std::uint32_t open_relays_max = 200;

/// The places that are left beside the admitted relays: a value has a bounded number of
/// descriptors.
OpenBounds places_beside(const Admissions& list, OpenBounds bounds);

/// The prefix of an address.
base::IpNetwork open_prefix(const base::IpAddress& address);
/// The prefix that all addresses of the relay are in; nullopt: they are in several.
std::optional<base::IpNetwork> open_prefix(const directory::Relay& relay);

struct OpenClaim {
    base::NodeId identity;
    base::IpNetwork prefix;
    base::Epoch since;  // first described
};
/// What a descriptor claims; nullopt: its relay is admitted, expelled or unreachable by the list,
/// or has addresses in several prefixes. `since`: its own epoch.
std::optional<OpenClaim> claim_of(const directory::Descriptor& descriptor, const Admissions& list);
/// Those that get a place. Precondition: the identities differ.
std::set<base::NodeId> share_places(std::vector<OpenClaim> claims, const OpenBounds& bounds);

/// Counts places that are taken.
class OpenPlaces {
 public:
    explicit OpenPlaces(const OpenBounds& bounds) : bounds_{bounds} {}
    /// False: there is no place left for this prefix.
    bool take(const base::IpNetwork& prefix);

 private:
    OpenBounds bounds_;
    std::uint32_t taken_ = 0;
    std::map<base::IpNetwork, std::uint32_t> of_prefix_;
};

}  // namespace nightjar::relay::authority::core
