#include "client/operation/bootstrap.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>

#include "client/core/guards.hpp"
#include "relay/io/links.hpp"
#include "sphinx/directory/packed.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/task_group.hpp"
#include "tests/support/loopback.hpp"
#include "tests/support/networks.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/system/link_pair.hpp"

using namespace nightjar;
namespace asio = boost::asio;

namespace {

constexpr base::Seconds week{7 * 86'400};

/// A gateway of a signed network that serves its document, and a client that has no document in
/// use.
struct Bootstrap final : relay::io::Links::Owner, client::operation::DocumentNews {
    Bootstrap() {
        auto& document = network.document;
        document.epoch =
            directory::epoch_at(node::process::wall_now(), document.parameters.epoch_length);
        text = signed_text(document.epoch);
        relay::io::LinksOptions options;
        options.self = test::named(document, "gateway-1").identity;
        options.network = directory::network_id(network.anchors);
        options.listen = {address};
        options.limits = tests::patient_limits();
        links.emplace(io.get_executor(), options,
                      directory::SignedDocument{std::make_shared<directory::Document>(document),
                                                std::make_shared<std::string>(text)},
                      identity, random, counters, tasks, *this);
        links->start();
        network.anchors.gateways = {
            {options.self, {address.address().to_string(), address.port()}, identity.key()}};
    }
    ~Bootstrap() override {
        links->close();
        tasks.cancel();
        until([this] { return tasks.running() == 0; });
    }

    /// The network's document for an epoch, signed by the authority.
    std::string signed_text(base::Epoch epoch) { return signed_text(epoch, network.document); }
    std::string signed_text(base::Epoch epoch, directory::Document document) {
        const auto length = document.parameters.epoch_length;
        document.epoch = epoch;
        document.valid_from = directory::epoch_start(epoch, length);
        document.valid_until = document.valid_from + 2 * length;
        directory::sign(document, network.authorities.front());
        return directory::to_text(document);
    }
    void document_refused(const client::operation::Reason& why) override {
        waiting_for = why;
        come = 0;
    }
    void document_comes(std::size_t have, std::size_t of) override {
        CHECK(have > come);
        CHECK(of == directory::pack(text).size());
        come = have;
    }
    void fetch() { tasks.spawn("first document", run()); }
    asio::awaitable<void> run() {
        got = co_await client::operation::first_document(network.anchors, state, random, *this);
    }
    bool until(const std::function<bool()>& done) {
        const auto end = std::chrono::steady_clock::now() + base::Seconds{40};
        while (!done() && std::chrono::steady_clock::now() < end) {
            io.restart();
            io.run_one_for(base::Milliseconds{20});
            if (connected)
                links->to_client(*connected,
                                 std::make_unique<cell::Cell>());  // a slot of its downlink
        }
        return done();
    }

    void on_packet(const relay::core::Origin&, cell::CellBox) override {}
    void on_client(const base::MailboxId& who, const base::IpAddress&) override { connected = who; }
    void on_client_gone(const base::MailboxId&) override { connected.reset(); }

    base::SeededRandom random{1};
    test::SignedNetwork network = test::make_network(1);
    std::string text;
    test::TemporaryFolder folder;
    client::operation::StateDir state{folder.path() / "state"};
    asio::ip::tcp::endpoint address = test::free_endpoint();
    asio::io_context io{1};
    node::link::TlsIdentity identity{tests::seed(1)};
    relay::core::Counters counters;
    node::process::TaskGroup tasks{io.get_executor(),
                                   [](const std::string&, const std::string&) {}};
    std::optional<relay::io::Links> links;
    std::optional<base::MailboxId> connected;
    client::operation::DocumentRef got;
    client::operation::Reason waiting_for;
    std::size_t come = 0;  // bytes of the document
};

}  // namespace

TEST_CASE("first document: fetched from a gateway when the stored one has expired") {
    Bootstrap client;
    client.state.keep_document(client.signed_text({client.network.document.epoch.value - 5}));
    client.fetch();
    REQUIRE(client.until([&] { return client.got != nullptr; }));
    CHECK(client.got->epoch == client.network.document.epoch);
    CHECK(client.come == directory::pack(client.text).size());
    CHECK(client.state.document_text() == client.text);
}

TEST_CASE(
    "first document: after a week offline it is of now, with its keys, and guards are those of "
    "then") {
    Bootstrap client;
    auto& now = client.network.document;
    const auto length = now.parameters.epoch_length;
    const base::Epoch then{now.epoch.value - static_cast<std::uint32_t>(week / length)};
    auto old = now;
    for (auto& relay : old.relays) {
        relay.mix_key = client.random.id<base::MixKey>();
        relay.next_mix_key = client.random.id<base::MixKey>();
    }
    client.state.keep_document(client.signed_text(then, old));
    const auto left = directory::epoch_start(then, length);
    const auto& gateway = test::named(now, "gateway-1");
    client::core::Guards guards;
    const auto* exit = guards.exit(old, gateway, {}, left, client.random);
    REQUIRE(exit != nullptr);
    const auto* mix = guards.mix(old, 2, gateway, *exit, left, client.random);
    REQUIRE(mix != nullptr);
    client.state.keep_guards(guards.state());

    client.fetch();
    REQUIRE(client.until([&] { return client.got != nullptr; }));
    const auto& got = *client.got;
    CHECK(got.epoch == now.epoch);
    CHECK(client.come ==
          directory::pack(client.text).size());  // the whole: no diff goes so far back
    CHECK(client.state.document_text() == client.text);
    for (const auto& relay : old.relays) {
        const auto* found = got.find(relay.identity);
        REQUIRE(found != nullptr);
        CHECK(got.mix_key(*found, then) == nullptr);
        CHECK(*got.mix_key(*found, got.epoch) != relay.mix_key);
    }
    const auto back = node::process::wall_now();
    client::core::Guards again;
    again.restore(client.state.guards(), back);
    CHECK(again.exit(got, gateway, {}, back, client.random)->identity == exit->identity);
    CHECK(again.mix(got, 2, gateway, *exit, back, client.random)->identity == mix->identity);
    CHECK(again.state() == guards.state());
    // One whose time ended in that week gets a new one.
    auto ended = guards.state();
    ended.mixes.kept.front().until = left + week / 2;
    again.restore(ended, back);
    REQUIRE(again.mix(got, 2, gateway, *exit, back, client.random) != nullptr);
    CHECK(again.state().mixes.kept.front().until > back);
}

TEST_CASE("first document: none of an older epoch than the kept one's, though our clock takes it") {
    Bootstrap client;
    const auto kept = client.signed_text({client.network.document.epoch.value + 5});
    client.state.keep_document(kept);
    client.fetch();
    const auto refused = [&] {
        return client.waiting_for.find("older epoch") != std::string::npos;
    };
    REQUIRE(client.until([&] { return client.got != nullptr || refused(); }));
    CHECK(client.got == nullptr);
    CHECK(client.state.document_text() == kept);
}

TEST_CASE("first document: what the authorities did not sign proves no epoch") {
    Bootstrap client;
    auto forged = client.signed_text({client.network.document.epoch.value + 5});
    forged[forged.size() - 2] = forged[forged.size() - 2] == '0' ? '1' : '0';
    client.state.keep_document(forged);
    client.fetch();
    REQUIRE(client.until([&] { return client.got != nullptr; }));
    CHECK(client.got->epoch == client.network.document.epoch);
}
