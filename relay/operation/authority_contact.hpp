// A relay's contact with its network's authorities: sends its descriptors, fetches the documents,
// and keeps them as files. It asks over HTTPS, by the key in the trust anchors. Where there are
// several authorities, it asks a second one for each document, and keeps two that differ as proof.
//
//     DOCUMENT         the document of this epoch, as DocumentFile reads it
//     DOCUMENT.next    that of the next epoch, until it begins
//
// I/O thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "relay/operation/authority_plan.hpp"
#include "relay/operation/clock_offset.hpp"
#include "sphinx/directory/quorum.hpp"
#include "sphinx/node/config/anchors_file.hpp"
#include "sphinx/node/config/evidence.hpp"
#include "sphinx/node/https/client.hpp"

namespace nightjar::relay::operation {

struct ContactOptions {
    node::config::AnchorsFile anchors;  // at least one service
    base::Seconds epoch_length;
    std::filesystem::path data_dir;  // descriptor, descriptor.next
    std::filesystem::path document;
    std::function<base::Wall()> now;    // the kept time
    std::function<void()> on_document;  // called after DOCUMENT was replaced
    node::config::Evidence* evidence;   // not null; outlives the contact
};

class AuthorityContact {
 public:
    AuthorityContact(boost::asio::any_io_executor executor, ContactOptions options);

    /// Runs until cancelled. An error of one step is logged and tried again.
    boost::asio::awaitable<void> run();

    /// For `status`: what the authority said last about the newest descriptor.
    struct Facts {
        std::string address;
        base::Epoch descriptor;  // 0: none was sent yet
        bool accepted = false;
        std::string said;                  // one line
        std::uint64_t fetch_failures = 0;  // requests for a document, since the start
    };
    const Facts& facts() const { return facts_; }
    /// How far the machine's clock is ahead of the authorities', by their last answers. nullopt:
    /// none has answered.
    std::optional<ClockOpinion> clock() const;
    std::optional<base::Milliseconds> clock_ahead() const;

 private:
    using Reply = base::Result<node::https::Reply, std::string>;

    /// Asks the authority whose turn it is.
    boost::asio::awaitable<Reply> ask(const node::https::Request& request,
                                      node::https::ClientLimits limits);
    boost::asio::awaitable<void> take(AuthorityPlan::Step step);
    boost::asio::awaitable<bool> send(base::Epoch epoch);
    boost::asio::awaitable<bool> fetch(base::Epoch epoch);
    /// Asks for the diff from the document that is here, if that is of the epoch before, and else,
    /// or if it is of no use, for the document. Empty: there is none.
    boost::asio::awaitable<std::string> document_text(base::Epoch epoch);
    boost::asio::awaitable<base::Result<node::https::Reply, std::string>> get(std::string target);
    boost::asio::awaitable<void> compare(const directory::Document& ours);
    void look_at_files();
    void begin_next(base::Wall now);
    void say(base::Epoch descriptor, bool accepted, std::string line);

    ContactOptions options_;
    base::SystemRandom random_;
    AuthorityPlan plan_;
    std::vector<node::https::Peer> peers_;
    std::size_t asked_ = 0;
    boost::asio::steady_timer timer_;
    std::optional<base::Wall> next_begins_;  // when DOCUMENT.next becomes DOCUMENT
    Facts facts_;
    ClockOffsets offsets_;
};

/// Makes DOCUMENT.next the document if it is valid now. A relay that starts calls it first.
void begin_next_document(const std::filesystem::path& document, const directory::Anchors& anchors,
                         base::Wall now);

}  // namespace nightjar::relay::operation
