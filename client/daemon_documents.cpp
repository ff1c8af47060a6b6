// How a running client gets newer documents: from its gateway, and from another one if that sends
// none (docs/client.md, "Another gateway").
#include "client/daemon_impl.hpp"
#include "sphinx/directory/dialled.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::client {

using node::process::as_result;
using node::process::Level;

namespace {

/// The client's own gateway has a minute for its answer, or this part of an epoch if that is less.
constexpr int own_time_parts = 24;

/// Of a document that comes from another gateway nothing is shown until it is there.
struct NoNews final : operation::DocumentNews {
    void document_refused(const operation::Reason&) override {}
    void document_comes(std::size_t, std::size_t) override {}
};

}  // namespace

node::link::DialTarget target_of(const directory::Relay& gateway) {
    node::link::DialTarget target;
    target.key = gateway.link_key;
    for (const auto& address : directory::dialled_addresses(gateway))
        target.addresses.emplace_back(asio::ip::make_address(address.host), address.port);
    return target;
}

/// Requests a newer document once the epoch is half over. The times depend only on the clock.
asio::awaitable<void> Daemon::refresh_document() {
    auto next = protocol::next_own_request(*document_, node::process::wall_now(), random_);
    for (;;) {
        const auto length = document_->parameters.epoch_length;
        document_timer_.expires_after(std::min(next, document_->valid_until) -
                                      node::process::wall_now());
        co_await document_timer_.async_wait(as_result);
        const auto now = node::process::wall_now();
        if (now >= document_->valid_until) {
            begin_again("the network document has expired, and no gateway has sent a newer one");
            co_return;
        }
        next = protocol::next_own_request(*document_, now, random_);
        if (now < directory::epoch_start(document_->epoch, length) + length / 2) continue;
        if (fetch_.coming(node::process::mono_now())) continue;
        const auto request = fetch_.begin(document_, node::process::mono_now());
        if (!own_asked_) own_asked_ = node::process::mono_now();
        core_->control(std::make_unique<cell::Cell>(cell::encode(request)));
    }
}

void Daemon::on_fetched(const protocol::DocumentFetch::Outcome& came) {
    if (came) return on_document(*came, Source::gateway);
    node::process::log(Level::warning,
                       "the gateway's network document cannot be unpacked: " + came.error());
}

void Daemon::on_document(std::string_view text, Source source) {
    const auto newer =
        operation::accept_document(text, anchors_, node::process::wall_now(), document_->epoch);
    if (!newer) return node::process::log(Level::warning, newer.error());
    if ((*newer)->epoch == document_->epoch) {
        const auto alarm = evidence_.compare(*document_, **newer);
        if (evidence_.facts().epoch == document_->epoch) report_.conflict(document_->epoch);
        if (alarm) node::process::log(Level::error, *alarm);
        return;
    }
    const auto* gateway = (*newer)->find(gateway_->identity);
    // It may be back in the next one. An attacker who can keep it out of one document could
    // otherwise make its clients draw gateways until they draw the attacker's.
    report_.gateway_listed(gateway != nullptr);
    if (gateway == nullptr) return;
    report_.document_withheld(source == Source::another_gateway);
    document_ = *newer;
    own_asked_.reset();
    gateway_ = gateway;
    dialer_->use(target_of(*gateway_));  // it may have moved
    core_->use(document_);
    look_for_exits();
    state_.keep_document(text);
}

// --- another gateway -----------------------------------------------------------------------------

void Daemon::look_for_other_gateway(const core::ClockStatus& clock) {
    // Also while parts come: otherwise a gateway that sends one now and then could prevent it.
    if (asks_another_) return;
    // After a start or a suspend the own gateway has not had its time yet.
    const auto now = node::process::mono_now();
    const auto time = std::min<base::Nanoseconds>(
        protocol::DocumentFetch::patience, document_->parameters.epoch_length / own_time_parts);
    if (!own_asked_ || now < *own_asked_ + time) return;
    const auto network_time = node::process::wall_now() + clock.correction;
    const auto number = others_.due(*document_, network_time, random_);
    if (!number) return;
    const auto others = protocol::other_gateways(*document_, *gateway_, gateway_until_);
    if (others.empty()) return;
    node::process::log(Level::warning,
                       "the gateway has not sent the next network document: asking another one, " +
                           others[*number % others.size()]->name);
    asks_another_ = true;
    tasks_.spawn("another gateway", ask_another(*others[*number % others.size()]));
}

/// Over a link of its own, as a start asks the gateways of the anchors.
asio::awaitable<void> Daemon::ask_another(directory::Relay gateway) {
    NoNews news;
    const auto network = directory::network_id(anchors_);
    for (const auto& address : directory::dialled_addresses(gateway)) {
        const directory::Anchors::Gateway place{gateway.identity, address, gateway.link_key};
        const auto text = co_await operation::fetch_document(place, network, news);
        if (text) {
            on_document(*text, Source::another_gateway);
            break;
        }
        node::process::log(Level::warning, text.error());
    }
    asks_another_ = false;
}

}  // namespace nightjar::client
