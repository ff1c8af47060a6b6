// Clients as processes, and a gateway that a test plays by hand: it answers their requests for
// documents with what the test offers. For one thread; a Network and a Gateway end before their
// Loop. A Network starts its clients before any port is open, which a child process would keep.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/daemon.hpp"
#include "client/operation/state.hpp"
#include "sphinx/directory/packed.hpp"
#include "sphinx/node/config/anchors_file.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "sphinx/packet/packet.hpp"
#include "tests/support/networks.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/system/relay_links.hpp"

namespace nightjar::tests {

// Each asks its gateway for a document once in each eighth of an epoch, which has 15 s here, and
// the first time within 30 s.
inline constexpr std::size_t clients = 6;
inline constexpr base::Milliseconds patience{60'000};

/// A process that runs a client; it ends with this object.
class ClientProcess {
 public:
    explicit ClientProcess(const client::operation::Config& config) : pid_{::fork()} {
        REQUIRE(pid_ >= 0);
        if (pid_ > 0) return;
        ::_exit(node::process::run_main("nightjar", [&] { return client::run_daemon(config); }));
    }
    ~ClientProcess() {
        if (ended()) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    ClientProcess(const ClientProcess&) = delete;
    ClientProcess& operator=(const ClientProcess&) = delete;

    /// Its exit code once it has ended; -1 if a signal ended it.
    std::optional<int> ended() {
        int how = 0;
        if (!code_ && ::waitpid(pid_, &how, WNOHANG) == pid_)
            code_ = WIFEXITED(how) ? WEXITSTATUS(how) : -1;
        return code_;
    }
    void terminate() { ::kill(pid_, SIGTERM); }

 private:
    pid_t pid_;
    std::optional<int> code_;
};

/// A signed network whose first gateway the clients use, and that gateway's old and new place.
struct Network {
    explicit Network(base::Seconds valid_for = base::Seconds{3600}) {
        auto& document = network.document;
        auto& law = document.parameters;
        law.epoch_length = base::Seconds{120};  // the shortest: clients ask often
        law.main_slots = law.client_loops = {5'000};
        for (auto& relay : document.relays) {
            relay.mix_key = packet::generate_key_pair(random).public_key;
            relay.next_mix_key = packet::generate_key_pair(random).public_key;
            relay.addresses = {{"127.0.0.1", 1}};
        }
        // Half of the first document's epoch is over, so clients ask; its keys are those of now.
        const auto wall = node::process::wall_now();
        document.epoch = directory::epoch_at(wall, law.epoch_length);
        if (wall < directory::epoch_start(document.epoch, law.epoch_length) + base::Seconds{60})
            --document.epoch.value;
        document.valid_from = std::chrono::floor<base::Seconds>(wall) - base::Seconds{300};
        document.valid_until = std::chrono::floor<base::Seconds>(wall) + valid_for;
        gateway = test::named(document, "gateway-1").identity;
        place(document, old_place, 1);
        directory::sign(document, network.authorities.front());
        network.anchors.gateways = {{gateway, endpoint(old_place), key_of_seed(1)}};
        node::config::save_anchors(folder.path() / "network.yaml", network.anchors);
    }

    static directory::Endpoint endpoint(const tcp::endpoint& address) {
        return {address.address().to_string(), address.port()};
    }
    void place(directory::Document& document, const tcp::endpoint& address, std::uint8_t key) {
        auto& relay = test::named(document, "gateway-1");
        relay.addresses = {endpoint(address)};
        relay.link_key = key_of_seed(key);
    }
    /// The next document, signed, after `change`.
    std::string next(const std::function<void(directory::Document&)>& change) {
        auto document = network.document;
        document.epoch = document.epoch.next();
        change(document);
        document.signatures.clear();
        directory::sign(document, network.authorities.front());
        return directory::to_text(document);
    }
    client::operation::StateDir state(std::size_t n) const {
        return client::operation::StateDir{folder.path() / std::to_string(n)};
    }
    void start_clients(std::size_t count) {
        for (std::size_t n = 0; n < count; ++n) {
            const auto dir = state(n);
            dir.keep_document(directory::to_text(network.document));
            dir.keep({gateway, node::process::wall_now() + base::Seconds{86'400}});
            client::operation::Config config;
            config.network = folder.path() / "network.yaml";
            config.listeners = {{.endpoint = {"127.0.0.1", 0}}};
            config.state_dir = folder.path() / std::to_string(n);
            config.control_socket = folder.path() / (std::to_string(n) + ".sock");
            config.ready_timeout = base::Seconds{0};
            processes.push_back(std::make_unique<ClientProcess>(config));
        }
    }

    base::SeededRandom random{5};
    test::SignedNetwork network = test::make_network(3);
    test::TemporaryFolder folder;
    tcp::endpoint old_place = test::free_endpoint();
    tcp::endpoint new_place = test::free_endpoint();
    base::NodeId gateway;
    std::vector<std::unique_ptr<ClientProcess>> processes;
};

/// A gateway's listener. It answers each request for a document with `offer`.
struct Gateway {
    Gateway(Loop& its, const Network& network, const tcp::endpoint& address, std::uint8_t key)
        : loop{its}, identity{seed(key)} {
        auto mine = hello(cell::LinkRole::relay);
        mine.network = directory::network_id(network.network.anchors);
        listener.emplace(loop.io.get_executor(), address, identity, mine, patient_limits(),
                         [this](std::unique_ptr<node::link::Link> link) { take(std::move(link)); });
        loop.tasks.spawn("listener", listener->run());
    }
    ~Gateway() {
        listener->stop();
        loop.finish();
    }

    struct Came final : node::link::Link::Sink {
        void on_cell(node::link::Link& its, cell::CellBox cell) override {
            if (cell->kind() == cell::Kind::control) owner->answer(its);
        }
        Gateway* owner = nullptr;
        std::unique_ptr<node::link::Link> link;
        bool ended = false;
    };
    static asio::awaitable<void> run(std::shared_ptr<Came> came) {
        co_await came->link->run(*came);
        came->ended = true;
    }
    void take(std::unique_ptr<node::link::Link> link) {
        came.push_back(std::make_shared<Came>());
        came.back()->owner = this;
        came.back()->link = std::move(link);
        loop.tasks.spawn("link", run(came.back()));
    }
    void answer(node::link::Link& link) {
        ++requests;
        for (std::size_t at = 0; at < offer.size(); at += cell::document_part_size) {
            const auto piece = offer.substr(at, cell::document_part_size);
            const auto bytes = base::as_bytes(piece);
            link.send(
                boxed(cell::encode(cell::DocumentPart{offered,
                                                      static_cast<std::uint32_t>(offer.size()),
                                                      static_cast<std::uint32_t>(at),
                                                      {bytes.begin(), bytes.end()}})));
        }
    }
    void give(const Network& network, std::string_view text) {
        offer = directory::pack(text);
        offered = network.network.document.epoch.next();
    }
    void close_all() {
        listener->stop();
        for (auto& each : came)
            each->link->close();
    }
    std::size_t up() const {
        return static_cast<std::size_t>(
            std::count_if(came.begin(), came.end(), [](const auto& c) { return !c->ended; }));
    }

    Loop& loop;
    node::link::TlsIdentity identity;
    std::optional<node::link::Listener> listener;
    std::vector<std::shared_ptr<Came>> came;
    std::string offer;  // packed
    base::Epoch offered;
    int requests = 0;
};

}  // namespace nightjar::tests
