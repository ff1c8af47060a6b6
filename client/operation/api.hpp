// What the control socket answers (docs/interface.md). Limits: 8 connections, 4 KiB per request. A
// connection carries any number of requests, answered one after the other. The protocol is in
// api_protocol. I/O thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "client/core/core.hpp"
#include "client/protocol/api_protocol.hpp"
#include "client/protocol/listener_options.hpp"
#include "sphinx/node/process/control_socket.hpp"
#include "sphinx/node/process/event.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::client::operation {

namespace asio = boost::asio;

/// A listener that the control socket opened.
struct OpenedListener {
    std::uint64_t number;  // never reused
    std::string address;   // with the port that was taken
    protocol::ListenerOptions::Way way = protocol::ListenerOptions::Way::proxy;
};

/// The daemon's part of each answer. Called on the I/O thread.
struct ApiAnswers {
    virtual ~ApiAnswers() = default;
    virtual std::string status() = 0;  // a JSON object, as is each result
    virtual std::string state() = 0;   // the short form, for events
    /// Queues one ping and returns its nonce. Empty if no ping can be sent now.
    virtual std::optional<std::uint64_t> ping() = 0;
    virtual std::string ping_result(const core::PingResult& result) = 0;
    /// The number of the new identity. Empty if there is no place for the sessions of one.
    virtual std::optional<std::uint64_t> new_identity() = 0;
    /// Opens a listener for applications, described by a JSON object. `passing`: it does not stay
    /// when the client begins again. The error is one line for the caller.
    virtual base::Result<OpenedListener, protocol::api::Error> open_listener(
        std::string_view description, bool passing) = 0;
    /// Closes it. False if no listener that was opened in this way has the address, or the number.
    virtual bool close_listener(std::string_view address) = 0;
    virtual bool close_listener(std::uint64_t number) = 0;
    /// A ping without an answer after this time counts as lost.
    virtual base::Nanoseconds ping_patience() = 0;
};

class Api {
 public:
    /// `answers` must outlive this object. The task group must be cancelled and awaited before this
    /// object is destroyed. `patience` bounds the wait for a caller's request, and the time in
    /// which the caller must read its answer.
    Api(asio::any_io_executor executor, node::process::TaskGroup& tasks, ApiAnswers& answers,
        base::Seconds patience = base::Seconds{60});

    /// Binds the socket and starts to serve requests. Throws node::process::StartupError.
    void listen(const std::filesystem::path& path);
    /// Passes a ping's result to the caller that waits for it, if it still does.
    void on_ping(const core::PingResult& result);
    /// Sends the present state to the callers that asked for events, if it has changed since the
    /// last call. Call it about once a second.
    void look_for_events();
    /// Stops listening and removes the socket file.
    void close();

 private:
    struct Ping;
    struct Subscriber;

    using Say = node::process::ControlSocket::Say;

    asio::awaitable<void> converse(std::string line, const Say& say);
    asio::awaitable<std::string> answer_to(protocol::api::Request request, std::string id);
    asio::awaitable<std::string> ping(std::string id);
    std::string new_identity(const std::string& id);
    asio::awaitable<void> tell_events(std::optional<std::string> id, const Say& say);
    std::string open_listener(const protocol::api::Request& request, const std::string& id);
    asio::awaitable<void> hold_listener(protocol::api::Request request, const Say& say);

    asio::any_io_executor executor_;
    node::process::TaskGroup& tasks_;
    ApiAnswers& answers_;
    base::Seconds patience_;
    std::optional<node::process::ControlSocket> control_;
    std::map<std::uint64_t, Ping*> pings_;  // in the frames of ping(), by nonce
    std::set<Subscriber*> subscribers_;     // in the frames of tell_events()
    std::string state_;                     // as last told
    std::size_t held_listeners_ = 0;        // in the frames of hold_listener()
};

}  // namespace nightjar::client::operation
