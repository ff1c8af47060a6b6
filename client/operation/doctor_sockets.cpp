// What the doctor finds out about sockets: the gateway's, and those that programs connect to.
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <charconv>
#include <fstream>
#include <sstream>

#include "client/operation/bootstrap.hpp"
#include "client/operation/doctor.hpp"
#include "client/operation/state.hpp"
#include "sphinx/directory/dialled.hpp"
#include "sphinx/node/config/anchors_file.hpp"
#include "sphinx/node/process/clocks.hpp"

namespace nightjar::client::operation {

namespace fs = std::filesystem;
using State = Finding::State;
using boost::asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr base::Seconds connect_patience{5};

/// Of the gateway that the client keeps; empty if it keeps none. A StateDir would create the
/// folder.
std::vector<directory::Endpoint> kept_addresses(const fs::path& state_dir) {
    if (::access(state_dir.c_str(), W_OK) != 0) return {};
    const StateDir state{state_dir};
    const auto choice = state.gateway();
    const auto text = state.document_text();
    if (!choice || !text) return {};
    const auto document = directory::parse(*text);
    const auto* gateway = document ? document->find(choice->gateway) : nullptr;
    return gateway != nullptr ? directory::dialled_addresses(*gateway)
                              : std::vector<directory::Endpoint>{};
}

/// The addresses of the gateway that the client keeps; else of the anchors' first one.
std::vector<directory::Endpoint> gateway_addresses(const Config& config) {
    const auto anchors = node::config::load_anchors(config.network);
    if (const auto kept = kept_addresses(config.state_dir); !kept.empty()) return kept;
    std::vector<directory::Endpoint> addresses;
    if (!anchors.gateways.empty()) addresses.push_back(anchors.gateways.front().address);
    return addresses;
}

/// Connects and closes. The error says why not.
error_code try_address(const directory::Endpoint& address) {
    boost::asio::io_context io{1};
    tcp::socket socket{io};
    error_code outcome = boost::asio::error::timed_out;
    socket.async_connect({boost::asio::ip::make_address(address.host), address.port},
                         [&](error_code error) { outcome = error; });
    io.run_for(connect_patience);
    return outcome;
}

/// The inode of the socket that listens on the port.
std::optional<std::string> inode_of(std::uint16_t port, const char* table) {
    std::ifstream in{table};
    std::string line;
    std::getline(in, line);  // the head
    while (std::getline(in, line)) {
        std::istringstream fields{line};
        std::string number, local, remote, state, queues, timer, retries, uid, timeout, inode;
        fields >> number >> local >> remote >> state >> queues >> timer >> retries >> uid >>
            timeout >> inode;
        const auto colon = local.rfind(':');
        unsigned found = 0;
        if (colon == local.npos || state != "0A") continue;
        std::from_chars(local.data() + colon + 1, local.data() + local.size(), found, 16);
        if (found == port) return inode;
    }
    return std::nullopt;
}

bool has_socket(const fs::path& process, const std::string& socket) {
    std::error_code ended;  // a process may end while this looks at it
    for (fs::directory_iterator at{process / "fd", ended}, end; !ended && at != end;
         at.increment(ended)) {
        std::error_code error;
        const auto target = fs::read_symlink(at->path(), error);
        if (!error && target == socket) return true;
    }
    return false;
}

Finding look_at_port(const protocol::ListenerOptions& options, bool client_runs) {
    const auto name = "listener " + directory::to_text(options.endpoint);
    if (options.endpoint.port == 0) return {name, State::ok, "any free port", ""};
    const auto who = listener_of(options.endpoint.port);
    if (client_runs) {
        if (who) return {name, State::ok, "in use by " + *who, ""};
        return {name, State::ok, "the client runs", ""};
    }
    boost::asio::io_context io{1};
    tcp::acceptor acceptor{io};
    const tcp::endpoint place{boost::asio::ip::make_address(options.endpoint.host),
                              options.endpoint.port};
    error_code error;
    acceptor.open(place.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address{true}, error);
    if (!error) acceptor.bind(place, error);
    if (!error) acceptor.listen(1, error);
    if (!error) return {name, State::ok, "free", ""};
    const bool taken = error == boost::asio::error::address_in_use;
    return {name, State::bad,
            taken ? "taken by " + who.value_or("a process of another user") : error.message(),
            taken ? "stop that process, or change the address" : "change the address"};
}

}  // namespace

std::optional<std::string> listener_of(std::uint16_t port) {
    for (const auto* table : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
        const auto inode = inode_of(port, table);
        if (!inode) continue;
        std::error_code error;
        for (const auto& process : fs::directory_iterator{"/proc", error}) {
            const auto pid = process.path().filename().string();
            if (pid.find_first_not_of("0123456789") != pid.npos) continue;
            if (!has_socket(process.path(), "socket:[" + *inode + "]")) continue;
            std::ifstream in{process.path() / "comm"};
            std::string name;
            std::getline(in, name);
            for (auto& c : name)
                if (c < ' ' || c > '~') c = '?';
            return name + " (PID " + pid + ")";
        }
    }
    return std::nullopt;
}

std::vector<Finding> look_at_listeners(const Config& config, bool client_runs) {
    std::vector<Finding> findings;
    for (const auto& options : config.listeners)
        if (options.path.empty()) findings.push_back(look_at_port(options, client_runs));
    return findings;
}

Finding look_at_gateway(const Config& config, bool client_runs) {
    if (client_runs)
        return {"gateway", State::ok, "not tried, because a client runs: see its state", ""};
    try {
        std::string failures;
        for (const auto& address : gateway_addresses(config)) {
            const auto error = try_address(address);
            if (!error)
                return {"gateway", State::ok, directory::to_text(address) + " can be reached", ""};
            failures += (failures.empty() ? "" : "; ") + directory::to_text(address) + ": " +
                        error.message();
        }
        return {"gateway", State::bad, failures,
                "see whether this machine is online, whether the network asks for a sign-in in a "
                "browser, and whether a firewall allows the port"};
    } catch (const std::exception& error) {
        return {"gateway", State::bad, error.what(), "mend what this names"};
    }
}

}  // namespace nightjar::client::operation
