// The control socket's server (docs/client.md). It accepts requests only from this user and root,
// and bounds the line length, the number of connections and the time. The protocol is in
// api_protocol.
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

#include "client/core/core.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::client::operation {

namespace asio = boost::asio;

/// The daemon's part of each answer. Called on the I/O thread.
struct ApiAnswers {
    virtual ~ApiAnswers() = default;
    virtual std::string status_line() = 0;
    /// Queues one ping and returns its nonce. Empty if no ping can be sent now.
    virtual std::optional<std::uint64_t> ping() = 0;
    virtual std::string ping_line(const core::PingResult& result) = 0;
    /// A ping without an answer after this time counts as lost.
    virtual base::Nanoseconds ping_patience() = 0;
};

class Api {
 public:
    /// `answers` must outlive this object. The task group must be cancelled and awaited before this
    /// object is destroyed. `patience` bounds the wait for a caller's next line, and the time in
    /// which the caller must read its answer.
    Api(asio::any_io_executor executor, node::process::TaskGroup& tasks, ApiAnswers& answers,
        base::Seconds patience = base::Seconds{60});
    ~Api();  // removes the socket file

    /// Binds the socket and starts to serve requests. Throws node::StartupError if another client
    /// uses this socket or if it cannot be created.
    void listen(const std::filesystem::path& path);
    /// Passes a ping's result to the caller that requested the ping.
    void on_ping(const core::PingResult& result);
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
    node::process::TaskGroup& tasks_;
    ApiAnswers& answers_;
    base::Seconds patience_;
    asio::local::stream_protocol::acceptor acceptor_;
    asio::steady_timer timer_;
    asio::steady_timer pause_;
    std::filesystem::path path_;  // empty: we did not create the file, so we do not remove it
    std::list<Ref> callers_;
    std::map<std::uint64_t, Ref> pings_;
};

}  // namespace nightjar::client::operation
