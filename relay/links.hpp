// The relay's links: dials the relays of the layer behind it, accepts those of the layer before
// and, at a gateway, clients. Packets flow one way on a link between relays: from who dialled.
// Says who a cell came from and carries cells away; decides nothing about packets. I/O thread only.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "relay/counters.hpp"
#include "relay/egress.hpp"
#include "relay/ingress.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/node/dialer.hpp"
#include "sphinx/node/listener.hpp"
#include "sphinx/node/task_group.hpp"

namespace nightjar::relay {

/// A document as it was signed: gateways pass its very text on.
struct SignedDocument {
    std::shared_ptr<const directory::Document> document;
    std::shared_ptr<const std::string> text;
};

struct LinksOptions {
    base::NodeId self;
    base::NetworkId network;
    std::vector<boost::asio::ip::tcp::endpoint> listen;
    std::size_t clients_max = 10'000;
    node::LinkLimits limits = {};
};

class Links final : public Egress {
 public:
    struct Owner {
        virtual ~Owner() = default;
        virtual void on_packet(const From& from, cell::CellBox cell) = 0;
        virtual void on_client(const base::MailboxId& client) = 0;
        virtual void on_client_gone(const base::MailboxId& client) = 0;
    };

    /// Binds at once; throws node::StartupError if it cannot. All references outlive it, and it
    /// outlives its tasks.
    Links(boost::asio::any_io_executor executor, LinksOptions options, SignedDocument document,
          node::TlsIdentity& identity, base::Random& random, Counters& counters,
          node::TaskGroup& tasks, Owner& owner);
    ~Links() override;

    /// Starts accepting and dialling.
    void start();
    /// A newer document: relays that it no longer lists lose their links, new ones are dialled.
    void use(SignedDocument document);
    void stop_accepting();
    /// Closes every link; the tasks then end by themselves.
    void close();

    Sent to_relay(const base::NodeId& next, cell::CellBox cell) override;
    /// Padding gives way to a part of the network document that this client asked for.
    Sent to_client(const base::MailboxId& client, cell::CellBox cell) override;

    struct Numbers {
        std::size_t next_relays = 0;  // to dial
        std::size_t next_relays_up = 0;
        std::size_t previous_relays_up = 0;
        std::size_t clients = 0;
    };
    Numbers numbers() const;

 private:
    struct Outgoing;
    struct FromRelay;
    struct FromClient;

    const directory::Relay* own() const { return signed_.document->find(options_.self); }
    void dial_next_layer();
    void on_link(std::unique_ptr<node::Link> link);
    boost::asio::awaitable<void> serve_relay(std::unique_ptr<node::Link> link, base::NodeId peer);
    boost::asio::awaitable<void> serve_client(std::unique_ptr<node::Link> link);
    boost::asio::awaitable<void> dial(std::shared_ptr<Outgoing> outgoing);
    void on_document_request(FromClient& client, base::Epoch have);
    bool send_document_part(FromClient& client);

    boost::asio::any_io_executor executor_;
    LinksOptions options_;
    SignedDocument signed_;
    node::TlsIdentity& identity_;
    base::Random& random_;
    Counters& counters_;
    node::TaskGroup& tasks_;
    Owner& owner_;
    std::vector<std::unique_ptr<node::Listener>> listeners_;
    std::map<base::NodeId, std::shared_ptr<Outgoing>> outgoing_;
    std::map<base::NodeId, FromRelay*> from_relays_;       // each lives in its task
    std::map<base::MailboxId, FromClient*> from_clients_;  // the same
    bool closed_ = false;
};

}  // namespace nightjar::relay
