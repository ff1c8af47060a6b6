#include "relay/io/links.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cassert>
#include <utility>

#include "sphinx/cell/control.hpp"
#include "sphinx/directory/dialled.hpp"
#include "sphinx/directory/route.hpp"
#include "sphinx/node/process/activation.hpp"
#include "sphinx/node/process/listen_error.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;
using asio::ip::tcp;
using node::process::log;

namespace {

std::vector<tcp::endpoint> to_asio(const std::vector<directory::Endpoint>& endpoints) {
    std::vector<tcp::endpoint> addresses;
    for (const auto& endpoint : endpoints) {
        boost::system::error_code error;
        const auto address = asio::ip::make_address(endpoint.host, error);
        if (!error) addresses.emplace_back(address, endpoint.port);
    }
    return addresses;
}

/// The most cells that may queue for a client's socket, and the size of the kernel's buffer behind
/// it: half a second of its rate. The downlink makes nothing up (docs/traffic-law.md), so cells
/// beyond that are lost. This also limits the memory of clients that read nothing.
std::size_t backlog_max(const directory::Parameters& law) {
    constexpr std::size_t least = 32;
    return std::max(least, static_cast<std::size_t>(law.down.per_second() / 2));
}

base::Mono now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

/// A relay that we dial. It must not send packets on this link: it dials a link of its own for
/// them.
struct Links::Outgoing final : node::link::Dialer::Owner {
    Outgoing(Links& all, const directory::Relay& to, cell::Hello mine)
        : links{all},
          relay{to},
          dialer{all.executor_,
                 {to_asio(directory::dialled_addresses(to)), to.link_key},
                 all.identity_,
                 mine,
                 all.options_.limits,
                 all.random_,
                 *this} {}

    void on_up(node::link::Link& up) override {
        link = &up;
        ++links.dialled_.made;
    }
    void on_down(node::link::LinkError) override { link = nullptr; }
    void on_refused(node::link::LinkError why) override { links.dialled_.failed.count(why); }
    void on_cell(node::link::Link&, cell::CellBox cell) override {
        if (cell->kind() != cell::Kind::packet) return;
        ++links.counters_.packets_in;
        links.counters_.drop(core::DropReason::misrouted);
    }

    Links& links;
    directory::Relay relay;  // as in the document in use when we dialled it
    node::link::Link* link = nullptr;
    node::link::Dialer dialer;
};

/// A link that another relay opened to us. Registered while this object lives, which is as long as
/// its task.
struct Links::FromRelay final : node::link::Link::Sink {
    FromRelay(Links& all, node::link::Link& its, const directory::Relay& who)
        : links{all}, link{its}, identity{who.identity}, relay{&who} {
        // A second link from the same relay replaces the first: that relay knows better which one
        // is alive.
        auto& place = links.from_relays_[identity];
        if (place != nullptr) place->link.close();
        place = this;
    }
    ~FromRelay() override {
        const auto found = links.from_relays_.find(identity);
        if (found != links.from_relays_.end() && found->second == this) {
            links.from_relays_.erase(found);
        }
    }
    FromRelay(const FromRelay&) = delete;
    FromRelay& operator=(const FromRelay&) = delete;

    void on_cell(node::link::Link&, cell::CellBox cell) override {
        // A new link of the same relay has what this one leaves.
        if (!links.neighbours_.take(identity, cell->kind(), now())) return links.close_flood(*this);
        if (cell->kind() != cell::Kind::packet || relay == nullptr) return;
        links.owner_.on_packet({relay, {}}, std::move(cell));
    }

    Links& links;
    node::link::Link& link;
    base::NodeId identity;
    const directory::Relay* relay;  // in the document in use; nullptr: no longer listed
};

/// A client's link, and the part of the document still to be sent on it. Registered while this
/// object lives.
struct Links::FromClient final : node::link::Link::Sink {
    FromClient(Links& all, node::link::Link& its, base::MailboxId who,
               base::PrefixShares::Holder its_place)
        : links{all},
          link{its},
          client{who},
          place{its_place},
          cells{core::cells_burst(all.law()), core::cells_start, now()} {
        links.by_place_.emplace(place, this);
        auto& registered = links.from_clients_[client];
        if (registered != nullptr) {
            registered->link.close();
            links.owner_.on_client_gone(client);
        }
        registered = this;
        link.bound_unsent(backlog_max(links.law()) * cell::cell_size);
        links.owner_.on_client(client, link.peer_address());
    }
    ~FromClient() override {
        links.places_.leave(place);
        links.by_place_.erase(place);
        const auto found = links.from_clients_.find(client);
        if (found == links.from_clients_.end() || found->second != this) return;
        links.from_clients_.erase(found);
        links.owner_.on_client_gone(client);
    }
    FromClient(const FromClient&) = delete;
    FromClient& operator=(const FromClient&) = delete;

