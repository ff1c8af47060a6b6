// What stands around the relay under test: a signed document, the relays of the layer before it and
// behind it, and, at a gateway, clients. They have real keys and real links, and all run on the
// caller's I/O thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "relay/operation/config.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/directory/quorum.hpp"
#include "sphinx/node/link/link.hpp"
#include "sphinx/node/link/listener.hpp"
#include "sphinx/node/process/task_group.hpp"
#include "tests/bench/relay_load/packets.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nightjar::bench {

struct Shape {
    std::size_t previous = 2;  // relays that dial the relay under test
    std::size_t next = 2;      // relays that it dials
    std::size_t clients = 0;   // more than none: it is a gateway, else a mix of layer 2
    std::uint32_t workers = 1;
    std::uint32_t packets_per_second = 6600;  // of the configuration: for the replay filters
    base::Milliseconds mean_delay{50};
    bool exit = false;  // of a gateway: it serves sessions
};

class Surroundings {
 public:
    using OnCell = std::function<void(const Mark& mark)>;

    /// Makes the relay's folder, the keys of everything around it, and the document. Throws what
    /// init_relay() throws, std::system_error.
    explicit Surroundings(const Shape& shape);
    ~Surroundings();
    Surroundings(const Surroundings&) = delete;
    Surroundings& operator=(const Surroundings&) = delete;

    const std::filesystem::path& folder() const { return folder_.path(); }
    const Shape& shape() const { return shape_; }

    /// Opens all links to the running relay: a few handshakes at a time. Call it when the relay
    /// listens. Throws std::runtime_error if a link is refused.
    void connect();
    /// The number of relays behind the relay whose link to us stands.
    std::size_t next_up() const { return next_up_; }

    /// Called for each packet that arrives from the relay.
    void on_cell(OnCell call) { on_cell_ = std::move(call); }
    /// Sends on the link of a previous relay, or of a client. False if its queue is full.
    bool send_as_relay(std::size_t link, cell::CellBox cell);
    bool send_as_client(std::size_t link, cell::CellBox cell);

    /// Packets for the relay, from random previous relays to random next relays.
    std::vector<Prepared> relay_packets(std::size_t count);
    /// Packets of random clients to random next relays; deliveries to random clients.
    std::vector<Prepared> client_packets(std::size_t count);
    std::vector<Prepared> client_deliveries(std::size_t count);
    /// Packets of sessions at this exit, `each` of every session, in the order of the sessions.
    /// Each brings SURBs by the relays behind. Appends the marks of the replies.
    std::vector<Prepared> session_packets(std::size_t sessions, std::size_t each,
                                          std::uint32_t pace_milli, std::vector<Mark>& replies);
    const directory::Parameters& law() const { return document_.parameters; }

    /// Does what is ready on the I/O thread.
    void poll();
    /// Works until then.
    void work_until(base::Mono end);

 private:
    struct Peer;
    struct NextRelay;

    directory::Relay listed(std::uint8_t layer, const std::string& name);
    void make_peers();
    void make_relay();
    void make_document();
    PacketPlan plan() const;
    std::vector<Target> targets(std::size_t count);
    static boost::asio::awaitable<void> dial(Surroundings* self, Peer* peer, cell::LinkRole role);
    cell::Hello hello(cell::LinkRole role) const;
    void dial_all(std::vector<std::unique_ptr<Peer>>& peers, cell::LinkRole role);

    Shape shape_;
    test::TemporaryFolder folder_;
    boost::asio::io_context io_{1};
    node::process::TaskGroup tasks_;
    base::SeededRandom random_{7};
    packet::KeyPair mix_key_;  // of each relay behind the relay, for packets
    base::Secret<32> authority_;
    directory::Anchors anchors_;
    base::NetworkId network_;
    directory::Document document_;
    directory::Relay relay_;
    boost::asio::ip::tcp::endpoint address_;
    OnCell on_cell_;
    std::size_t next_up_ = 0;
    std::size_t dialling_ = 0;
    std::string refused_;
    std::vector<std::unique_ptr<Peer>> previous_;
    std::vector<std::unique_ptr<Peer>> clients_;
    std::vector<std::unique_ptr<NextRelay>> next_;
};

}  // namespace nightjar::bench
