#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "client/apps/application.hpp"
#include "client/apps/proxy.hpp"
#include "sphinx/base/address.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::client::apps {

using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Input = stream::ByteRelay::Input;

namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

constexpr base::Milliseconds deadline_step{500};
constexpr base::Milliseconds accept_pause{500};  // after a failed accept (out of descriptors)

}  // namespace

Proxy::Proxy(asio::any_io_executor executor, node::process::TaskGroup& tasks, ProxyLimits limits)
    : executor_{executor},
      tasks_{tasks},
      limits_{limits},
      acceptor_{executor},
      timer_{executor},
      pause_{executor} {}

Proxy::~Proxy() = default;

tcp::endpoint Proxy::listen(const tcp::endpoint& address) {
    acceptor_.open(address.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address{true});
    acceptor_.bind(address);
    acceptor_.listen();
    return acceptor_.local_endpoint();
}

void Proxy::serve(core::Core& core, bool private_targets) {
    core_ = &core;
    rules_.private_targets = private_targets;
    const auto local = acceptor_.local_endpoint();
    rules_.listener = local.address().to_string() + ":" + std::to_string(local.port());
    tasks_.spawn("socks listener", accept_loop());
    tasks_.spawn("socks deadlines", deadline_loop());
}

void Proxy::close() {
    error_code ignored;
    acceptor_.close(ignored);
    timer_.cancel();
    pause_.cancel();
    for (const auto& application : applications_) {
        application->gone = true;
        application->abort();
        application->wake();
    }
}

void Proxy::dispatch() {
    if (core_ == nullptr) return;
    for (const auto& [stream, event] : core_->take_events()) {
        const auto found = by_stream_.find(stream);
        if (found == by_stream_.end()) continue;
        const auto held = found->second;
        auto& application = *held;
        using Kind = stream::Event::Kind;
        switch (event.kind) {
            case Kind::accepted:
                application.accepted = true;
                application.news.cancel();
                break;
            case Kind::readable:
                application.news.cancel();
                break;
            case Kind::writable:
                application.room.cancel();
                break;
            case Kind::finished:
                application.finished = true;
                application.news.cancel();
                break;
            case Kind::reset:
                application.reset = event.reason;
                application.wake();
                break;
            case Kind::stopped:
                act(held, Input::stream_stopped);
                application.room.cancel();
                break;
            case Kind::opened:
            case Kind::pong:
                break;
        }
    }
}

asio::awaitable<void> Proxy::accept_loop() {
    while (acceptor_.is_open()) {
        auto result = co_await acceptor_.async_accept(as_values);
        const auto error = std::get<0>(result);
        if (error == asio::error::operation_aborted) co_return;
        if (error) {
            pause_.expires_after(accept_pause);
            co_await pause_.async_wait(as_values);
            continue;
        }
        admit(std::move(std::get<1>(result)));
    }
}

void Proxy::admit(tcp::socket socket) {
    if (applications_.size() >= limits_.connections) return;  // `socket` closes on return
    std::size_t handshakes = 0;
    Ref oldest;
    for (const auto& application : applications_) {
        if (application->phase != Application::Phase::handshake || application->gone) continue;
        if (handshakes++ == 0) oldest = application;
    }
    if (handshakes >= limits_.handshakes) {
        oldest->gone = true;
        oldest->close();
    }
    error_code ignored;
    socket.set_option(tcp::no_delay{true}, ignored);
    const auto application = std::make_shared<Application>(std::move(socket));
    application->deadline = Clock::now() + limits_.handshake;
    applications_.push_back(application);
    tasks_.spawn("socks application", serve_connection(application));
}

asio::awaitable<void> Proxy::deadline_loop() {
    while (acceptor_.is_open()) {
        timer_.expires_after(deadline_step);
        co_await timer_.async_wait(as_values);
        const auto now = Clock::now();
        for (const auto& application : applications_) {
            if (application->phase == Application::Phase::relaying) check_progress(application);
            if (now < application->deadline) continue;
            application->deadline = Clock::time_point::max();
            if (application->phase == Application::Phase::asking) {
                application->reset = stream::ResetReason::timed_out;
            } else {
                application->gone = true;
                application->close();
            }
            application->wake();
        }
    }
}

