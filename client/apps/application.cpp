// One application's connection from accept to close: the handshake, then bytes both ways.
#include <boost/asio/write.hpp>

#include "client/apps/application.hpp"
#include "client/apps/proxy.hpp"
#include "sphinx/base/address.hpp"

namespace nightjar::client::apps {

using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Input = stream::ByteRelay::Input;
using node::process::as_result;
using protocol::socks5::Reply;

/// A connection with one direction left ends by a reset if nothing moves for too long. So does any
/// whose application takes none of the bytes that wait for it: it may take its time to read, so
/// this limit is a longer one, unless the stream has ended.
void Proxy::check_progress(const Ref& application) {
    const auto& relay = application->relay;
    const auto now = Clock::now();
    const Application::Progress progress{application->passed,
                                         node::process::unsent_bytes(application->socket)};
    if (relay.draining() && progress.unsent == 0) return act(application, Input::drained);
    const bool waits = relay.draining() || (relay.half_closed() && !application->writing);
    if (!waits || progress != application->seen) application->moved = now;
    application->seen = progress;
    const Application::Progress down{application->written, progress.unsent};
    const bool bytes_wait = application->writing || progress.unsent > 0;
    if (!bytes_wait || down != application->seen_down) application->taken = now;
    application->seen_down = down;
    const bool expired = now - application->moved >= limits_.half_closed ||
                         now - application->taken >= limits_.unread;
    if (expired) act(application, Input::expired);
}

/// Does what the relay of bytes asks for after `input`.
void Proxy::act(const Ref& application, Input input) {
    if (application->gone) return;
    const auto actions = application->relay.on(input);
    if (actions.finish) core_->finish(application->stream);
    if (actions.stop) core_->stop(application->stream);
    if (actions.reset) core_->reset(application->stream);
    error_code ignored;
    if (actions.shut_down) application->socket.shutdown(asio::socket_base::shutdown_send, ignored);
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

    if (!co_await read_request(application)) co_return;
    if (application->handshake.associates()) co_return co_await serve_association(application);
    if (application->looks_up) co_return co_await answer_lookup(application);
    application->uploading = true;
    tasks_.spawn("application's upload", upload(application));
    if (co_await await_exit(application)) co_await download(application);
    application->close();
    while (application->uploading)
        co_await application->news.wait();
}

/// Reads the request and opens the stream, but for an association, which has none. False on
/// failure, after sending any refusal.
asio::awaitable<bool> Proxy::read_request(Ref application) {
    auto& handshake = application->handshake;
    base::Bytes buffer(1024);
    std::size_t used = 0, have = 0;
    using State = protocol::Handshake::State;
    while (handshake.state() != State::asked) {
        const auto result =
            co_await application->socket.async_read_some(asio::buffer(buffer), as_result);
        if (application->cut) {
            handshake.cut();
            co_await send_refusal(application, handshake.take_output());
            co_return false;
        }
        if (std::get<0>(result)) co_return false;
        have = std::get<1>(result);
        used = handshake.feed(base::ByteView{buffer}.first(have));
        const auto output = handshake.take_output();
        if (handshake.state() == State::refused) {
            co_await send_refusal(application, output);
            co_return false;
        }
        const auto written =
            co_await asio::async_write(application->socket, asio::buffer(output), as_result);
        if (std::get<0>(written)) co_return false;
    }
    if (handshake.associates()) co_return true;
    const auto& target = handshake.target();
    if (const auto own = handshake.own_answer()) {
        co_await send_refusal(application, own_answer(*own));
        co_return false;
    }
    if (target.port != 0 && base::parse_literal(target.host)) ++literals_;
    application->looks_up = target.port == 0;
    application->wants_name = handshake.wants_name();
    const bool too_many = full();
    const auto stream = too_many ? std::nullopt : core_->open(handshake.isolation(), target);
    if (!stream) {
        if (too_many) count_refused("connections");
        const auto reply = too_many ? Reply::overloaded : Reply::no_session;
        co_await send_refusal(application, handshake.reply_bytes(reply));
        co_return false;
    }
    log_sharing();
    application->stream = *stream;
    by_stream_.emplace(*stream, application);
    application->ahead.assign(buffer.begin() + static_cast<std::ptrdiff_t>(used),
                              buffer.begin() + static_cast<std::ptrdiff_t>(have));
    application->phase = Application::Phase::asking;
    application->deadline = Clock::now() + limits_.answer;
    // A stream that waits for a place may not find one, and that has a reply code.
    // To a silent application the kernel has said already that it is connected.
    const bool at_once =
        protocol::answers_early(limits_.early_success, target.port) && !core_->waits(*stream);
    application->early = handshake.silent() || at_once;
    co_return true;
}

/// Waits for the exit's answer and passes it on, or does not wait. True if the application was told
/// that it is connected. The deadline of the exit's answer stays.
asio::awaitable<bool> Proxy::await_exit(Ref application) {
    while (!application->early && !application->accepted && !application->reset &&
           !application->gone)
        co_await application->news.wait();
    if (application->gone) co_return false;
    if (!application->accepted && application->reset) {
        const auto refusal =
            application->handshake.reply_bytes(protocol::socks5::reply_for(*application->reset));
        application->phase = Application::Phase::refused;
        application->room.set();
        co_await send_refusal(application, refusal);
        co_return false;
    }
    application->phase = Application::Phase::relaying;
    if (application->accepted) application->deadline = Clock::time_point::max();
    const auto reply = application->handshake.reply_bytes(Reply::succeeded);
    const auto written =
        co_await asio::async_write(application->socket, asio::buffer(reply), as_result);
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
            carried_.down += count;
            application->writing = true;
            const auto written = co_await asio::async_write(
                application->socket, asio::buffer(buffer.data(), count), as_result);
            application->writing = false;
            application->written += count;
            const auto error = std::get<0>(written);
            if (error)
                act(application,
                    node::process::ended_before(error) ? Input::write_failed : Input::write_broke);
        } else if (writes && application->finished) {
            act(application, Input::stream_finished);
        } else if (application->reset && !application->relay.draining()) {
            act(application, Input::stream_reset);
        } else {
            co_await application->news.wait();
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
            co_await application->room.wait();
            continue;
        }
        const auto result = co_await application->socket.async_read_some(
            asio::buffer(buffer.data(), std::min(room, buffer.size())), as_result);
        const auto error = std::get<0>(result);
        if (error && (application->accepted || application->early)) {
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
        carried_.up += count;
        if (count == 0) co_await application->room.wait();
    }
    co_return !application->gone;
}

/// Sends `bytes`, then discards input until the application closes or the deadline passes. Closing
/// a socket with unread input would send a reset, and the application could lose the bytes.
asio::awaitable<void> Proxy::send_refusal(Ref application, base::Bytes bytes) {
    application->phase = Application::Phase::refused;
    if (application->handshake.silent()) {
        application->gone = true;
        application->abort();
        co_return;
    }
    application->deadline = Clock::now() + limits_.send_refusal;
    const auto written =
        co_await asio::async_write(application->socket, asio::buffer(bytes), as_result);
    if (std::get<0>(written)) co_return;
    error_code ignored;
    application->socket.shutdown(asio::socket_base::shutdown_send, ignored);
    base::Bytes discarded(512);
    for (;;) {
        if (application->uploading) {
            if (application->gone) co_return;
            co_await application->news.wait();
        } else {
            const auto result =
                co_await application->socket.async_read_some(asio::buffer(discarded), as_result);
            if (std::get<0>(result)) co_return;
        }
    }
}

}  // namespace nightjar::client::apps
