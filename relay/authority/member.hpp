// One of several authorities at work: takes descriptors, agrees with the others on each epoch's
// document, signs it and serves it. It reads and writes the state directory. One thread.
//
// core::Driver decides; this gives it time, files and the answers of the others.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "relay/authority/archive.hpp"
#include "relay/authority/core/driver.hpp"
#include "relay/authority/folder_disk.hpp"
#include "relay/authority/pages.hpp"
#include "relay/authority/reach.hpp"
#include "relay/authority/registry.hpp"
#include "relay/authority/settings.hpp"
#include "sphinx/node/config/evidence.hpp"
#include "sphinx/node/https/message.hpp"

namespace nightjar::relay::authority {

class Member {
 public:
    /// Goes on with what an earlier process left in the folder. Throws ConfigError, KeyError,
    /// std::system_error.
    Member(std::filesystem::path folder, Settings settings, node::config::AnchorsFile network,
           core::Moment now);

    /// Call it several times a second. An error such as a full disk is logged, and tried again at
    /// the next call.
    void tick(core::Moment now);

    /// What one authority alone answers (answers.hpp), and for the other authorities GET of
    /// /agreement, /agreement/descriptors/EPOCH and /agreement/object/HASH.
    node::https::Answer answer(const node::https::Request& request, core::Moment now);

    // For Peers, which asks the others. The texts are their answers, which may be anything.
    /// What else to ask that authority for.
    struct Wants {
        std::vector<core::DescriptorsHash> descriptors;
        std::set<core::ValueId> objects;
    };
    Wants take_bundle(const std::string& body, core::Moment now);
    void take_descriptors(const core::DescriptorsHash& its, const std::string& body,
                          core::Moment now);
    void take_object(const std::string& body, core::Moment now);
    /// The newest document, to ask another authority for its own: a request with its etag. Else
    /// what this authority has signed, if others have signed another document. nullopt if there is
    /// neither, if its epoch is not above `compared`, or if it cannot be read.
    struct Comparison {
        base::Epoch epoch;
        node::https::Request request;
    };
    std::optional<Comparison> comparison(std::optional<base::Epoch> compared);
    /// Another authority's document of an epoch; `from` names it in the log. One that is valid and
    /// differs from this authority's is kept as proof. If this authority has none, because it alone
    /// has signed another one, the log says in which line they differ, once for each epoch.
    void take_document(const std::string& from, const std::string& body);
    bool wants(const core::ValueId& object) const { return driver_.missing().contains(object); }
    bool busy() const { return driver_.busy(); }

    /// For what dials the relays of its documents.
    core::Reachability& tries() { return reach_.tries(); }
    Reach& reach() { return reach_; }

    const std::set<base::Epoch>& signed_epochs() const { return archive_.signed_epochs(); }

 private:
    base::Seconds length() const { return settings_.terms.parameters.epoch_length; }
    void state_list(core::Moment now);
    void keep_documents(base::Wall now);
    void log_notes();
    void log_difference(const std::string& from, const directory::Document& theirs);
    /// Runs what may fail because of the disk.
    template <class Work>
    void attempt(const Work& work);
    node::https::Answer take_descriptor(const std::string& text,
                                        const std::optional<base::IpAddress>& from,
                                        core::Moment now);
    node::https::Answer agreement_answer(const node::https::Request& request);

    std::filesystem::path folder_;
    Settings settings_;
    node::config::AnchorsFile network_;
    base::Secret<32> seed_;
    core::Council council_;
    core::Signer signer_;
    core::Terms terms_;
    Archive archive_;
    PageStore pages_;
    FolderDisk disk_;
    node::config::Evidence evidence_;
    core::Driver driver_;
    Registry registry_;
    Reach reach_;
    std::filesystem::file_time_type list_read_{};
    bool list_known_ = false;
    std::vector<directory::Document> unkept_;  // signed by a quorum, not on the disk yet
    std::string trouble_;                      // the last line that was logged about errors
    std::optional<base::Epoch> differs_;       // the last epoch of log_difference()
};

}  // namespace nightjar::relay::authority
