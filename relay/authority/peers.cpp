#include "relay/authority/peers.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "sphinx/node/config/service_name.hpp"
#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::relay::authority {

namespace asio = boost::asio;
using node::process::as_result;
using node::process::Level;
using node::process::log;

namespace {

constexpr base::Milliseconds busy_pause_least{250};
constexpr base::Milliseconds busy_pause_most{1000};
constexpr base::Milliseconds idle_pause_most{5000};
constexpr base::Milliseconds bundle_deadline{10'000};
constexpr base::Milliseconds object_deadline{30'000};

}  // namespace

Peers::Peers(const node::config::AnchorsFile& network, base::Secret<32> own, Member& member,
             std::function<core::Moment()> now)
    : own_{std::move(own)}, member_{member}, now_{std::move(now)} {
    const base::LinkKey itself{node::files::ed25519_public(own_)};
    for (std::size_t i = 0; i < network.services.size(); ++i) {
        const auto& [address, key] = network.services[i];
        if (key == itself) continue;
        others_.push_back({{{base::IpAddress::parse(address.host).value(), address.port}, key},
                           node::config::name_of_service(i)});
    }
    const base::Milliseconds length{network.epoch_length.value_or(base::Seconds{3600})};
    busy_ = std::clamp(length / 120, busy_pause_least, busy_pause_most);
    idle_ = std::clamp(length / 24, busy_, idle_pause_most);
}

void Peers::start(node::process::TaskGroup& tasks) {
    for (const auto& other : others_)
        tasks.spawn("other authority", ask(other));
}

asio::awaitable<void> Peers::ask(Other other) {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    bool reached = true;
    std::optional<base::Epoch> compared;
    for (;;) {
        const bool now_reached = co_await ask_once(other.peer);
        if (reached && !now_reached) log(Level::warning, other.name + " does not answer");
        if (!reached && now_reached) log(Level::info, other.name + " answers again");
        reached = now_reached;
        if (reached) co_await compare(other, compared);
        timer.expires_after(member_.busy() ? busy_ : idle_);
        const auto waited = co_await timer.async_wait(as_result);
        if (std::get<0>(waited)) co_return;
    }
}

/// The body of an answer; empty if there is none.
asio::awaitable<std::string> Peers::get(const node::https::Peer& peer, std::string target,
                                        std::size_t size_max, base::Milliseconds deadline) {
    node::https::ClientLimits limits;
    limits.body_max = size_max;
    limits.deadline = deadline;
    // Named: g++ 12 destroys a temporary in a co_await expression twice.
    const node::https::Request request{"GET", std::move(target), {}, {}};
    auto reply = co_await node::https::ask(peer, request, limits, &own_);
    if (!reply || reply->status != 200) co_return std::string{};
    co_return std::move(reply->body);
}

/// Once for each document: authorities that lie together could give others another one.
asio::awaitable<void> Peers::compare(const Other& other, std::optional<base::Epoch>& compared) {
    const auto ours = member_.comparison(compared);
    if (!ours) co_return;
    node::https::ClientLimits limits;
    limits.body_max = directory::document_text_max;
    limits.deadline = bundle_deadline;
    const auto reply = co_await node::https::ask(other.peer, ours->request, limits, &own_);
    if (!reply || (reply->status != 200 && reply->status != 304)) co_return;  // not yet
    compared = ours->epoch;
    if (reply->status == 200) member_.take_document(other.name, reply->body);
}

asio::awaitable<bool> Peers::ask_once(const node::https::Peer& peer) {
    const auto bundle = co_await get(peer, "/agreement", core::bundle_size_max, bundle_deadline);
    if (bundle.empty()) co_return false;
    const auto wants = member_.take_bundle(bundle, now_());
    for (const auto& its : wants.descriptors) {
        const auto body =
            co_await get(peer, "/agreement/descriptors/" + std::to_string(its.epoch.value),
                         core::descriptors_size_max, object_deadline);
        if (!body.empty()) member_.take_descriptors(its, body, now_());
    }
    for (const auto& id : wants.objects) {
        if (!member_.wants(id)) continue;  // another one has sent it
        const auto body = co_await get(peer, "/agreement/object/" + base::to_hex(id.bytes),
                                       core::value_size_max, object_deadline);
        if (!body.empty()) member_.take_object(body, now_());
    }
    co_return true;
}

}  // namespace nightjar::relay::authority
