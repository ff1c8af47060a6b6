#include "sphinx/node/link/link.hpp"

#include <netinet/tcp.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <cassert>
#include <utility>

#include "sphinx/node/link/link_impl.hpp"

namespace nightjar::node::link {

namespace {

using boost::system::error_code;

// Eight records: enough for a busy link to read many cells per system call, and small enough that a
// thousand idle links cost only 20 MB.
constexpr std::size_t read_size = 8 * (record_header + cell_record);

// AES-GCM is safe for 2^24.5 records under one key. The periodic update renews the key long before
// that, except on a link with more than 14,000 cells a second.
constexpr std::uint32_t cells_per_key_max = 1u << 23;

base::Mono now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

Link::Impl::Impl(asio::ip::tcp::socket taken, TlsIdentity& identity,
                 std::optional<base::LinkKey> pinned, const LinkLimits& chosen)
    : socket{std::move(taken)},
      timer{socket.get_executor()},
      tls{identity, pinned, chosen.key_updates_per_minute},
      limits{chosen},
      input(read_size),
      queue{chosen.send_queue} {}

void Link::Impl::arm_deadline(base::Mono at) {
    deadline = at;
    timer.expires_at(deadline);
    timer.async_wait([self = shared_from_this()](error_code error) {
        // The timer's handler may still be queued when the handshake succeeds, or when a later
        // deadline replaces this one.
        if (!error && !self->established && now() >= self->deadline)
            self->end(LinkError::timed_out);
    });
}

void Link::Impl::start(Sink& to) {
    assert(established && sink == nullptr);
    sink = &to;
    last_cell_ = now();
    next_key_update_ = last_cell_ + limits.key_update;
    const bool between_relays =
        hello_mine.role == cell::LinkRole::relay && hello_peer.role == cell::LinkRole::relay;
    const bool keeps_alive = between_relays && limits.keep_alive.count() > 0;
    next_keep_alive_ = keeps_alive ? last_cell_ + limits.keep_alive : base::Mono::max();
    stuck_ = between_relays ? limits.stuck_relay : limits.stuck_client;
    // The same bound for bytes that the kernel has taken and the peer does not confirm.
    const auto kernel_stuck = static_cast<int>(stuck_.count());
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kernel_stuck,
                 sizeof kernel_stuck);
    if (between_relays) {
        // Not SO_SNDBUF: the system allows 208 KB of it (net.core.wmem_max), and a busy link over
        // 100 ms has more on its way. What is on its way the peer's window bounds.
        const auto unsent = static_cast<int>(limits.unsent_relay);
        ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent,
                     sizeof unsent);
    }
    arm_watchdog();
    if (!queue.empty()) schedule_flush();
}

void Link::Impl::deliver() {
    const base::Mono arrived = now();
    while (!ended) {
        auto next = tls.next_cell(arrived);
        if (!next) return end(next.error());
        if (*next == nullptr) break;
        last_cell_ = arrived;
        if ((*next)->kind() == cell::Kind::control) {
            const auto control = cell::decode(**next);
            if (!control || std::holds_alternative<cell::Hello>(*control))
                return end(LinkError::bad_cell);
        }
        sink->on_cell(*owner, std::move(*next));
    }
    // OpenSSL may have queued an answer to a KeyUpdate that requested one.
    if (!tls.output().empty()) schedule_flush();
}

void Link::Impl::schedule_flush() {
    if (ended || sink == nullptr || writing_ || flush_scheduled_) return;
    flush_scheduled_ = true;
    // Defer the write: cells that are queued one after another go out in one system call.
    asio::post(socket.get_executor(), [self = shared_from_this()] {
        self->flush_scheduled_ = false;
        self->flush();
    });
}

bool Link::Impl::renew_key_if_due() {
    if (!std::exchange(key_update_due_, false)) return true;
    cells_under_key_ = 0;
    return tls.update_key();
}

bool Link::Impl::seal(const cell::Cell& cell) {
    if (++cells_under_key_ == cells_per_key_max) key_update_due_ = true;
    return tls.write_cell(cell);
}

void Link::Impl::flush() {
    if (ended || writing_) return;
    bool ok = renew_key_if_due();
    for (std::size_t i = 0; ok && i < limits.records_per_write; ++i) {
        const auto cell = queue.try_pop();
        if (!cell) break;
        ok = seal(**cell);
    }
    if (!ok) return end(LinkError::closed);
    if (tls.output().empty()) return;
    if (writer != nullptr) return give_output(now());
    in_flight_.clear();
    std::swap(in_flight_, tls.output());
    writing_ = true;
    writing_since_ = now();
    asio::async_write(
        socket, asio::buffer(in_flight_),
        [self = shared_from_this()](error_code error, std::size_t) { self->on_written(!error); });
}

bool Link::Impl::hand_over(const cell::Cell& cell, base::Mono due) {
    assert(writer != nullptr || ended);
    if (ended || writer->waiting() >= limits.send_queue) return false;
    if (!renew_key_if_due() || !seal(cell)) {
        end(LinkError::closed);
        return false;
    }
    give_output(due);
    return true;
}

void Link::Impl::give_output(base::Mono due) {
    writer->write(std::exchange(tls.output(), {}), due);
}

bool Link::Impl::leave_writer() {
    auto* const left = std::exchange(writer, nullptr);
    return left != nullptr ? left->detach() : !writing_;
}

