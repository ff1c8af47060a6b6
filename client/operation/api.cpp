#include "client/operation/api.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "client/protocol/api_protocol.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::client::operation {

using asio::local::stream_protocol;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t callers_max = 8;
constexpr base::Milliseconds accept_pause{500};

/// True if the peer is this user or root, according to the kernel.
bool is_authorized(stream_protocol::socket& socket) {
    ucred peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return false;
    return peer.uid == ::geteuid() || peer.uid == 0;
}

/// Removes a socket file on which no process listens: a killed client has left it behind.
void remove_stale_socket(const std::filesystem::path& path) {
    asio::io_context context;
    stream_protocol::socket probe{context};
    error_code error;
    probe.connect(stream_protocol::endpoint{path.string()}, error);
    if (!error) {
        throw node::process::StartupError(node::process::ExitCode::failure,
                                          "another client answers on " + path.string() +
                                              "; stop it, or give this one its own control_socket");
    }
    if (error == asio::error::connection_refused) ::unlink(path.c_str());
}

}  // namespace

struct Api::Caller {
    explicit Caller(Socket connected)
        : socket{std::move(connected)}, news{socket.get_executor(), Clock::time_point::max()} {}

    void close() {
        error_code ignored;
        socket.close(ignored);
        news.cancel();
    }

    Socket socket;
    asio::steady_timer news;
    Clock::time_point deadline = Clock::time_point::max();
    std::optional<core::PingResult> result;
};

Api::Api(asio::any_io_executor executor, node::process::TaskGroup& tasks, ApiAnswers& answers,
         base::Seconds patience)
    : executor_{executor},
      tasks_{tasks},
      answers_{answers},
      patience_{patience},
      acceptor_{executor},
      timer_{executor},
      pause_{executor} {}

Api::~Api() {
    close();
}

void Api::listen(const std::filesystem::path& path) {
    remove_stale_socket(path);
    const auto mask = ::umask(0177);
    error_code error;
    acceptor_.open({}, error);
    if (!error) acceptor_.bind(stream_protocol::endpoint{path.string()}, error);
    ::umask(mask);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
        throw node::process::KeyError(
            "cannot listen on " + path.string() + ": " + error.message() +
            "; set control_socket to a path in a directory that this user owns");
    }
    path_ = path;
    tasks_.spawn("control listener", accept_loop());
    tasks_.spawn("control deadlines", deadline_loop());
}

void Api::close() {
    error_code ignored;
    acceptor_.close(ignored);
    timer_.cancel();
    pause_.cancel();
    for (const auto& caller : callers_)
        caller->close();
    if (!path_.empty()) ::unlink(path_.c_str());
    path_.clear();
}

void Api::on_ping(const core::PingResult& result) {
    const auto found = pings_.find(result.nonce);
    if (found == pings_.end()) return;
    found->second->result = result;
    found->second->news.cancel();
    pings_.erase(found);
}

asio::awaitable<void> Api::accept_loop() {
    while (acceptor_.is_open()) {
        auto result = co_await acceptor_.async_accept(as_values);
        const auto error = std::get<0>(result);
        if (error == asio::error::operation_aborted) co_return;
        if (error) {
            // Out of descriptors: accept() would fail again at once, so wait. The peer stays in the
            // backlog.
            pause_.expires_after(accept_pause);
            co_await pause_.async_wait(as_values);
            continue;
        }
        auto& socket = std::get<1>(result);
        if (callers_.size() >= callers_max || !is_authorized(socket)) continue;
        const auto caller = std::make_shared<Caller>(std::move(socket));
        caller->deadline = Clock::now() + patience_;
        callers_.push_back(caller);
        tasks_.spawn("control caller", serve(caller));
    }
}

asio::awaitable<void> Api::deadline_loop() {
    while (acceptor_.is_open()) {
        timer_.expires_after(base::Milliseconds{100});
        co_await timer_.async_wait(as_values);
        const auto now = Clock::now();
        for (const auto& caller : callers_) {
            if (now < caller->deadline) continue;
            caller->deadline = Clock::time_point::max();
            caller->close();
        }
    }
}

asio::awaitable<void> Api::serve(Ref caller) {
    struct Forget {
        Api& api;
        Ref caller;
        ~Forget() {
            std::erase_if(api.pings_, [this](const auto& entry) { return entry.second == caller; });
            api.callers_.remove(caller);
        }
    } const forget{*this, caller};

    std::string buffer;
    for (;;) {
        const auto result = co_await asio::async_read_until(
            caller->socket, asio::dynamic_buffer(buffer, protocol::api::line_max), '\n', as_values);
        if (std::get<0>(result)) co_return;
        const auto line = buffer.substr(0, std::get<1>(result) - 1);
        buffer.erase(0, std::get<1>(result));
        const auto reply = co_await answer(caller, line);
        caller->deadline = Clock::now() + patience_;
        const auto written =
            co_await asio::async_write(caller->socket, asio::buffer(reply), as_values);
        if (std::get<0>(written)) co_return;
        caller->deadline = Clock::now() + patience_;
    }
}

asio::awaitable<std::string> Api::answer(Ref caller, std::string line) {
    const auto request = protocol::api::parse_request(line);
    if (!request) co_return protocol::api::error_line(request.error());
    switch (*request) {
        case protocol::api::Method::status:
            co_return answers_.status_line();
        case protocol::api::Method::ping:
            co_return co_await ping(caller);
    }
    co_return protocol::api::error_line("unknown method");
}

asio::awaitable<std::string> Api::ping(Ref caller) {
    const auto nonce = answers_.ping();
    if (!nonce) co_return protocol::api::error_line("not ready");
    pings_[*nonce] = caller;
    caller->result.reset();
    caller->deadline = Clock::time_point::max();
    caller->news.expires_after(answers_.ping_patience());
    co_await caller->news.async_wait(as_values);
    caller->news.expires_at(Clock::time_point::max());
    pings_.erase(*nonce);
    if (!caller->result) co_return protocol::api::error_line("no answer");
    co_return answers_.ping_line(*caller->result);
}

}  // namespace nightjar::client::operation
