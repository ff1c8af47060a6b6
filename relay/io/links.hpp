// The relay's links. Dials the relays of the next layer. Accepts links from the relays of the
// previous layer and, at a gateway, from clients. Between relays packets flow in one direction
// only: from the relay that dialled. Reports the origin of each cell and sends cells; makes no
// decision about packets. I/O thread only.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "relay/core/counters.hpp"
#include "relay/core/egress.hpp"
#include "relay/core/ingress.hpp"
#include "sphinx/base/holding.hpp"
#include "sphinx/base/prefix_shares.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/directory/packed.hpp"
#include "sphinx/directory/signed_document.hpp"
#include "sphinx/node/link/dialer.hpp"
#include "sphinx/node/link/listener.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::relay::io {

struct LinksOptions {
    base::NodeId self;
    base::NetworkId network;
    std::vector<boost::asio::ip::tcp::endpoint> listen;
    /// When more come, network prefixes share the places. A link ends for a newcomer only if its
    /// prefix holds more than the newcomer's; otherwise the newcomer is refused.
    std::size_t clients_max = 1000;
    double packets_per_second = 0;  // what this relay is made for (core::NeighbourCells)
    node::link::LinkLimits limits = {};
    /// Their tries get handshakes as listed relays do. Else an attacker who floods a relay's port
    /// could get it left out of the documents.
    std::set<base::IpAddress> authorities;
};

/// What has become of handshakes since the start: those of links that came and of links dialled.
struct HandshakeCounts {
    std::uint64_t made = 0;
    std::uint64_t refused = 0;  // of sources that come too often, or for which no place was left
    node::link::HandshakeFailures failed;
};

/// Links that were closed because their peers sent far above the law, since the start.
struct FloodCounts {
    std::uint64_t of_relays = 0;
    std::uint64_t of_clients = 0;
};

class Links final : public core::Egress {
 public:
    struct Owner {
        virtual ~Owner() = default;
        virtual void on_packet(const core::Origin& from, cell::CellBox cell) = 0;
        /// `from`: the address at the other end.
        virtual void on_client(const base::MailboxId& client, const base::IpAddress& from) = 0;
        virtual void on_client_gone(const base::MailboxId& client) = 0;
    };

    /// Binds the ports; throws node::StartupError if that fails. Every reference must outlive this
    /// object, and this object must outlive its tasks.
    Links(boost::asio::any_io_executor executor, LinksOptions options,
          directory::SignedDocument document, node::link::TlsIdentity& identity,
          base::Random& random, core::Counters& counters, node::process::TaskGroup& tasks,
          Owner& owner);
    ~Links() override;

    /// Starts accepting and dialling.
    void start();
    /// Sets a newer document: closes the links of relays that it no longer lists, and dials new
    /// ones.
    void use(directory::SignedDocument document);
    void stop_accepting();
    /// Closes every link; their tasks then end on their own.
    void close();

    core::SendResult to_relay(const base::NodeId& next, cell::CellBox cell) override;
    /// If the client has asked for the network document, its next part replaces a padding cell.
    core::SendResult to_client(const base::MailboxId& client, cell::CellBox cell) override;

    core::LinkCounts counts() const;
    /// How often the listeners paused because the process had no descriptor or memory left.
    std::uint64_t accept_pauses() const;
    HandshakeCounts handshakes() const;
    /// The log names a relay at each of its links. Of clients it has a line at the end of an hour,
    /// with their number, by forget(): the hours are counted from its first call.
    const FloodCounts& floods() const { return floods_; }
    /// Forgets who connected more than some seconds ago. Call it from time to time.
    void forget(base::Mono now);
    /// Appends what this object's tables hold (base::Holding).
    void list_holdings(base::Holdings& out) const;

 private:
    struct Outgoing;
    struct FromRelay;
    struct FromClient;

    const directory::Parameters& law() const { return signed_.document->parameters; }
    const directory::Relay* own() const { return signed_.document->find(options_.self); }
    void know_relays();
    void dial_next_layer();
    void on_link(std::unique_ptr<node::link::Link> link);
    boost::asio::awaitable<void> serve_relay(std::unique_ptr<node::link::Link> link,
                                             base::NodeId peer);
    boost::asio::awaitable<void> serve_client(std::unique_ptr<node::link::Link> link);
    boost::asio::awaitable<void> dial(std::shared_ptr<Outgoing> outgoing);
    /// Gives a new client's link a place. Returns nullopt if none is left for it.
    std::optional<base::PrefixShares::Holder> take_place(const node::link::Link& link);
    void close_flood(FromRelay& from);
    void close_flood(FromClient& from);
    void say_floods(base::Mono now);
    void pack_document();
    bool send_document_part(FromClient& client);

    boost::asio::any_io_executor executor_;
    LinksOptions options_;
    directory::SignedDocument signed_;
    directory::PackedDocuments packed_;  // empty unless this relay is a gateway
    node::link::TlsIdentity& identity_;
    base::Random& random_;
    core::Counters& counters_;
    node::process::TaskGroup& tasks_;
    Owner& owner_;
    std::vector<std::unique_ptr<node::link::Listener>> listeners_;
    HandshakeCounts dialled_;
    std::map<base::NodeId, std::shared_ptr<Outgoing>> outgoing_;
    core::NeighbourCells neighbours_;
    std::map<base::NodeId, FromRelay*> from_relays_;       // owned by their tasks
    std::map<base::MailboxId, FromClient*> from_clients_;  // owned by their tasks
    base::PrefixShares places_;                            // of the clients' links
    std::map<base::PrefixShares::Holder, FromClient*> by_place_;
    base::PrefixShares::Holder next_place_ = 0;
    FloodCounts floods_;
    std::uint64_t floods_said_ = 0;  // those of clients that the log has
    std::optional<base::Mono> floods_said_at_;
    bool closed_ = false;
};

}  // namespace nightjar::relay::io
