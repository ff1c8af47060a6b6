// The control socket: one line of JSON asks, one answers. For this machine's operator only: the
// peer must be the relay's own user or root. Bounded: 4 connections, 1 KiB of request, 5 s each.
// I/O thread only, but for ask_status().
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "relay/links.hpp"
#include "relay/metrics.hpp"
#include "sphinx/node/task_group.hpp"

namespace nightjar::relay {

/// What `status` shows. Static facts and links that stand; traffic only in a lab.
struct StatusFacts {
    std::string name;
    base::NodeId identity;
    std::string role;
    std::uint8_t layer = 0;
    std::string network;
    std::vector<base::Epoch> key_epochs;
    bool memory_locked = true;
    StaticFacts facts;
    Links::Numbers links;  // clients are counted only in a lab
    std::optional<LabFacts> lab;
};

/// One line of JSON, without its line feed.
std::string to_json(const StatusFacts& status);
/// For people; `json` is what to_json() gave. Nothing if it is not.
std::optional<std::string> to_people(const std::string& json);

class ControlSocket {
 public:
    using Facts = std::function<StatusFacts()>;

    /// Binds at once, mode 0600; takes the place of a socket that nobody answers any more. Throws
    /// node::StartupError. `tasks` outlives it.
    ControlSocket(boost::asio::any_io_executor executor, std::filesystem::path path, Facts facts,
                  node::TaskGroup& tasks);
    ~ControlSocket();  // removes the socket's file

    /// Accepts until it is closed or cancelled. Spawned once by the owner.
    boost::asio::awaitable<void> run();
    void close();

 private:
    using Socket = boost::asio::local::stream_protocol::socket;

    boost::asio::awaitable<void> serve(Socket socket);

    std::filesystem::path path_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    Facts facts_;
    node::TaskGroup& tasks_;
    std::size_t connections_ = 0;
};

/// The other end: asks and waits for at most two seconds. Nothing if no relay answers.
std::optional<std::string> ask_status(const std::filesystem::path& path);

}  // namespace nightjar::relay
