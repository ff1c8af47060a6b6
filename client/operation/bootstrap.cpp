#include "client/operation/bootstrap.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "client/protocol/document_fetch.hpp"
#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/link/backoff.hpp"
#include "sphinx/node/link/link.hpp"
#include "sphinx/node/link/segments.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::client::operation {

namespace {

Reason explain(directory::Refusal refusal, const directory::Document& document, base::Wall now) {
    if (refusal == directory::Refusal::not_yet_valid) {
        return "the network document is valid from " + base::utc_text(document.valid_from) +
               ", and this machine's clock says " + base::utc_text(now) + ": set the clock";
    }
    if (refusal == directory::Refusal::expired) {
        return "the network document was valid until " + base::utc_text(document.valid_until) +
               ", and this machine's clock says " + base::utc_text(now) +
               ": set the clock, or wait for a newer document";
    }
    return std::string{"the network document is refused: "} + directory::reason(refusal, document);
}

/// The epoch of a document that this network's authorities have signed, even if it is not valid
/// now. 0 if they have not signed it.
base::Epoch signed_epoch(std::string_view text, const directory::Anchors& anchors) {
    const auto document = directory::parse(text);
    const bool good =
        document && directory::check(*document, anchors, document->valid_from, base::Epoch{0});
    return good ? document->epoch : base::Epoch{0};
}

/// Collects the document's parts. Closes the link when the document is complete or the fetch
/// failed.
struct Collector final : node::link::Link::Sink {
    explicit Collector(DocumentNews& hears) : news{hears} {}

    DocumentNews& news;
    protocol::DocumentFetch fetch;
    std::optional<protocol::DocumentFetch::Outcome> outcome;

    void on_cell(node::link::Link& link, cell::CellBox cell) override {
        if (cell->kind() != cell::Kind::control) return;
        const auto control = cell::decode(*cell);
        const auto* part = control ? std::get_if<cell::DocumentPart>(&*control) : nullptr;
        if (part != nullptr) outcome = fetch.accept(*part);
        if (part != nullptr && (outcome || fetch.waiting(node::process::mono_now())))
            news.document_comes(part->offset + part->bytes.size(), part->total);
        if (part == nullptr || outcome || !fetch.waiting(node::process::mono_now())) link.close();
    }
};

}  // namespace

asio::awaitable<base::Result<std::string, Reason>> fetch_document(
    directory::Anchors::Gateway gateway, base::NetworkId network, DocumentNews& news) {
    using Outcome = base::Result<std::string, Reason>;
    boost::system::error_code malformed;
    const auto host = asio::ip::make_address(gateway.address.host, malformed);
    if (malformed) co_return Outcome{base::Fail{Reason{"a gateway's address is malformed"}}};
    const asio::ip::tcp::endpoint address{host, gateway.address.port};

    const auto seed = node::files::new_key();
    node::link::TlsIdentity identity{seed};
    cell::Hello mine;
    mine.network = network;
    mine.role = cell::LinkRole::client;
    // A fetch is short, so all of them take small segments: they pass paths that drop large
    // packets, and none looks unlike another.
    auto dialed =
        co_await node::link::dial_by_segments(address, identity, gateway.link_key, mine,
                                              node::link::LinkLimits{}, node::link::small_segment);
    if (!dialed) {
        co_return Outcome{base::Fail{std::string{"no link to a gateway: "} +
                                     node::link::to_string(dialed.error())}};
    }
    const std::shared_ptr<node::link::Link> link = *std::move(dialed);
    Collector collector{news};
    const auto request = collector.fetch.begin(nullptr, node::process::mono_now());
    link->send(std::make_unique<cell::Cell>(cell::encode(request)));
    asio::steady_timer deadline{co_await asio::this_coro::executor,
                                protocol::DocumentFetch::patience};
    // The handler may still be queued after this frame is gone, so it holds only a weak pointer.
    const std::weak_ptr<node::link::Link> hint = link;
    const auto on_deadline = [hint](boost::system::error_code error) {
        const auto alive = hint.lock();
        if (!error && alive) alive->close();
    };
    deadline.async_wait(on_deadline);
    const auto ended = co_await link->run(collector);
    if (collector.outcome && *collector.outcome) co_return Outcome{**std::move(collector.outcome)};
    if (collector.outcome) {
        co_return Outcome{base::Fail{"the document that a gateway sent cannot be unpacked: " +
                                     collector.outcome->error()}};
    }
    co_return Outcome{
        base::Fail{std::string{"a gateway sent no document: "} + node::link::to_string(ended)}};
}

base::Result<DocumentRef, Reason> accept_document(std::string_view text,
                                                  const directory::Anchors& anchors, base::Wall now,
                                                  base::Epoch held) {
    auto document = directory::parse(text);
    if (!document) {
        return base::Fail{"the network document is malformed in line " +
                          std::to_string(document.error().line) + ": " + document.error().reason};
    }
    const auto checked = directory::check(*document, anchors, now, held);
    if (!checked) return base::Fail{explain(checked.error(), *document, now)};
    return DocumentRef{std::make_shared<const directory::Document>(*std::move(document))};
}

asio::awaitable<DocumentRef> first_document(const directory::Anchors& anchors,
                                            const StateDir& state, base::Random& random,
                                            DocumentNews& news, bool anew) {
    // Never accept an epoch below the stored document's, even if our clock says that document is
    // not valid yet. Otherwise an attacker who sets our clock back could bring back an old network.
    base::Epoch held{0};
    if (const auto text = state.document_text()) {
        const auto kept =
            accept_document(*text, anchors, node::process::wall_now(), base::Epoch{0});
        if (kept && !anew) co_return *kept;
        if (!kept)
            node::process::log(node::process::Level::info,
                               "not using the kept document: " + kept.error());
        held = signed_epoch(*text, anchors);
    }
    node::link::Backoff pause{base::Milliseconds{500}, base::Milliseconds{10'000}};
    asio::steady_timer timer{co_await asio::this_coro::executor};
    const auto network = directory::network_id(anchors);
    auto gateways = anchors.gateways;
    random.shuffle(gateways);
    for (std::size_t attempt = 0;; ++attempt) {
        const auto text =
            co_await fetch_document(gateways[attempt % gateways.size()], network, news);
        if (text) {
            const auto fetched = accept_document(*text, anchors, node::process::wall_now(), held);
            if (fetched) {
                state.keep_document(*text);
                co_return *fetched;
            }
            news.document_refused(fetched.error());
        } else {
            news.document_refused(text.error());
        }
        timer.expires_after(pause.next(random));
        co_await timer.async_wait(node::process::as_result);
    }
}

}  // namespace nightjar::client::operation
