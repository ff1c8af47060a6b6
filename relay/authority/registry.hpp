// Which descriptors count, and the document that follows from them. Pure: no file, clock or socket;
// one thread.
//
// Of each admitted relay the newest descriptor counts, by its own `made`, for this epoch and the
// next. A descriptor that names a key of another relay's is refused: the first one holds it.
//
// Where admission is open, other relays may be listed too, within bounds (core/open_places.hpp). Of
// these the first descriptor for an epoch counts. Those that have one for the epoch before keep
// their places.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "relay/authority/admitted.hpp"
#include "relay/authority/core/open_places.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/directory/descriptor.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::authority {

/// Why a descriptor does not count: an HTTP status, and a line for the relay's operator.
struct Refusal {
    unsigned status;
    std::string reason;
};

class Registry {
 public:
    explicit Registry(const core::OpenBounds& open = {}) : open_{open} {}

    /// Replaces the list. Descriptors of relays that are no longer on it do not count any more.
    void admit(AdmittedList list);
    const AdmittedList& admitted() const { return admitted_; }
    const std::set<base::NodeId>& expelled() const { return expelled_; }
    bool lists(const base::NodeId& relay) const { return places_.contains(relay); }
    /// Grows with each change of the list and each descriptor that is taken: what build() returns
    /// depends on nothing else.
    std::uint64_t changes() const { return changes_; }

    struct Taken {
        base::Epoch epoch;
        base::NodeId identity;
        std::string name;  // of the relay, for people
        bool fresh;        // false: a descriptor with the same content was here already
        bool first;        // no descriptor of this relay for this epoch was here
    };
    /// `current`: the epoch by the authority's clock. `signed_epochs`: those whose document is
    /// signed, so that a descriptor comes too late. `from`: who sent it; nullopt: it was taken
    /// before, by an earlier process.
    base::Result<Taken, Refusal> offer(std::string_view text, base::Epoch current,
                                       const std::set<base::Epoch>& signed_epochs,
                                       const std::optional<base::IpAddress>& from = {});
    /// The admitted relays that are not in the document and have no descriptor for its epoch here:
    /// a sentence each, which says why the last one was refused. Without those of `described`,
    /// which have given other authorities one.
    std::vector<std::string> unlisted(const directory::Document& document,
                                      const std::set<base::NodeId>& described) const;
    /// Forgets the descriptors of earlier epochs.
    void forget_before(base::Epoch first);

    /// The relays that this authority cannot reach: build() leaves them out.
    void state_unreachable(const std::set<base::NodeId>& relays);
    bool states_unreachable() const { return !unreachable_.empty(); }

    /// The relays that have a descriptor for this epoch.
    std::set<base::NodeId> described(base::Epoch epoch) const;
    /// True if every admitted relay has one.
    bool complete(base::Epoch epoch) const;

    enum class Unreachable { left_out, listed };
    struct Draft {
        directory::Document document;       // sorted, without signatures
        std::vector<std::string> left_out;  // one sentence for each relay with a descriptor
    };
    /// Puts the relays into `document`, which has all else. A relay that would break the document
    /// is left out, in the order of admission: an address of another one's, or an operator or
    /// family with two positions. Relays with open places come last.
    Draft build(directory::Document document, Unreachable which = Unreachable::left_out,
                bool strangers = true) const;

 private:
    using Entries = std::map<base::NodeId, directory::Descriptor>;

    struct Refused {
        base::Epoch epoch;
        std::string reason;
    };

    const Admitted* find(const base::NodeId& identity) const;
    bool is_old(const directory::Relay& stranger, base::Epoch epoch) const;
    std::optional<Refusal> stranger_refusal(const directory::Descriptor& descriptor,
                                            const std::optional<base::IpAddress>& from) const;
    std::vector<directory::Relay> candidates(base::Epoch epoch, bool strangers) const;
    base::Result<Taken, Refusal> take(directory::Descriptor descriptor, base::Epoch current,
                                      const std::set<base::Epoch>& signed_epochs);

    core::OpenBounds open_;
    AdmittedList admitted_;
    std::set<base::NodeId> expelled_;
    std::uint64_t changes_ = 0;
    std::map<base::NodeId, std::size_t> places_;  // in admitted_
    std::map<base::Epoch, Entries> epochs_;
    std::set<base::NodeId> unreachable_;
    std::map<base::NodeId, Refused> refused_;  // the last refusal of an admitted relay
};

}  // namespace nightjar::relay::authority
