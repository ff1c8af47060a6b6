// The control socket: one line of JSON is the request, one line the answer. Only for the operator
// of this machine: the peer must be the relay's own user or root. Limits: 4 connections, 1 KiB per
// request, 5 s per connection. I/O thread only, except for ask_status().
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "relay/core/counters.hpp"
#include "relay/operation/metrics.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::relay::operation {

/// The content of `status`: static facts and the numbers of open links; traffic only in a lab.
struct StatusFacts {
    std::string name;
    base::NodeId identity;
    std::string role;
    std::uint8_t layer = 0;
    std::string network;
    std::vector<base::Epoch> key_epochs;
    bool memory_locked = true;
    StaticFacts facts;
    core::LinkCounts links;  // the number of clients is shown only in a lab
    std::optional<core::LabFacts> lab;
};

/// One line of JSON, without the line feed.
std::string to_json(const StatusFacts& status);
/// A text for people from the JSON of to_json(); nullopt if `json` is not that.
std::optional<std::string> to_people(const std::string& json);

class ControlSocket {
 public:
    using Facts = std::function<StatusFacts()>;

    /// Binds the socket with mode 0600. Replaces a stale socket that no process listens on. Throws
    /// node::StartupError. `tasks` must outlive this object.
    ControlSocket(boost::asio::any_io_executor executor, std::filesystem::path path, Facts facts,
                  node::process::TaskGroup& tasks);
    ~ControlSocket();  // removes the socket file

    /// Accepts connections until closed or cancelled. The owner spawns it once.
    boost::asio::awaitable<void> run();
    void close();

 private:
    using Socket = boost::asio::local::stream_protocol::socket;

    boost::asio::awaitable<void> serve(Socket socket);

    std::filesystem::path path_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    Facts facts_;
    node::process::TaskGroup& tasks_;
    std::size_t connections_ = 0;
};

/// The client side: asks a running relay for its status, and waits at most two seconds. nullopt if
/// no relay answers.
std::optional<std::string> ask_status(const std::filesystem::path& path);

}  // namespace nightjar::relay::operation
