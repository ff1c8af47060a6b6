#include "relay/io/exit_dial.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "sphinx/node/process/accept_loop.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/socket_end.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using core::AddressRace;
using node::process::as_result;
using stream::ResetReason;

namespace {

// What the kernel holds for a connection, each way; it takes twice as much with its bookkeeping. By
// itself it would take up to 4 MiB for a target that does not read, and 6 MiB for a client that
// does not. A session moves less than that in a second.
constexpr int kernel_bytes = 128 * 1024;

tcp::endpoint to_asio(const base::IpEndpoint& target) {
    if (target.address.v6) return {asio::ip::address_v6{target.address.bytes}, target.port};
    const auto& b = target.address.bytes;
    return {asio::ip::address_v4{{b[0], b[1], b[2], b[3]}}, target.port};
}

ResetReason reason_of(const error_code& error) {
    if (error == asio::error::connection_refused) return ResetReason::connection_refused;
    // The target was reached, but reset the connection before we saw that it accepted.
    if (error == asio::error::connection_reset) return ResetReason::cancelled;
    if (error == asio::error::timed_out) return ResetReason::timed_out;
    if (node::process::is_out_of_resources(error)) return ResetReason::overload;
    return ResetReason::unreachable;
}

base::Mono mono_now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

bool has_route(const base::IpEndpoint& target) {
    const auto at = to_asio(target);
    const int probe = ::socket(at.protocol().family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    // Without a descriptor the question stays open; the attempt itself finds out.
    if (probe < 0) return errno != EAFNOSUPPORT;
    // EAGAIN: no local port was free for the question.
    const bool known =
        ::connect(probe, at.data(), static_cast<socklen_t>(at.size())) == 0 || errno == EAGAIN;
    ::close(probe);
    return known;
}

bool DialContext::routable(const base::IpEndpoint& target, base::Mono now) {
    if (now - routes_since >= base::Seconds{1}) {
        routes.clear();
        routes_asked = 0;
        routes_since = now;
    }
    const auto known = routes.find(target.address);
    if (known != routes.end()) return known->second;
    if (routes_asked >= routes_max) return true;
    ++routes_asked;
    return routes.emplace(target.address, has_route(target)).first->second;
}

/// One attempt. It counts as long as its socket may be open.
struct Dial::Try {
    explicit Try(DialContext& shared) : context{shared}, socket{shared.executor} {
        ++context.sockets;
    }
    ~Try() { --context.sockets; }
    Try(const Try&) = delete;
    Try& operator=(const Try&) = delete;

    DialContext& context;
    Socket socket;
};

Dial::Dial(DialContext& context, std::uint16_t port, core::RaceLimits limits)
    : context_{context}, race_{port, limits, mono_now()}, news_{context.executor} {
    ++context_.dials;
}

Dial::~Dial() {
    // Targets of connections that have ended must not stay until the next one asks.
    if (--context_.dials == 0) context_.routes.clear();
}

void Dial::on_answer(core::Family family, const core::NameAnswer& answer) {
    if (!answer && answer.error() == core::NameError::no_descriptors) ++context_.no_descriptors;
    race_.answered(family, answer, mono_now(),
                   [this](const base::IpEndpoint& target) { return judge(target); });
    news_.set();
}

AddressRace::Usable Dial::judge(const base::IpEndpoint& target) {
    if (!context_.allows(target)) return AddressRace::Usable::refused_by_policy;
    return context_.routable(target, mono_now()) ? AddressRace::Usable::yes
                                                 : AddressRace::Usable::no_route;
}

asio::awaitable<base::Result<Dial::Socket, ResetReason>> Dial::run() {
    for (;;) {
        if (cancelled_) co_return base::Fail{ResetReason::cancelled};
        const auto now = mono_now();
        if (winner_) break;
        take_steps(now);
        if (race_.lost(now)) {
            cancel();
            co_return base::Fail{race_.reason(now)};
        }
        co_await news_.wait_for(race_.due() - now);
    }
    auto socket = std::move(*winner_);
    cancel();
    error_code ignored;
    socket.set_option(tcp::no_delay{true}, ignored);
    node::process::reset_unless_closed(socket);
    socket.set_option(tcp::socket::send_buffer_size{kernel_bytes}, ignored);
    socket.set_option(tcp::socket::receive_buffer_size{kernel_bytes}, ignored);
    co_return socket;
}

void Dial::take_steps(base::Mono now) {
    const auto room = [this] { return context_.sockets < context_.sockets_max; };
    while (const auto step = race_.next(now, room())) {
        if (step->kind == AddressRace::Step::Kind::start) {
            start(step->attempt, step->target);
        } else if (const auto node = tries_.extract(step->attempt); !node.empty()) {
            error_code ignored;
            node.mapped()->socket.close(ignored);
        }
    }
}

void Dial::start(AddressRace::Attempt attempt, const base::IpEndpoint& target) {
    const auto one = std::make_shared<Try>(context_);
    tries_.emplace(attempt, one);
    context_.tasks.spawn("exit attempt", connect(shared_from_this(), attempt, one, target));
}

/// `self` keeps this object until the attempt has ended.
asio::awaitable<void> Dial::connect([[maybe_unused]] std::shared_ptr<Dial> self,
                                    AddressRace::Attempt attempt, std::shared_ptr<Try> one,
                                    base::IpEndpoint target) {
    const auto result = co_await one->socket.async_connect(to_asio(target), as_result);
    const auto error = std::get<0>(result);
    if (tries_.erase(attempt) == 0) co_return;  // it was given up
    if (error) {
        if (error == asio::error::no_descriptors) ++context_.no_descriptors;
        race_.failed(attempt, reason_of(error), mono_now());
        // Its place is free now, not when this task is gone.
        one->socket.close();
    } else {
        race_.connected(attempt);
        winner_.emplace(std::move(one->socket));
    }
    news_.set();
}

void Dial::cancel() {
    cancelled_ = true;
    for (const auto& [attempt, one] : std::exchange(tries_, {})) {
        error_code ignored;
        one->socket.close(ignored);
    }
    winner_.reset();
    news_.set();
}

}  // namespace nightjar::relay::io
