// The document of an epoch, built by published rules (docs/directory.md, "What is built"): from the
// same descriptors, terms and history every authority builds the same bytes.
//
// No relay can hinder a document: what cannot be listed is left out, by name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "relay/authority/core/layers.hpp"
#include "relay/authority/core/listing.hpp"
#include "relay/authority/core/open_places.hpp"
#include "sphinx/directory/descriptor.hpp"

namespace nightjar::relay::authority::core {

/// Other parameters, from an epoch on. All operators configure them before that epoch, and its
/// document is the first that has them. The epoch's length stays.
struct ParameterChange {
    base::Epoch from;
    directory::Parameters parameters;
    bool operator==(const ParameterChange&) const = default;
};

/// The documents of so many epochs before a change announce it (a day of hours). Not earlier:
/// meanwhile the operators configure it one after the other, and their documents must be alike.
inline constexpr std::uint32_t announced_epochs = 24;

/// `configured`, and the line that announces the change in those epochs. Sorted.
directory::OptionalLines with_announcement(directory::OptionalLines configured,
                                           const std::optional<ParameterChange>& change,
                                           base::Epoch epoch);

/// What a document says beside its relays, and which relays it may list.
struct Terms {
    // Agreed by configuration: the same at every authority.
    std::string network;
    directory::Parameters parameters;
    std::optional<ParameterChange> change = {};
    std::vector<std::string> recommended_versions;
    directory::OptionalLines optional = {};  // sorted
    OpenBounds open;
    // Agreed in each value (listing.hpp).
    Admissions admitted;

    const directory::Parameters& parameters_of(base::Epoch epoch) const {
        return change && epoch >= change->from ? change->parameters : parameters;
    }
    directory::OptionalLines optional_of(base::Epoch epoch) const {
        return with_announcement(optional, change, epoch);
    }
};

/// What is remembered of a relay from one document to the next.
struct RelayRecord {
    base::NodeId identity;
    base::Epoch since;       // first described in a value
    base::Epoch last;        // last described
    std::uint8_t layer = 0;  // 0: a gateway, or a mix that waits
    bool operator==(const RelayRecord&) const = default;
};
/// Sorted by identity.
using Roster = std::vector<RelayRecord>;
/// nullptr: there is none.
const RelayRecord* find(const Roster& roster, const base::NodeId& relay);
/// An admitted relay that was not listed for so many epochs begins anew: a week of hours. A relay
/// that has an open place begins anew when a value is without it, so such relays cannot make the
/// roster grow.
inline constexpr std::uint32_t forgotten_after = 168;

/// A relay that is in the roster keeps the place that it has.
std::optional<OpenClaim> claim_of(const directory::Descriptor& descriptor, const Admissions& list,
                                  const Roster& roster);

struct Built {
    directory::Document document;       // sorted, without signatures
    Roster roster;                      // for the next epoch
    std::vector<std::string> left_out;  // a sentence each, sorted
};

/// A mix that was in no value before is only recorded, and listed from the next epoch on: then its
/// layer follows from secrets that were revealed after its identity was fixed. `at_once` shows what
/// the document would be if it did not wait.
enum class NewMixes { wait, at_once };

/// Uses the descriptors of `epoch`, in whatever order they come. When two name one key or address,
/// the relay that was listed first keeps it, and an admitted one before others. A relay's layer is
/// the network's choice, so the one in its descriptor is not used. Precondition: parse_descriptor()
/// made the descriptors.
Built build_document(const Terms& terms, base::Epoch epoch,
                     const std::vector<directory::Descriptor>& descriptors,
                     const std::optional<Randomness>& randomness, const Roster& roster,
                     NewMixes new_mixes = NewMixes::wait);

}  // namespace nightjar::relay::authority::core
