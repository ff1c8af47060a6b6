#include "relay/authority/prober.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "sphinx/base/address.hpp"
#include "sphinx/node/process/completion.hpp"

namespace nightjar::relay::authority {

namespace asio = boost::asio;
using node::process::as_result;

namespace {

constexpr int tries_at_once = 4;
constexpr base::Seconds look_period{1};

}  // namespace

base::Secret<32> fresh_seed() {
    base::SystemRandom random;
    base::Secret<32> seed;
    random.fill(seed.span());
    return seed;
}

std::vector<asio::ip::tcp::endpoint> dialable(const std::vector<directory::Endpoint>& addresses,
                                              bool lab) {
    std::vector<asio::ip::tcp::endpoint> found;
    for (const auto& at : addresses) {
        const auto address = base::IpAddress::parse(at.host);
        if (address && at.port != 0 && (lab || base::is_public(*address)))
            found.emplace_back(asio::ip::make_address(at.host), at.port);
    }
    return found;
}

Prober::Prober(core::Reachability& reach, Options options)
    : reach_{reach}, options_{std::move(options)}, identity_{fresh_seed()} {}

void Prober::start(node::process::TaskGroup& tasks) {
    for (int i = 0; i < tries_at_once; ++i)
        tasks.spawn("reachability", run());
}

asio::awaitable<void> Prober::run() {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    for (;;) {
        if (auto target = reach_.take_due(options_.now(), random_)) {
            co_await attempt(*std::move(target));
            continue;
        }
        timer.expires_after(look_period);
        const auto waited = co_await timer.async_wait(as_result);
        if (std::get<0>(waited)) co_return;
    }
}

/// The relay is reached if one of its addresses answers with its key. The try says that it comes
/// from a relay: one that the document does not list is dropped after both HELLOs, and a client
/// would take a place at a gateway, which may be another one's.
asio::awaitable<void> Prober::attempt(core::Reachability::Target target) {
    const cell::Hello mine{cell::protocol_version, options_.network, cell::LinkRole::relay};
    const auto addresses = dialable(target.addresses, options_.lab);
    if (addresses.empty()) co_return;
    bool reached = false;
    for (const auto& address : addresses) {
        auto link =
            co_await node::link::dial(address, identity_, target.key, mine, options_.limits);
        reached = bool{link};
        if (reached) break;
    }
    reach_.tried(target.relay, reached, options_.now());
}

}  // namespace nightjar::relay::authority
