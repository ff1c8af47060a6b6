#include "relay/io/exit_dial.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "sphinx/node/process/socket_end.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using core::AddressRace;
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

ResetReason reason_of(DialError error) {
    switch (error) {
        case DialError::refused:
            return ResetReason::connection_refused;
        case DialError::reset:
            return ResetReason::cancelled;
        case DialError::timed_out:
            return ResetReason::timed_out;
        case DialError::overload:
        case DialError::no_descriptors:
            return ResetReason::overload;
        case DialError::unreachable:
        case DialError::given_up:
            break;
    }
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
    const auto room = [this] { return context_.attempts < context_.attempts_max; };
    while (const auto step = race_.next(now, room())) {
        if (step->kind == AddressRace::Step::Kind::start)
            start(step->attempt, step->target);
        else if (const auto node = tries_.extract(step->attempt); !node.empty())
            context_.client.give_up(node.mapped().number);
    }
}

/// An attempt keeps this object until it has a result or is given up. The policy may have changed
/// since it judged this address, up to 20 s ago: a reload, or a new address of this host.
void Dial::start(AddressRace::Attempt attempt, const base::IpEndpoint& target) {
    if (!context_.allows(target))
        return race_.failed(attempt, ResetReason::refused_by_policy, mono_now());
    tries_.try_emplace(attempt, context_);
    const auto number = context_.client.connect(
        target, [self = shared_from_this(), attempt](base::Result<Socket, DialError> result) {
            self->on_result(attempt, std::move(result));
        });
    if (const auto one = tries_.find(attempt); one != tries_.end()) one->second.number = number;
}

void Dial::on_result(AddressRace::Attempt attempt, base::Result<Socket, DialError> result) {
    if (tries_.erase(attempt) == 0) return;  // it was given up
    if (result) {
        race_.connected(attempt);
        winner_.emplace(std::move(*result));
    } else {
        if (result.error() == DialError::no_descriptors) ++context_.no_descriptors;
        race_.failed(attempt, reason_of(result.error()), mono_now());
    }
    news_.set();
}

void Dial::cancel() {
    cancelled_ = true;
    std::vector<DialClient::Attempt> given_up;
    for (const auto& [attempt, one] : tries_)
        given_up.push_back(one.number);
    tries_.clear();
    for (const auto number : given_up)
        context_.client.give_up(number);
    winner_.reset();
    news_.set();
}

}  // namespace nightjar::relay::io
