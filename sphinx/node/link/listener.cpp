#include "sphinx/node/link/listener.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <cassert>
#include <limits>
#include <utility>

#include "sphinx/node/process/accept_loop.hpp"
#include "sphinx/node/process/activation.hpp"

namespace nightjar::node::link {

// A handshake's place in the pools. Freed however the handshake ends, even if it is cancelled
// before it starts.
class Listener::Place {
 public:
    Place(Listener& listener, Pools& pools, const base::IpAddress& from, Number number)
        : listener_{listener}, pools_{pools}, from_{from}, number_{number} {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
        pools_.silent.leave(number_);
        pools_.speaking.leave(number_);
        listener_.handshakes_.erase(number_);
    }
    /// Another handshake has not taken it.
    bool holds() const { return pools_.silent.holds(number_) || pools_.speaking.holds(number_); }
    /// The peer has spoken. Returns false if no place is left for it.
    bool speak() {
        pools_.silent.leave(number_);
        return listener_.take_place(pools_.speaking, from_, number_);
    }

 private:
    Listener& listener_;
    Pools& pools_;
    const base::IpAddress from_;
    const Number number_;
};

Listener::Listener(asio::any_io_executor executor, const asio::ip::tcp::endpoint& address,
                   TlsIdentity& identity, cell::Hello mine, LinkLimits limits, OnLink on_link,
                   ListenerLimits listener_limits)
    : acceptor_{process::listen_on(executor, address)},
      address_{acceptor_.local_endpoint()},
      identity_{identity},
      mine_{mine},
      limits_{limits},
      on_link_{std::move(on_link)},
      listener_limits_{listener_limits},
      rates_{listener_limits.rate, random_},
      strangers_{{listener_limits.silent, random_}, {listener_limits.speaking, random_}},
      relays_{{listener_limits.known, random_}, {listener_limits.known, random_}},
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
            admit(std::move(socket), plain_address(peer.address()));
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

void Listener::admit(asio::ip::tcp::socket socket, const base::IpAddress& from) {
    // Where this returns early, the destructor closes the socket.
    if (stopped_) return;
    const bool known = known_.contains(from);
    const bool free = known || (from.is_loopback() && !listener_limits_.limit_loopback);
    if (!free && !rates_.take(from, std::chrono::steady_clock::now())) {
        ++counts_.rate_limited;
        return;
    }
    auto& pools = known ? relays_ : strangers_;
    const Number number = next_number_++;
    if (!take_place(pools.silent, from, number)) return;
    auto place = std::make_unique<Place>(*this, pools, from, number);
    const auto task = tasks_.spawn("handshake", handshake(std::move(socket), std::move(place)));
    // The handshake may be over already.
    if (pools.silent.holds(number) || pools.speaking.holds(number))
        handshakes_.emplace(number, task);
}

asio::awaitable<void> Listener::handshake(asio::ip::tcp::socket socket,
                                          std::unique_ptr<Place> place) {
    auto link = co_await answer(std::move(socket), identity_, mine_, limits_,
                                [place = place.get()] { return place->speak(); });
    if (link && !stopped_) {
        ++counts_.answered;
        place.reset();
        on_link_(std::move(*link));
    } else {
        ++counts_.failed;
        if (!link && place->holds()) counts_.failures.count(link.error());
    }
}

// An honest peer that loses its place dials again.
bool Listener::take_place(base::PrefixShares& pool, const base::IpAddress& from, Number number) {
    const auto loser = pool.enter(from, number);
    if (!loser) return true;
    ++counts_.evicted;
    if (*loser == number) return false;
    if (const auto found = handshakes_.find(*loser); found != handshakes_.end())
        tasks_.cancel(found->second);
    return true;
}

}  // namespace nightjar::node::link