/// A connection with one direction left ends by a reset if nothing moves for too long. An
/// application that takes its time to read is waited for, unless the stream has ended.
void Proxy::check_progress(const Ref& application) {
    const auto& relay = application->relay;
    const auto now = Clock::now();
    const Application::Progress progress{application->passed,
                                         node::process::unsent_bytes(application->socket)};
    if (relay.draining() && progress.unsent == 0) return act(application, Input::drained);
    const bool waits = relay.draining() || (relay.half_closed() && !application->writing);
    if (!waits || progress != application->seen) application->moved = now;
    application->seen = progress;
    if (now - application->moved >= limits_.half_closed) act(application, Input::expired);
}

/// Does what the relay of bytes asks for after `input`.
void Proxy::act(const Ref& application, Input input) {
    if (application->gone) return;
    const auto actions = application->relay.on(input);
    if (actions.finish) core_->finish(application->stream);
    if (actions.stop) core_->stop(application->stream);
    if (actions.reset) core_->reset(application->stream);
    error_code ignored;
    if (actions.shut_down) application->socket.shutdown(tcp::socket::shutdown_send, ignored);
    if (actions.close) application->close();
    if (actions.abort) application->abort();
    application->gone = application->relay.over();
    if (actions.drain && !application->gone &&
        node::process::unsent_bytes(application->socket) == 0)
        return act(application, Input::drained);
    application->wake();
}

/// Serves one connection from accept to close.
asio::awaitable<void> Proxy::serve_connection(Ref application) {
    struct Forget {
        Proxy& proxy;
        Ref application;
        ~Forget() { proxy.forget(application); }
    } const forget{*this, application};

    if (!co_await socks_handshake(application)) co_return;
    if (application->looks_up) co_return co_await answer_lookup(application);
    application->uploading = true;
    tasks_.spawn("socks upload", upload(application));
    if (co_await await_exit(application)) co_await download(application);
    application->close();
    while (application->uploading)
        co_await application->news.async_wait(as_values);
}

/// Runs the SOCKS handshake and opens the stream. False on failure, after sending any refusal.
asio::awaitable<bool> Proxy::socks_handshake(Ref application) {
    protocol::socks5::Handshake handshake{rules_};
    base::Bytes buffer(1024);
    std::size_t used = 0, have = 0;
    using State = protocol::socks5::Handshake::State;
    while (handshake.state() != State::asked) {
        const auto result =
            co_await application->socket.async_read_some(asio::buffer(buffer), as_values);
        if (std::get<0>(result)) co_return false;
        have = std::get<1>(result);
        used = handshake.feed(base::ByteView{buffer}.first(have));
        const auto output = handshake.take_output();
        if (handshake.state() == State::refused) {
            co_await send_refusal(application, output);
            co_return false;
        }
        const auto written =
            co_await asio::async_write(application->socket, asio::buffer(output), as_values);
        if (std::get<0>(written)) co_return false;
    }
    const auto& target = handshake.target();
    if (const auto own = handshake.own_answer()) {
        co_await send_refusal(application, own_answer(*own));
        co_return false;
    }
    if (target.port != 0 && base::parse_literal(target.host)) ++literals_;
    application->looks_up = target.port == 0;
    application->wants_name = handshake.wants_name();
    const auto stream = core_->open(handshake.isolation(), target);
    if (!stream) {
        const auto refusal =
            protocol::socks5::reply_bytes(protocol::socks5::Reply::general_failure);
        co_await send_refusal(application, refusal);
        co_return false;
    }
    log_sharing();
    application->stream = *stream;
    by_stream_.emplace(*stream, application);
    application->ahead.assign(buffer.begin() + static_cast<std::ptrdiff_t>(used),
                              buffer.begin() + static_cast<std::ptrdiff_t>(have));
    application->phase = Application::Phase::asking;
    application->deadline = Clock::now() + limits_.answer;
    co_return true;
}

/// Says once that there are more isolation keys than sessions.
void Proxy::log_sharing() {
    if (sharing_logged_ || core_->keys_sharing() == 0) return;
    sharing_logged_ = true;
    node::process::log(node::process::Level::warning,
                       "more SOCKS user names than exit sessions: further ones share the session "
                       "of another (nightjar status counts them)");
}

/// Waits for the exit's answer and passes it on. True if the exit has connected to the target.
asio::awaitable<bool> Proxy::await_exit(Ref application) {
    while (!application->accepted && !application->reset && !application->gone)
        co_await application->news.async_wait(as_values);
    if (application->gone) co_return false;
    if (!application->accepted) {
        const auto refusal =
            protocol::socks5::reply_bytes(protocol::socks5::reply_for(*application->reset));
        application->phase = Application::Phase::refused;
        application->room.cancel();
        co_await send_refusal(application, refusal);
        co_return false;
    }
    application->phase = Application::Phase::relaying;
    application->deadline = Clock::time_point::max();
    const auto reply = protocol::socks5::reply_bytes(protocol::socks5::Reply::succeeded);
    const auto written =
        co_await asio::async_write(application->socket, asio::buffer(reply), as_values);
    co_return !std::get<0>(written);
}

