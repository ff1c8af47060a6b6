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

constexpr base::IpAddress this_machine{false, {127, 0, 0, 1}};

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
        if (key) {
            const auto* relay = from.relay ? &from.relay->identity : nullptr;
            return ingress.take_room(relay, at) ? "admitted" : "admission";
        }
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
        in.client_connected(client, this_machine, test::start);
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
    in.client_connected(client, this_machine, test::start);
    CHECK(admit(in, {nullptr, client}) == "misrouted");
}

TEST_CASE_FIXTURE(Fixture,
                  "ingress: a client is admitted 1.2 (U + L) a second, 16 at once and 64 later") {
    CHECK(relay::core::admitted_per_second(network.parameters()) == doctest::Approx(66.0));
    auto in = ingress("gateway-0");
    const Origin from{nullptr, client};
    CHECK(admit(in, from) == "admission");  // not connected
    in.client_connected(client, this_machine, test::start);
    for (int i = 0; i < 16; ++i)
        REQUIRE(admit(in, from) == "admitted");
    CHECK(admit(in, from) == "admission");
    // Connecting again fills nothing that waiting would not.
    in.client_gone(client, 1, test::start);
    in.client_connected(client, this_machine, test::start);
    int again = 0;
    while (again < 1000 && admit(in, from) == "admitted")
        ++again;
    CHECK(again == 16);
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
    in.client_connected(client, this_machine, test::start);
    in.client_connected(other, this_machine, test::start);
    for (int i = 0; i < 200; ++i)
        admit(in, {nullptr, client});
    CHECK(admit(in, {nullptr, client}) == "admission");
    CHECK(admit(in, {nullptr, other}) == "admitted");
    in.client_gone(other, 1, test::start);
    CHECK(admit(in, {nullptr, other}) == "admission");

    // An hour of Poisson slots at U + L = 55 per second.
    in.client_connected(other, this_machine, test::start);
    auto at = test::start;
    int refused = 0;
    while (at < test::start + 1h) {
        at += random.exponential(base::Nanoseconds{1s} / 55);
        if (admit(in, {nullptr, other}, packet(), at) != "admitted") ++refused;
    }
    CHECK(refused == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "ingress: one relay of the layer before takes no replay room of another") {
    const auto mix = network.named("mix-2-0").identity;
    // Filters for 10 packets a second over 100 s: the room is 1,000, half of it in reserve.
    Ingress in{mix, network.document(), keyring, random, 0, {10, 100s}};
    use_key_of("mix-2-0");
    const auto from = [&](const char* name) { return Origin{&network.named(name), {}}; };
    const auto burst = [&](const char* name, int tries, base::Mono at) {
        int admitted = 0;
        for (int i = 0; i < tries; ++i)
            admitted += admit(in, from(name), packet(), at) == "admitted" ? 1 : 0;
        return admitted;
    };
    CHECK_FALSE(in.room_refused());
    CHECK(burst("mix-1-0", 5000, test::start) == 500);
    CHECK(in.room_refused() == test::start);
    CHECK(admit(in, from("mix-1-0")) == "admission");
    // The other relay of its layer has half of the reserve, and half of the rate for ever.
    CHECK(burst("mix-1-1", 5000, test::start) == 250);
    int lost = 0;
    for (int second = 1; second <= 600; ++second) {
        burst("mix-1-0", 100, test::start + second * 1s);
        lost += 5 - burst("mix-1-1", 5, test::start + second * 1s);
    }
    CHECK(lost == 0);
    // A misrouted or malformed packet takes no room.
    CHECK(admit(in, from("mix-3-0"), packet(), test::start + 601s) == "misrouted");
    CHECK(admit(in, from("mix-1-1"), packet(0), test::start + 601s) == "malformed");
}

TEST_CASE_FIXTURE(Fixture, "ingress: a filter never gets more than twice what it is made for") {
    Ingress in{
        network.named("mix-1-0").identity, network.document(), keyring, random, 0, {10, 100s}};
    const Origin relays[] = {{&network.named("gateway-0"), {}}, {&network.named("gateway-1"), {}}};
    int admitted = 0;
    for (int ms = 0; ms < 100'000; ms += 5)
        for (const auto& from : relays)
            admitted +=
                admit(in, from, packet(), test::start + base::Milliseconds{ms}) == "admitted" ? 1
                                                                                              : 0;
    CHECK(admitted <= 2000);
    CHECK(admitted >= 1400);
}

TEST_CASE_FIXTURE(
    Fixture, "ingress: a gateway's clients have half of the replay room, its relays the other") {
    Ingress in{
        network.named("gateway-0").identity, network.document(), keyring, random, 0, {10, 100s}};
    use_key_of("gateway-0");
    const Origin relay{&network.named("mix-3-0"), {}};
    // Ten clients at their whole rate.
    for (std::uint8_t n = 0; n < 10; ++n)
        in.client_connected({{n}}, this_machine, test::start);
    int of_clients = 0, of_relay = 0;
    for (int second = 1; second <= 200; ++second) {
        const auto at = test::start + second * 1s;
        for (std::uint8_t n = 0; n < 10; ++n)
            for (int i = 0; i < 60; ++i)
                of_clients += admit(in, {nullptr, {{n}}}, packet(), at) == "admitted" ? 1 : 0;
        of_relay += admit(in, relay, packet(), at) == "admitted" ? 1 : 0;
        of_relay += admit(in, relay, packet(), at) == "admitted" ? 1 : 0;
    }
    CHECK(of_relay == 400);
    CHECK(of_clients <= 500 + 200 * 10 - 400 + 10);
    CHECK(of_clients >= 200 * 5);
}

TEST_CASE_FIXTURE(Fixture, "ingress: relays have no bucket where no filter bounds them") {
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
