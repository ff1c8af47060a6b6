// An authority at work: takes descriptors, signs each epoch's document ahead of time, and answers
// requests for documents. Time is an argument, so a test can run many epochs in a moment. It reads
// and writes the state directory. One thread.
//
// When a document is signed: from half an epoch before its own begins, once every admitted relay
// has sent its descriptor. If one has not, once no descriptor has come for a while (settle_time).
// The document of the current epoch is signed in the same way if there is none, as in a new
// network or after an outage. A network that must not be signed (directory::lint) waits until it
// may be.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "relay/authority/archive.hpp"
#include "relay/authority/pages.hpp"
#include "relay/authority/reach.hpp"
#include "relay/authority/registry.hpp"
#include "relay/authority/settings.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/node/https/message.hpp"

namespace nightjar::relay::authority {

class Authority {
 public:
    /// Goes on with what an earlier process left in the folder. Throws ConfigError, KeyError,
    /// std::system_error.
    Authority(std::filesystem::path folder, Settings settings, base::Wall now);

    /// Call every second. Reads the list of admitted relays if it has changed, and signs what is
    /// due. An error such as a full disk is logged, and tried again at the next call.
    void tick(base::Wall now);

    /// POST /descriptor, GET or HEAD of what document_answer() answers.
    node::https::Answer answer(const node::https::Request& request, base::Wall now);

    /// For what dials the relays of its documents.
    core::Reachability& tries() { return reach_.tries(); }
    Reach& reach() { return reach_; }

    /// The epochs whose documents are signed.
    const std::set<base::Epoch>& signed_epochs() const { return archive_.signed_epochs(); }
    /// How often a document was built and examined since the start. That takes seconds with 1,000
    /// relays, so it must not happen again before something has changed.
    std::uint64_t drafts() const { return drafts_; }

 private:
    base::Seconds length() const { return settings_.terms.parameters.epoch_length; }
    base::Milliseconds settle_time() const;
    void read_list();
    bool due(base::Epoch epoch, base::Wall now) const;
    Registry::Draft draft(base::Epoch epoch) const;
    void sign(base::Epoch epoch, base::Wall now);
    void write_anchors(const directory::Document& document) const;
    void trouble(const std::string& line);

    node::https::Answer take_descriptor(const node::https::Request& request, base::Wall now);

    std::filesystem::path folder_;
    Settings settings_;
    base::Secret<32> seed_;
    base::NodeId authority_;
    base::LinkKey service_;
    Archive archive_;
    PageStore pages_;
    Registry registry_;
    Reach reach_;
    std::filesystem::file_time_type list_read_{};
    base::Wall started_;
    std::map<base::Epoch, base::Wall> last_change_;  // when a descriptor came for this epoch
    std::map<base::Epoch, std::uint64_t> refused_;   // registry_.changes() of a draft with problems
    std::uint64_t drafts_ = 0;
    std::string trouble_;  // the last line that was logged about errors
};

}  // namespace nightjar::relay::authority
