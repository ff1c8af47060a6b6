#include "relay/operation/status.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "relay/operation/document_file.hpp"
#include "sphinx/node/files/unique_fd.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::operation {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using Json = nlohmann::ordered_json;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t connections_max = 4;
constexpr std::size_t request_max = 1024;
constexpr std::size_t answer_max = 64 * 1024;
constexpr std::chrono::seconds deadline{5};
constexpr const char* request_line = "{\"request\":\"status\"}\n";

std::int64_t unix_seconds(base::Wall at) {
    return at.time_since_epoch() / base::Seconds{1};
}

Json lab_json(const core::LabFacts& lab, const core::LinkCounts& links) {
    const auto& c = lab.counters;
    Json dropped;
    for (std::size_t i = 0; i < core::drop_reason_count; ++i)
        dropped[core::drop_reason_names[i]] = c.dropped[i];
    return {{"clients", links.clients},
            {"packets_in", c.packets_in},
            {"packets_in_client", c.packets_in_client},
            {"packets_in_relay", c.packets_in_relay},
            {"packets_out", c.packets_out},
            {"deliveries", c.deliveries},
            {"exit_payloads", c.exit_payloads},
            {"replies", c.replies},
            {"ticks_missed", c.ticks_missed},
            {"loops_sent", c.loops_sent},
            {"loops_returned", c.loops_returned},
            {"loops_lost", c.loops_lost},
            {"loop_round_trip_seconds", base::to_seconds(lab.loop_round_trips)},
            {"down_cells", c.down_cells},
            {"held_packets", c.held_packets},
            {"held_seconds", static_cast<double>(c.held_ns) * 1e-9},
            {"asked_seconds", static_cast<double>(c.asked_ns) * 1e-9},
            {"unwrap_refused", lab.unwrap_refused},
            {"dropped", dropped}};
}

bool is_own_user(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
    return peer.uid == 0 || peer.uid == ::geteuid();
}

/// Returns the answer to one request line.
std::string answer(const std::string& line, const ControlSocket::Facts& facts) {
    const auto request = Json::parse(line, nullptr, false);
    if (!request.is_object() || request.size() != 1 || !request.contains("request")) {
        return "{\"error\":\"not a request\"}\n";
    }
    if (request["request"] != "status") return "{\"error\":\"unknown request\"}\n";
    return to_json(facts()) + "\n";
}

/// Removes the socket file that a crashed process left: no process listens on it.
void remove_stale(const std::filesystem::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
    if (!ask_status(path)) ::unlink(path.c_str());
}

}  // namespace

std::string to_json(const StatusFacts& status) {
    const auto& facts = status.facts;
    Json keys = Json::array();
    for (const auto epoch : status.key_epochs)
        keys.push_back(epoch.value);
    Json json{{"name", status.name},
              {"identity", base::to_hex(status.identity.bytes)},
              {"role", status.role},
              {"layer", status.layer},
              {"version", facts.version},
              {"state", core::state_names[static_cast<std::size_t>(facts.state)]},
              {"network", status.network},
              {"lab_network", facts.lab},
              {"epoch", facts.epoch.value},
              {"document_valid_until", unix_seconds(facts.directory_valid_until)},
              {"key_epochs", keys},
              {"keys_locked_in_memory", status.memory_locked},
              {"reload_ok", facts.config_last_reload_successful},
              {"next_relays", status.links.next_relays},
              {"next_relays_up", status.links.next_relays_up},
              {"previous_relays_up", status.links.previous_relays_up}};
    if (status.lab) json["lab"] = lab_json(*status.lab, status.links);
    return json.dump();
}

std::optional<std::string> to_people(const std::string& text) {
    const auto json = Json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("state")) return std::nullopt;
    const auto word = [&](const char* key) {
        const auto value = json.value(key, Json{});
        return value.is_string() ? value.get<std::string>() : value.dump();
    };
    std::ostringstream out;
    out << word("name") << ": " << word("state") << "\n";
    const auto layer = word("layer");
    out << "  role       " << word("role") << (layer == "0" ? "" : ", layer " + layer) << "\n";
    out << "  network    " << word("network") << ", epoch " << word("epoch") << "\n";
    const base::Seconds until{json.value("document_valid_until", std::int64_t{0})};
    out << "  document   valid until " << to_text(base::Wall{until}) << "\n";
    out << "  keys       of epochs " << word("key_epochs")
        << (json.value("keys_locked_in_memory", true) ? "" : ", not locked in memory") << "\n";
    out << "  links      " << word("next_relays_up") << " of " << word("next_relays")
        << " to the next layer, " << word("previous_relays_up") << " from the one before\n";
    if (!json.value("reload_ok", true)) out << "  reload     the last reload was refused\n";
    if (json.contains("lab")) out << "  lab        " << json["lab"].dump() << "\n";
    return out.str();
}