void Link::Impl::on_written(bool ok) {
    writing_ = false;
    if (!ok) return end(LinkError::closed);
    if (!queue.empty() || key_update_due_ || !tls.output().empty()) flush();
}

void Link::Impl::arm_watchdog() {
    // Idle, it looks once per `stuck_`. A write that begins meanwhile is found at its deadline.
    const base::Mono look = (writing_ ? writing_since_ : now()) + stuck_;
    timer.expires_at(
        std::min({last_cell_ + limits.silence, look, next_key_update_, next_keep_alive_}));
    timer.async_wait([self = shared_from_this()](error_code error) {
        if (!error) self->on_watchdog();
    });
}

void Link::Impl::on_watchdog() {
    if (ended) return;
    const base::Mono time = now();
    if (time - last_cell_ >= limits.silence) return end(LinkError::silent);
    if (writing_ && time - writing_since_ >= stuck_) return end(LinkError::stuck);
    if (time >= next_key_update_) {
        next_key_update_ = time + limits.key_update;
        key_update_due_ = true;
        schedule_flush();
    }
    if (time >= next_keep_alive_) {
        next_keep_alive_ = time + limits.keep_alive;
        // If the queue is full, the link is not silent anyway.
        if (queue.try_push(std::make_unique<cell::Cell>())) schedule_flush();
    }
    arm_watchdog();
}

void Link::Impl::bound_unsent(std::size_t bytes) {
    error_code ignored;  // a link that has ended has no socket
    // The kernel doubles the value for its own bookkeeping.
    socket.set_option(asio::socket_base::send_buffer_size{static_cast<int>(bytes)}, ignored);
}

void Link::Impl::end(LinkError why) {
    if (ended) return;
    ended = why;
    leave_writer();
    queue.clear();
    timer.cancel();
    error_code ignored;
    socket.close(ignored);
}

void Link::Impl::close() {
    // Behind a record that is not written, the peer could not decrypt it.
    if (!ended && established && leave_writer() && tls.write_close()) {
        error_code ignored;  // the socket is non-blocking: it accepts the record or not
        socket.write_some(asio::buffer(tls.output()), ignored);
    }
    end(LinkError::closed);
}

namespace {

// Uses only the shared Impl, never the Link, which may be destroyed while this waits.
asio::awaitable<LinkError> run_link(std::shared_ptr<Link::Impl> link, Link::Sink* sink) {
    if (!link->ended) {
        link->start(*sink);
        link->deliver();  // cells that arrived in the same read as the HELLO
    }
    while (!link->ended) {
        const auto read =
            co_await link->socket.async_read_some(asio::buffer(link->input), as_result);
        if (link->ended) break;
        if (std::get<0>(read)) {
            link->end(LinkError::closed);
            break;
        }
        link->tls.feed(base::ByteView{link->input}.first(std::get<1>(read)));
        link->deliver();
    }
    co_return *link->ended;
}

}  // namespace

base::IpAddress plain_address(const asio::ip::address& address) {
    base::IpAddress plain;
    const auto fill = [&](const auto& bytes) {
        std::copy(bytes.begin(), bytes.end(), plain.bytes.begin());
    };
    if (address.is_v4()) {
        fill(address.to_v4().to_bytes());
    } else if (address.to_v6().is_v4_mapped()) {
        fill(asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_bytes());
    } else {
        plain.v6 = true;
        fill(address.to_v6().to_bytes());
    }
    return plain;
}

Link::Link(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {
    impl_->owner = this;
}

Link::~Link() {
    impl_->owner = nullptr;
    impl_->close();
}

bool Link::post_quantum() const {
    return impl_->tls.post_quantum();
}

const base::LinkKey& Link::peer_key() const {
    return impl_->tls.peer_key();
}

const cell::Hello& Link::peer_hello() const {
    return impl_->hello_peer;
}

base::IpAddress Link::peer_address() const {
    error_code error;
    const auto peer = impl_->socket.remote_endpoint(error);
    return error ? base::IpAddress{} : plain_address(peer.address());
}

asio::awaitable<LinkError> Link::run(Sink& sink) {
    return run_link(impl_, &sink);
}

bool Link::send(cell::CellBox cell) {
    assert(cell && impl_->writer == nullptr);
    if (impl_->ended || !impl_->queue.try_push(std::move(cell))) return false;
    impl_->schedule_flush();
    return true;
}

void Link::write_through(TimedWriter& writer) {
    assert(impl_->sink == nullptr && impl_->queue.empty());
    if (impl_->ended) return;
    writer.attach(impl_->socket.native_handle());
    impl_->writer = &writer;
}

bool Link::send_at(cell::CellBox cell, base::Mono due) {
    assert(cell);
    return impl_->hand_over(*cell, due);
}

std::size_t Link::queued() const {
    return impl_->queue.size();
}

void Link::bound_unsent(std::size_t bytes) {
    impl_->bound_unsent(bytes);
}

void Link::close() {
    impl_->close();
}

const char* to_string(LinkError error) {
    switch (error) {
        case LinkError::unreachable:
            return "unreachable";
        case LinkError::handshake:
            return "handshake";
        case LinkError::timed_out:
            return "timed-out";
        case LinkError::bad_hello:
            return "bad-hello";
        case LinkError::bad_cell:
            return "bad-cell";
        case LinkError::closed:
            return "closed";
        case LinkError::silent:
            return "silent";
        case LinkError::stuck:
            return "stuck";
        case LinkError::abuse:
            return "abuse";
    }
    return "?";
}

}  // namespace nightjar::node::link
