// The control socket: who may ask, and how much (docs/client.md). The language is api_protocol's.
// Only this user and root are heard; lines, connections and time are bounded.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "client/core.hpp"
#include "sphinx/node/task_group.hpp"

namespace nightjar::client {

namespace asio = boost::asio;

/// What the daemon answers with; called on the I/O thread.
struct ApiAnswers {
    virtual ~ApiAnswers() = default;
    virtual std::string status_line() = 0;
    /// Sends one ping; nothing if none can be sent now.
    virtual std::optional<std::uint64_t> ping() = 0;
    virtual std::string ping_line(const PingResult& result) = 0;
    /// After so long a ping counts as lost.
    virtual base::Nanoseconds ping_patience() = 0;
};

class Api {
 public:
    /// `answers` outlives the api; the task group is cancelled and awaited before the api dies.
    /// `patience`: for a caller's next line, and for it to take its answer.
    Api(asio::any_io_executor executor, node::TaskGroup& tasks, ApiAnswers& answers,
        base::Seconds patience = base::Seconds{60});
    ~Api();  // removes the socket

    /// Binds, and takes requests. Throws node::StartupError: another client uses this socket, or
    /// it cannot be made.
    void listen(const std::filesystem::path& path);
    /// Hands a ping's result to whoever asked for it.
    void on_ping(const PingResult& result);
    void close();

 private:
    using Socket = asio::local::stream_protocol::socket;
    struct Caller;
    using Ref = std::shared_ptr<Caller>;

    asio::awaitable<void> accept_loop();
    asio::awaitable<void> deadline_loop();
    asio::awaitable<void> serve(Ref caller);
    asio::awaitable<std::string> answer(Ref caller, std::string line);
    asio::awaitable<std::string> ping(Ref caller);

    asio::any_io_executor executor_;
    node::TaskGroup& tasks_;
    ApiAnswers& answers_;
    base::Seconds patience_;
    asio::local::stream_protocol::acceptor acceptor_;
    asio::steady_timer timer_;
    asio::steady_timer pause_;
    std::filesystem::path path_;  // empty: not ours to remove
    std::list<Ref> callers_;
    std::map<std::uint64_t, Ref> pings_;
};

}  // namespace nightjar::client
