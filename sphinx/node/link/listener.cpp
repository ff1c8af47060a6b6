#include "sphinx/node/link/listener.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <cassert>
#include <limits>
#include <utility>

#include "sphinx/node/process/accept_loop.hpp"

namespace nightjar::node::link {

namespace {

// One subscriber usually has a whole /64, so an IPv6 source is a /64.
asio::ip::address source_of(const asio::ip::address& address) {
    if (address.is_v4()) return address;
    const auto v6 = address.to_v6();
    if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6);
    auto bytes = v6.to_bytes();
    std::fill(bytes.begin() + 8, bytes.end(), 0);
    return asio::ip::address_v6{bytes};
}

}  // namespace

// A handshake's slot. Freed however the handshake ends, even if it is cancelled before it starts.
struct Listener::HandshakeSlot {
    HandshakeSlot(Listener& of, const Source& taken_by, std::uint64_t in_order)
        : listener{of}, source{taken_by}, number{in_order} {}
    HandshakeSlot(const HandshakeSlot&) = delete;
    HandshakeSlot& operator=(const HandshakeSlot&) = delete;
    ~HandshakeSlot() {
        listener.handshakes_.erase(number);
        const auto found = listener.per_source_.find(source);
        if (--found->second == 0) listener.per_source_.erase(found);
    }

    Listener& listener;
    const Source source;
    const std::uint64_t number;
};

Listener::Listener(asio::any_io_executor executor, const asio::ip::tcp::endpoint& address,
                   TlsIdentity& identity, cell::Hello mine, LinkLimits limits, OnLink on_link,
                   ListenerLimits listener_limits)
    : acceptor_{executor, address, true},
      address_{acceptor_.local_endpoint()},
      identity_{identity},
      mine_{mine},
      limits_{limits},
      on_link_{std::move(on_link)},
      listener_limits_{listener_limits},
      // Handshakes report failures as a Result. An exception means that memory ran out, and only
      // this peer's handshake fails.
      tasks_{executor, [this](const std::string&, const std::string&) { ++counts_.failed; }} {}

Listener::~Listener() {
    assert(tasks_.running() == 0);
}

asio::awaitable<void> Listener::run() {
    // A cancelled listener must still wait for its handshakes, so it does not throw.
    co_await asio::this_coro::throw_if_cancelled(false);
    // admit() bounds the handshakes, and the owner the links, so the loop itself has no bound.
    process::AcceptLimits limits{.connections = std::numeric_limits<std::size_t>::max(),
                                 .pause = listener_limits_.pause_without_descriptors,
                                 .on_pause = [this] { ++counts_.out_of_resources; }};
    co_await process::accept_loop(
        acceptor_, std::move(limits),
        [this](asio::ip::tcp::socket socket, const asio::ip::tcp::endpoint& peer, auto) {
            admit(std::move(socket), source_of(peer.address()));
        });
    stop();
    tasks_.cancel();
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await tasks_.wait();
}

void Listener::stop() {
    stopped_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
}

void Listener::admit(asio::ip::tcp::socket socket, const Source& source) {
    if (stopped_) return;
    std::size_t& of_source = per_source_[source];
    if (of_source >= listener_limits_.handshakes_per_source) {
        ++counts_.source_limited;
        return;  // the destructor closes the socket
    }
    if (handshakes_.size() >= listener_limits_.handshakes) drop_oldest();
    ++per_source_[source];
    const std::uint64_t number = next_number_++;
    auto place = std::make_unique<HandshakeSlot>(*this, source, number);
    const auto task = tasks_.spawn("handshake", handshake(std::move(socket), std::move(place)));
    handshakes_.emplace(number, task);
}

asio::awaitable<void> Listener::handshake(asio::ip::tcp::socket socket,
                                          std::unique_ptr<HandshakeSlot>) {
    auto link = co_await answer(std::move(socket), identity_, mine_, limits_);
    if (link && !stopped_) {
        ++counts_.answered;
        on_link_(std::move(*link));
    } else {
        ++counts_.failed;
    }
}

// An honest handshake takes two round trips. Under a flood the oldest handshake is the one least
// likely to be honest, and an honest peer that is dropped dials again.
void Listener::drop_oldest() {
    ++counts_.dropped_oldest;
    const auto oldest = handshakes_.begin()->second;
    handshakes_.erase(handshakes_.begin());
    tasks_.cancel(oldest);
}

}  // namespace nightjar::node::link