ControlSocket::ControlSocket(asio::any_io_executor executor, std::filesystem::path path,
                             Facts facts, node::process::TaskGroup& tasks)
    : path_{std::move(path)},
      acceptor_{std::move(executor)},
      facts_{std::move(facts)},
      tasks_{tasks} {
    const auto fail = [this](const std::string& why) {
        throw node::process::StartupError{
            node::process::ExitCode::failure,
            path_.string() + ": the control socket cannot be made: " + why + "; change `control`"};
    };
    if (path_.string().size() >= sizeof(sockaddr_un{}.sun_path)) fail("its path is too long");
    remove_stale(path_);
    try {
        // No process can connect before listen(), and by then the mode is set.
        acceptor_.open();
        acceptor_.bind(stream_protocol::endpoint{path_.string()});
        if (::chmod(path_.c_str(), 0600) != 0) fail(std::strerror(errno));
        acceptor_.listen();
    } catch (const boost::system::system_error& error) {
        fail(error.code().message());
    }
}

ControlSocket::~ControlSocket() {
    ::unlink(path_.c_str());
}

void ControlSocket::close() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
}

asio::awaitable<void> ControlSocket::run() {
    asio::steady_timer pause{acceptor_.get_executor()};
    while (acceptor_.is_open()) {
        auto accepted = co_await acceptor_.async_accept(as_result);
        const auto error = std::get<0>(accepted);
        if (error == asio::error::operation_aborted) co_return;
        if (error) {
            pause.expires_after(std::chrono::milliseconds{200});
            const auto waited = co_await pause.async_wait(as_result);
            if (std::get<0>(waited)) co_return;
            continue;
        }
        auto& socket = std::get<1>(accepted);
        if (connections_ >= connections_max || !is_own_user(socket.native_handle())) continue;
        tasks_.spawn("control connection", serve(std::move(socket)));
    }
}

asio::awaitable<void> ControlSocket::serve(Socket socket) {
    struct Count {
        explicit Count(std::size_t& n) : connections{n} { ++connections; }
        ~Count() { --connections; }
        std::size_t& connections;
    };
    const Count count{connections_};
    // Shared with the deadline handler, which may already be queued when this task ends.
    const auto peer = std::make_shared<Socket>(std::move(socket));
    asio::steady_timer timer{peer->get_executor(), deadline};
    auto on_deadline = [peer](boost::system::error_code error) {
        boost::system::error_code ignored;
        if (!error) peer->close(ignored);
    };
    timer.async_wait(std::move(on_deadline));
    std::string line;
    auto buffer = asio::dynamic_buffer(line, request_max);
    const auto read = co_await asio::async_read_until(*peer, buffer, '\n', as_result);
    if (std::get<0>(read)) co_return;
    line.resize(std::get<1>(read));
    const auto text = answer(line, facts_);
    const auto bytes = asio::buffer(text);
    co_await asio::async_write(*peer, bytes, as_result);
}

std::optional<std::string> ask_status(const std::filesystem::path& path) {
    const node::files::UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto text = path.string();
    if (!fd || text.size() >= sizeof address.sun_path) return std::nullopt;
    std::memcpy(address.sun_path, text.data(), text.size());
    const timeval patience{2, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(fd.get(), generic, sizeof address) != 0) return std::nullopt;
    const auto request = std::strlen(request_line);
    if (::send(fd.get(), request_line, request, MSG_NOSIGNAL) != static_cast<ssize_t>(request)) {
        return std::nullopt;
    }
    std::string json;
    while (json.size() < answer_max && !json.ends_with('\n')) {
        char piece[4096];
        const auto n = ::recv(fd.get(), piece, sizeof piece, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return std::nullopt;
        json.append(piece, static_cast<std::size_t>(n));
    }
    if (!json.ends_with('\n')) return std::nullopt;
    json.pop_back();
    return json;
}

}  // namespace nightjar::relay::operation