/// Moves bytes from the core to the application until the connection is over.
asio::awaitable<void> Proxy::download(Ref application) {
    base::Bytes buffer(limits_.chunk);
    while (!application->gone) {
        const bool writes = application->relay.writes();
        const auto count = writes ? core_->read(application->stream, buffer) : 0;
        if (count > 0) {
            application->passed += count;
            application->writing = true;
            const auto written = co_await asio::async_write(
                application->socket, asio::buffer(buffer.data(), count), as_values);
            application->writing = false;
            const auto error = std::get<0>(written);
            if (error)
                act(application,
                    node::process::ended_before(error) ? Input::write_failed : Input::write_broke);
        } else if (writes && application->finished) {
            act(application, Input::stream_finished);
        } else if (application->reset && !application->relay.draining()) {
            act(application, Input::stream_reset);
        } else {
            co_await application->news.async_wait(as_values);
        }
    }
}

/// Moves bytes from the application to the core, as far as the stream has room.
asio::awaitable<void> Proxy::upload(Ref application) {
    struct Ended {
        Application& application;
        ~Ended() {
            application.uploading = false;
            application.wake();
        }
    } const ended{*application};

    bool open = co_await push(application, application->ahead);
    application->ahead = base::Bytes{};
    base::Bytes buffer(limits_.chunk);
    while (open && !application->gone) {
        const bool refused = application->phase == Application::Phase::refused;
        // Unwanted bytes are discarded while the application reads the rest, or our refusal.
        const bool discards = refused || application->relay.discards();
        if (!discards && (application->reset || !application->relay.reads())) co_return;
        const auto room = discards ? buffer.size() : core_->writable(application->stream);
        if (room == 0) {
            co_await application->room.async_wait(as_values);
            continue;
        }
        const auto result = co_await application->socket.async_read_some(
            asio::buffer(buffer.data(), std::min(room, buffer.size())), as_values);
        const auto error = std::get<0>(result);
        if (error && application->accepted) {
            act(application, error == asio::error::eof ? Input::socket_ended : Input::socket_broke);
            co_return;
        }
        if (error) {
            // An end of file before the exit's answer means that the application gave up.
            if (!refused) application->gone = true;
            co_return;
        }
        if (application->phase == Application::Phase::refused) continue;
        open = co_await push(application, base::ByteView{buffer}.first(std::get<1>(result)));
    }
}

/// Writes all of `bytes` to the stream, waiting for room; discards them if the stream takes no
/// more. False if the connection has ended. `bytes` must live until the task ends.
asio::awaitable<bool> Proxy::push(Ref application, base::ByteView bytes) {
    std::size_t done = 0;
    while (done < bytes.size() && application->relay.reads()) {
        if (application->gone || application->reset) break;
        const auto count = core_->write(application->stream, bytes.subspan(done));
        done += count;
        application->passed += count;
        if (count == 0) co_await application->room.async_wait(as_values);
    }
    co_return !application->gone;
}

/// Sends `bytes`, then discards input until the application closes or the deadline passes. Closing
/// a socket with unread input would send a reset, and the application could lose the bytes.
asio::awaitable<void> Proxy::send_refusal(Ref application, base::Bytes bytes) {
    application->phase = Application::Phase::refused;
    application->deadline = Clock::now() + limits_.send_refusal;
    const auto written =
        co_await asio::async_write(application->socket, asio::buffer(bytes), as_values);
    if (std::get<0>(written)) co_return;
    error_code ignored;
    application->socket.shutdown(tcp::socket::shutdown_send, ignored);
    base::Bytes discarded(512);
    for (;;) {
        if (application->uploading) {
            if (application->gone) co_return;
            co_await application->news.async_wait(as_values);
        } else {
            const auto result =
                co_await application->socket.async_read_some(asio::buffer(discarded), as_values);
            if (std::get<0>(result)) co_return;
        }
    }
}

void Proxy::forget(const Ref& application) {
    application->gone = true;
    application->close();
    application->wake();
    if (application->stream != 0) {
        core_->reset(application->stream);
        by_stream_.erase(application->stream);
    }
    applications_.remove(application);
}

}  // namespace nightjar::client::apps