    void on_cell(node::link::Link&, cell::CellBox cell) override {
        // No client that keeps the law comes near this rate, and each cell costs time.
        if (!cells.take(core::cells_per_second_max(links.law()), now()))
            return links.close_flood(*this);
        if (cell->kind() == cell::Kind::packet) {
            links.owner_.on_packet({nullptr, client}, std::move(cell));
        } else if (cell->kind() == cell::Kind::control) {
            const auto control = cell::decode(*cell);
            const auto* request = control ? std::get_if<cell::DocumentRequest>(&*control) : nullptr;
            // A client may send no other control cell.
            if (request == nullptr) return link.close();
            if (asked_for.bytes != nullptr) return;  // one transfer at a time
            asked_for = links.packed_.answer(request->have);
            offset = 0;
        }
    }

    Links& links;
    node::link::Link& link;
    base::MailboxId client;
    base::PrefixShares::Holder place;
    core::TokenBucket cells;                       // of any kind
    directory::PackedDocuments::Answer asked_for;  // being sent in parts
    std::size_t offset = 0;
};

Links::Links(asio::any_io_executor executor, LinksOptions options,
             directory::SignedDocument document, node::link::TlsIdentity& identity,
             base::Random& random, core::Counters& counters, node::process::TaskGroup& tasks,
             Owner& owner)
    : executor_{std::move(executor)},
      options_{std::move(options)},
      signed_{std::move(document)},
      identity_{identity},
      random_{random},
      counters_{counters},
      tasks_{tasks},
      owner_{owner},
      neighbours_{options_.packets_per_second},
      places_{options_.clients_max, random, base::PrefixShares::Ties::newcomer_loses} {
    neighbours_.use(*signed_.document, options_.self, now());
    const cell::Hello mine{cell::protocol_version, options_.network, cell::LinkRole::relay};
    const auto receive = [this](std::unique_ptr<node::link::Link> link) {
        on_link(std::move(link));
    };
    for (const auto& address : options_.listen) {
        try {
            listeners_.push_back(std::make_unique<node::link::Listener>(
                executor_, address, identity_, mine, options_.limits, receive));
        } catch (const boost::system::system_error& error) {
            throw node::process::cannot_listen(address, error.code(), "listen");
        }
    }
    node::process::refuse_unused_sockets("listen");
}

Links::~Links() = default;

void Links::start() {
    pack_document();
    know_relays();
    for (const auto& listener : listeners_)
        tasks_.spawn("listener", listener->run());
    dial_next_layer();
}

/// Listed relays and authorities get their handshakes whatever strangers do.
void Links::know_relays() {
    auto known = options_.authorities;
    for (const auto& relay : signed_.document->relays)
        for (const auto& address : to_asio(relay.addresses))
            known.insert(node::link::plain_address(address.address()));
    for (const auto& listener : listeners_)
        listener->know(known);
}

void Links::dial_next_layer() {
    const auto* self = own();
    const cell::Hello mine{cell::protocol_version, options_.network, cell::LinkRole::relay};
    // Drop a relay that moved or changed its key; it is dialled again below.
    std::erase_if(outgoing_, [&](const auto& item) {
        const auto& [identity, outgoing] = item;
        const auto* listed = signed_.document->find(identity);
        const bool keep = self != nullptr && listed != nullptr &&
                          directory::may_forward(*signed_.document, *self, *listed) &&
                          listed->addresses == outgoing->relay.addresses &&
                          listed->link_key == outgoing->relay.link_key;
        if (!keep) outgoing->dialer.stop();
        return !keep;
    });
    if (self == nullptr || closed_) return;
    for (const auto& relay : signed_.document->relays) {
        if (outgoing_.contains(relay.identity)) continue;
        if (!directory::may_forward(*signed_.document, *self, relay)) continue;
        auto outgoing = std::make_shared<Outgoing>(*this, relay, mine);
        outgoing_.emplace(relay.identity, outgoing);
        tasks_.spawn("link to the next layer", dial(std::move(outgoing)));
    }
}

asio::awaitable<void> Links::dial(std::shared_ptr<Outgoing> outgoing) {
    co_await outgoing->dialer.run();  // the coroutine frame keeps it alive until then
}

void Links::use(directory::SignedDocument document) {
    signed_ = std::move(document);
    pack_document();
    know_relays();
    neighbours_.use(*signed_.document, options_.self, now());
    for (auto& [identity, link] : from_relays_) {
        const auto* listed = signed_.document->find(identity);
        const bool keep = listed != nullptr && listed->link_key == link->link.peer_key();
        link->relay = listed;
        if (!keep) link->link.close();
    }
    dial_next_layer();
}

void Links::on_link(std::unique_ptr<node::link::Link> link) {
    if (closed_) return;
    const auto& document = *signed_.document;
    const auto* listed = document.find_by_link_key(link->peer_key());
    const auto* self = own();
    if (self == nullptr) return;  // an unlisted relay serves no links
    if (link->peer_hello().role == cell::LinkRole::relay) {
        if (listed == nullptr || !directory::may_forward(document, *listed, *self)) return;
        tasks_.spawn("link from a relay", serve_relay(std::move(link), listed->identity));
        return;
    }
    // A client with the key of a relay is invalid, and a mix has no clients.
    if (listed != nullptr || link->peer_key() == identity_.key()) return;
    if (self->role != directory::Role::gateway) return;
    tasks_.spawn("link from a client", serve_client(std::move(link)));
}

asio::awaitable<void> Links::serve_relay(std::unique_ptr<node::link::Link> link,
                                         base::NodeId peer) {
    const auto* relay = signed_.document->find(peer);
    if (closed_ || relay == nullptr) co_return;
    FromRelay sink{*this, *link, *relay};
    co_await link->run(sink);
}

asio::awaitable<void> Links::serve_client(std::unique_ptr<node::link::Link> link) {
    const auto client = base::MailboxId{link->peer_key().bytes};
    if (closed_) co_return;
    // A client that comes again gives up the place of its older link.
    if (const auto older = from_clients_.find(client); older != from_clients_.end())
        places_.leave(older->second->place);
    const auto place = take_place(*link);
    if (!place) co_return;
    FromClient sink{*this, *link, client, *place};
    co_await link->run(sink);
}

std::optional<base::PrefixShares::Holder> Links::take_place(const node::link::Link& link) {
    const auto place = next_place_++;
    const auto loser = places_.enter(link.peer_address(), place);
    if (loser == place) return std::nullopt;
    // It has a place until its task ends, in which it is closed.
    if (loser) by_place_.at(*loser)->link.close();
    return place;
}

/// Its identity is no secret: the document lists it.
void Links::close_flood(FromRelay& from) {
    from.link.close();
    if (neighbours_.per_second(from.identity) == 0) return;  // no neighbour any more
    ++floods_.of_relays;
    log(node::process::Level::warning, "relay " + base::to_hex(from.identity.bytes).substr(0, 8) +
                                           " sends far above the law: its link was closed");
}

/// No line at the moment of a client's packet.
void Links::close_flood(FromClient& from) {
    from.link.close();
    ++floods_.of_clients;
}

/// At once, and not when the first client asks: no client sees that another has asked.
void Links::pack_document() {
    const auto* self = own();
    if (self != nullptr && self->role == directory::Role::gateway) packed_.use(signed_);
}

bool Links::send_document_part(FromClient& client) {
    const auto all = base::as_bytes(*client.asked_for.bytes);
    const auto size = std::min(cell::document_part_size, all.size() - client.offset);
    const auto bytes = all.subspan(client.offset, size);
    const cell::DocumentPart part{client.asked_for.epoch,
                                  static_cast<std::uint32_t>(all.size()),
                                  static_cast<std::uint32_t>(client.offset),
                                  {bytes.begin(), bytes.end()}};
    if (!client.link.send(std::make_unique<cell::Cell>(cell::encode(part)))) return false;
    client.offset += size;
    if (client.offset == all.size()) client.asked_for = {};
    return true;
}

void Links::stop_accepting() {
    for (const auto& listener : listeners_)
        listener->stop();
}

void Links::close() {
    closed_ = true;
    stop_accepting();
    for (const auto& [identity, outgoing] : outgoing_)
        outgoing->dialer.stop();
    for (const auto& [identity, from] : from_relays_)
        from->link.close();
    for (const auto& [client, from] : from_clients_)
        from->link.close();
}

core::SendResult Links::to_relay(const base::NodeId& next, cell::CellBox cell) {
    const auto found = outgoing_.find(next);
    if (found == outgoing_.end() || found->second->link == nullptr)
        return core::SendResult::no_link;
    return found->second->link->send(std::move(cell)) ? core::SendResult::queued
                                                      : core::SendResult::queue_full;
}

core::SendResult Links::to_client(const base::MailboxId& client, cell::CellBox cell) {
    const auto found = from_clients_.find(client);
    if (found == from_clients_.end()) return core::SendResult::no_link;
    auto& from = *found->second;
    if (from.link.queued() >= backlog_max(law())) return core::SendResult::queue_full;
    const bool part = cell->kind() == cell::Kind::padding && from.asked_for.bytes != nullptr;
    const bool sent = part ? send_document_part(from) : from.link.send(std::move(cell));
    return sent ? core::SendResult::queued : core::SendResult::queue_full;
}

core::LinkCounts Links::counts() const {
    core::LinkCounts numbers;
    numbers.next_relays = outgoing_.size();
    for (const auto& [identity, outgoing] : outgoing_) {
        if (outgoing->link == nullptr) continue;
        ++numbers.next_relays_up;
        numbers.post_quantum += outgoing->link->post_quantum() ? 1 : 0;
    }
    for (const auto& [identity, from] : from_relays_)
        numbers.post_quantum += from->link.post_quantum() ? 1 : 0;
    numbers.previous_relays_up = from_relays_.size();
    numbers.clients = from_clients_.size();
    return numbers;
}

void Links::forget(base::Mono now) {
    say_floods(now);
    for (const auto& listener : listeners_)
        listener->forget(now);
}

}  // namespace nightjar::relay::io
