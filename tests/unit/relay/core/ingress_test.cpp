#include "relay/core/ingress.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "tests/support/owned_filter.hpp"
#include "tests/unit/test_network.hpp"

using namespace nightjar;
using namespace std::chrono_literals;
using relay::core::DropReason;
using relay::core::Ingress;
using relay::core::Origin;

namespace {

struct Fixture {
    test::Network network;
    base::SeededRandom random{1};
    relay::core::Keyring keyring{900s, 3500ms};
    base::MailboxId client{{7}};

    explicit Fixture(const std::string& self = "mix-1-0") { use_key_of(self); }
    void use_key_of(const std::string& self) {
        keyring.add(network.key(network.named(self), test::epoch),
                    std::make_unique<test::OwnedFilter>());
    }
    Ingress ingress(const std::string& self, double lab_drop_share = 0) {
        return {network.named(self).identity, network.document(), keyring, random, lab_drop_share};
    }
    static cell::Cell packet(std::uint8_t epoch_byte = test::epoch.low_byte()) {
        return cell::Cell::packet(base::Bytes(cell::body_size), epoch_byte);
    }
    std::string admit(Ingress& ingress, const Origin& from, const cell::Cell& cell = packet(),
                      base::Mono at = test::start) {
        const auto key = ingress.admit(from, cell, at, network.wall());
        if (key) return "admitted";
        return relay::core::drop_reason_names[static_cast<std::size_t>(key.error())];
    }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "ingress: who may send to whom") {
    struct Case {
        const char *from, *to, *outcome;
    };
    const Case cases[] = {
        {"gateway-0", "mix-1-0", "admitted"},    {"gateway-1", "mix-1-1", "admitted"},
        {"mix-1-0", "mix-2-1", "admitted"},      {"mix-2-0", "mix-3-0", "admitted"},
        {"mix-3-1", "gateway-0", "admitted"},    {"mix-1-0", "mix-1-1", "misrouted"},
        {"mix-2-0", "mix-1-0", "misrouted"},     {"mix-1-0", "mix-3-0", "misrouted"},
        {"mix-3-0", "mix-1-0", "misrouted"},     {"mix-3-0", "mix-2-0", "misrouted"},
        {"gateway-0", "mix-2-0", "misrouted"},   {"gateway-0", "mix-3-0", "misrouted"},
        {"gateway-0", "gateway-1", "misrouted"}, {"mix-1-0", "gateway-0", "misrouted"},
        {"mix-2-0", "gateway-0", "misrouted"},   {"client", "gateway-0", "admitted"},
        {"client", "mix-1-0", "misrouted"},      {"client", "mix-3-0", "misrouted"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.from);
        CAPTURE(c.to);
        auto in = ingress(c.to);
        in.client_connected(client, test::start);
        Origin from;
        if (std::string{c.from} == "client")
            from.client = client;
        else
            from.relay = &network.named(c.from);
        CHECK(admit(in, from) == c.outcome);
    }
}

TEST_CASE_FIXTURE(Fixture, "ingress: a newer document decides from when it is used") {
    auto in = ingress("mix-1-0");
    const auto self = network.named("mix-1-0").identity;
    Origin from;
    from.relay = &network.named("gateway-0");
    CHECK(admit(in, from) == "admitted");
    auto moved = std::make_shared<directory::Document>(*network.document());
    auto gone = std::make_shared<directory::Document>(*network.document());
    for (auto& relay : moved->relays)
        if (relay.identity == self) relay.layer = 2;
    std::erase_if(gone->relays, [&](const auto& relay) { return relay.identity == self; });
    in.use(moved);
    CHECK(admit(in, from) == "misrouted");
    in.use(gone);
    CHECK(admit(in, from) == "misrouted");
    in.use(network.document());
    CHECK(admit(in, from) == "admitted");
}

TEST_CASE_FIXTURE(Fixture, "ingress: the epoch byte names a key or the packet is malformed") {
    auto in = ingress("mix-1-0");
    const Origin gateway{&network.named("gateway-0"), {}};
    CHECK(admit(in, gateway, packet(test::epoch.low_byte())) == "admitted");
    CHECK(admit(in, gateway, packet(test::epoch.next().low_byte())) == "malformed");
    CHECK(admit(in, gateway, packet(0)) == "malformed");
    CHECK(admit(in, gateway, cell::Cell{}) == "malformed");  // a padding cell is not a packet
}

TEST_CASE_FIXTURE(Fixture, "ingress: a relay that the document does not list takes nothing") {
    const base::NodeId stranger{{9, 9, 9}};
    Ingress in{stranger, network.document(), keyring, random, 0};
    CHECK(admit(in, {&network.named("gateway-0"), {}}) == "misrouted");
    in.client_connected(client, test::start);
    CHECK(admit(in, {nullptr, client}) == "misrouted");
}

TEST_CASE_FIXTURE(Fixture, "ingress: a client is admitted 64 at once and 1.2 (U + L) a second") {
    CHECK(relay::core::admitted_per_second(network.parameters()) == doctest::Approx(66.0));
    auto in = ingress("gateway-0");
    const Origin from{nullptr, client};
    CHECK(admit(in, from) == "admission");  // not connected
    in.client_connected(client, test::start);
    for (int i = 0; i < 64; ++i)
        REQUIRE(admit(in, from) == "admitted");
    CHECK(admit(in, from) == "admission");
    // 1/66 s gives one token; a little less does not.
    CHECK(admit(in, from, packet(), test::start + 15ms) == "admission");
    CHECK(admit(in, from, packet(), test::start + 16ms) == "admitted");
    // An hour fills the bucket and not more.
    int burst = 0;
    while (burst < 1000 && admit(in, from, packet(), test::start + 1h) == "admitted")
        ++burst;
    CHECK(burst == 64);
    // A flood of 10 s at ten times the rate is admitted at the rate.
    int admitted = 0;
    for (int i = 0; i < 6600; ++i)
        if (admit(in, from, packet(), test::start + 1h + i * base::Nanoseconds{10s} / 6600) ==
            "admitted")
            ++admitted;
    CHECK((admitted >= 658 && admitted <= 660));
}

TEST_CASE_FIXTURE(Fixture,
                  "ingress: buckets are each client's own, and the law's rate never empties one") {
    auto in = ingress("gateway-0");
    const base::MailboxId other{{8}};
    in.client_connected(client, test::start);
    in.client_connected(other, test::start);
    for (int i = 0; i < 200; ++i)
        admit(in, {nullptr, client});
    CHECK(admit(in, {nullptr, client}) == "admission");
    CHECK(admit(in, {nullptr, other}) == "admitted");
    in.client_gone(other);
    CHECK(admit(in, {nullptr, other}) == "admission");

    // An hour of Poisson slots at U + L = 55 per second.
    in.client_connected(other, test::start);
    auto at = test::start;
    int refused = 0;
    while (at < test::start + 1h) {
        at += random.exponential(base::Nanoseconds{1s} / 55);
        if (admit(in, {nullptr, other}, packet(), at) != "admitted") ++refused;
    }
    CHECK(refused == 0);
}

TEST_CASE_FIXTURE(Fixture, "ingress: relays have no bucket") {
    auto in = ingress("mix-1-0");
    for (int i = 0; i < 1000; ++i)
        REQUIRE(admit(in, {&network.named("gateway-0"), {}}) == "admitted");
}

TEST_CASE_FIXTURE(Fixture, "ingress: injected drops are the asked share, in a lab network only") {
    auto in = ingress("mix-1-0", 0.05);
    const Origin gateway{&network.named("gateway-0"), {}};
    constexpr int n = 20'000;
    int dropped = 0;
    for (int i = 0; i < n; ++i)
        if (admit(in, gateway) == "injected") ++dropped;
    CHECK(std::abs(dropped - n * 0.05) < 4 * std::sqrt(n * 0.05 * 0.95));
    network.parameters().lab = false;
    for (int i = 0; i < 1000; ++i)
        REQUIRE(admit(in, gateway) == "admitted");
}
