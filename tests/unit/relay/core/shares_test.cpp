// What strangers share at a relay: no one gains by connecting again, by filling the mix, or by
// sending cells that are no packets.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <vector>

#include "relay/core/mix_laws.hpp"
#include "tests/unit/relay/core/pipeline_fixture.hpp"

using namespace nightjar;
using namespace nightjar::pipeline_test;
using directory::MixLaw;
using directory::Parameters;
using relay::core::HeldPacket;
using relay::core::MixShares;
using relay::core::MixSource;

namespace {

base::IpAddress address(const std::string& text) {
    return base::IpAddress::parse(text).value();
}

cell::CellBox any_packet() {
    return std::make_unique<cell::Cell>(
        cell::Cell::packet(base::Bytes(cell::body_size), test::epoch.low_byte()));
}

/// A gateway and one who connects again and again.
struct Reconnecting : Fixture {
    /// Each 9.6 s a link takes the former one's place, for 30 minutes. Returns the slots that it
    /// was given without a packet of its own.
    unsigned slots(const std::function<base::IpAddress(int)>& from, bool new_key) {
        Relay relay{network, "gateway-0"};
        const auto end = test::start + 30min;
        std::optional<base::MailboxId> former;
        int count = 0;
        for (auto now = test::start; now < end; now += 5ms) {
            if ((now - test::start) % 9600ms == 0ms) {
                const base::MailboxId key{{static_cast<std::uint8_t>(new_key ? count % 251 : 0)}};
                if (former) relay.pipeline.client_gone(*former, now);
                relay.pipeline.client_connected(key, from(count++), now);
                former = key;
            }
            relay.tick(now);
        }
        return relay.links.padding;
    }
};

// A law's mix for 100 packets. Each has a source, which its cell says too.
struct FullMix {
    FullMix(const Parameters& law, base::Random& random, std::size_t capacity = 100)
        : mix{relay::core::make_mix(law, capacity, random)} {}

    bool push(MixSource source, std::uint8_t number = 0) {
        auto cell = std::make_unique<cell::Cell>();
        cell->body()[0] = static_cast<std::uint8_t>(source);
        cell->body()[1] = number;
        return mix->push({std::move(cell), relay::core::ToExit{}, source, test::start, 50ms});
    }
    /// What leaves, until all has.
    std::vector<HeldPacket> empty() {
        std::vector<HeldPacket> out;
        while (mix->size() > 0)
            mix->release(mix->next_due(), out);
        return out;
    }
    std::array<unsigned, 10> held() {
        std::array<unsigned, 10> counts{};
        for (const auto& packet : empty())
            ++counts.at(packet.cell->body()[0]);
        return counts;
    }

    std::unique_ptr<relay::core::Mix> mix;
};

std::vector<Parameters> laws() {
    Parameters timed_pool, threshold;
    timed_pool.mixing = {.law = MixLaw::timed_pool, .interval = 25ms};
    threshold.mixing = {.law = MixLaw::threshold, .packets = 200};
    return {Parameters{}, timed_pool, threshold};
}

}  // namespace

TEST_CASE_FIXTURE(Reconnecting,
                  "starts: a host that connects again and again has one more in two minutes") {
    const auto one = [](int) { return address("192.0.2.1"); };
    // 16 starts of 576 slots, and 15 more in 30 minutes; the whole downlink would be 108,000.
    constexpr unsigned most = (16 + 15) * 576 + 60;
    for (const bool new_key : {false, true}) {
        CAPTURE(new_key);
        const auto got = slots(one, new_key);
        CHECK(got <= most);
        CHECK(got >= 16 * 576);
    }
    // All addresses of a /24 have four times as many.
    const auto of_24 = [](int n) { return address("192.0.2." + std::to_string(n % 200 + 1)); };
    CHECK(slots(of_24, true) <= 4 * most);
    const auto of_48 = [](int n) {
        return address("2001:db8:1:" + std::to_string(n % 200 + 1000) + "::1");
    };
    CHECK(slots(of_48, true) <= 4 * most);
}

TEST_CASE_FIXTURE(Fixture, "starts: packets at once do not come again with a new link") {
    Relay relay{network, "gateway-0"};
    const auto from = address("192.0.2.1");
    unsigned admitted = 0;
    for (int i = 0; i < 1000; ++i) {
        relay.pipeline.client_connected(client, from, test::start);
        for (int j = 0; j < 20; ++j)
            admitted +=
                relay.pipeline.accept({nullptr, client}, any_packet(), test::start, network.wall())
                    ? 1
                    : 0;
        relay.pipeline.client_gone(client, test::start);
    }
    CHECK(admitted == 16 * 16);
    // Another host is not hindered.
    relay.pipeline.client_connected(client, address("198.51.100.1"), test::start);
    for (int j = 0; j < 16; ++j)
        CHECK(relay.pipeline.accept({nullptr, client}, any_packet(), test::start, network.wall()));
}

TEST_CASE_FIXTURE(Fixture, "starts: a client that keeps the law has a whole one with each link") {
    Relay relay{network, "gateway-0"};
    const auto from = address("192.0.2.1");
    auto now = test::start;
    // 40 links of 20 s each: its prefix would have 16 starts and 6 more.
    for (int link = 0; link < 40; ++link) {
        relay.pipeline.client_connected(client, from, now);
        relay.links.padding = 0;
        relay.run(now, 1s);  // it fetches a document, say, and sends nothing
        CHECK(relay.links.padding >= 59);
        now += 1s;
        const auto end = now + 19s;
        for (; now < end; now += 2ms) {
            relay.tick(now);
            if ((now - test::start) % 18ms != 0ms) continue;
            CHECK(relay.pipeline.accept({nullptr, client}, any_packet(), now, network.wall()));
        }
        relay.pipeline.client_gone(client, now);
    }
    CHECK(relay.dropped(DropReason::admission) == 0);
    // It leaves no trace: what it took it gave back.
    base::Holdings holdings;
    relay.pipeline.forget(now);
    relay.pipeline.list_holdings(holdings);
    for (const auto& one : holdings)
        if (one.table == "Ingress.starts") CHECK(one.entries == 0);
}

TEST_CASE("mix laws: one of N sources holds at most its part of a full mix, whatever it does") {
    base::SeededRandom random{1};
    for (const auto& law : laws()) {
        FullMix one{law, random};
        for (MixSource honest = 1; honest <= 3; ++honest)
            for (int i = 0; i < 10; ++i)
                REQUIRE(one.push(honest));
        for (int i = 0; i < 1000; ++i)
            CHECK(one.push(7) == (i < 70));
        // Those who hold less than their part still find room.
        for (MixSource honest = 1; honest <= 3; ++honest)
            for (int i = 0; i < 5; ++i)
                one.push(honest);
        const auto held = one.held();
        for (MixSource honest = 1; honest <= 3; ++honest)
            CHECK(held[honest] == 15);
        CHECK(held[7] == 55);

        FullMix all{law, random};
        for (int i = 0; i < 1000; ++i)
            for (MixSource source = 1; source <= 4; ++source)
                for (MixSource times = 0; times < source; ++times)  // the last sends most
                    all.push(source);
        const auto equal = all.held();
        for (MixSource source = 1; source <= 4; ++source)
            CHECK(equal[source] == 25);
    }
}

TEST_CASE_FIXTURE(Fixture, "pipeline: a neighbour that fills the mix loses packets of its own") {
    relay::core::PipelineOptions options;
    options.mix_capacity = 40;
    Relay relay{network, "mix-1-0", nullptr, options};
    // The next relay tells whose packet it is.
    const auto send = [&](const std::string& from) {
        const auto next = from == "gateway-0" ? "mix-2-0" : "mix-2-1";
        relay.take_from(from, network.packet({"mix-1-0", next, "mix-3-0", "gateway-0"}, 400'000'000,
                                             mailbox(), identifier));
    };
    const auto honest = [&] {
        for (int i = 0; i < 10; ++i)
            send("gateway-0");
    };
    honest();
    for (int i = 0; i < 200; ++i)
        send("gateway-1");
    CHECK(relay.dropped(DropReason::overflow) == 170);
    honest();
    CHECK(relay.dropped(DropReason::overflow) == 180);
    // From now on each has 20 of 40, and each new packet costs its own source one.
    for (int i = 0; i < 100; ++i)
        send("gateway-1");
    CHECK(relay.pipeline.held() == 40);
    relay.run(test::start, 500ms);
    CHECK(std::ranges::count(relay.links.relays, network.named("mix-2-0").identity,
                             &Links::Left::next) == 20);
}

TEST_CASE("mix laws: each packet of the heaviest source is the victim alike, the new one too") {
    base::SeededRandom random{1};
    for (const auto& law : laws()) {
        std::array<double, 6> lost{};
        for (int round = 0; round < 12'000; ++round) {
            FullMix mix{law, random, 8};
            for (std::uint8_t i = 0; i < 5; ++i)
                mix.push(7, i);
            for (std::uint8_t i = 0; i < 3; ++i)
                mix.push(1, i);
            REQUIRE_FALSE(mix.push(7, 5));
            std::array<bool, 6> left{};
            unsigned others = 0;
            for (const auto& packet : mix.empty()) {
                if (packet.cell->body()[0] == 7)
                    left.at(packet.cell->body()[1]) = true;
                else
                    ++others;
            }
            REQUIRE(others == 3);
            for (std::size_t i = 0; i < 6; ++i)
                lost[i] += left[i] ? 0 : 1;
        }
        double chi_square = 0;
        for (const auto count : lost)
            chi_square += (count - 2000) * (count - 2000) / 2000;
        CHECK(chi_square < 20.5);  // 5 degrees of freedom, 99.9 %
    }
}

TEST_CASE(
    "mix shares: the heaviest source is found after each change; among equals the choice is "
    "random") {
    base::SeededRandom random{2};
    MixShares shares{1000};
    std::array<unsigned, 8> held{};  // by sources 0, 500, 1000, ...
    std::array<unsigned, 8> drawn{};
    const auto source = [](std::size_t i) { return static_cast<MixSource>(500 * i); };
    for (int step = 0; step < 50'000; ++step) {
        const auto i = static_cast<std::size_t>(random.below(held.size()));
        if (random.below(2) == 0 && held[i] > 0) {
            shares.leave(source(i));
            --held[i];
        } else if (held[i] < 100) {
            shares.enter(source(i));
            ++held[i];
        }
        const auto most = *std::max_element(held.begin(), held.end());
        if (most > 0) REQUIRE(held.at(shares.heaviest(random) / 500) == most);
    }
    for (std::size_t i = 0; i < held.size(); ++i)
        for (; held[i] > 0; --held[i])
            shares.leave(source(i));
    for (std::size_t i = 0; i < held.size(); ++i)
        shares.enter(source(i));
    for (int i = 0; i < 8000; ++i)
        ++drawn.at(shares.heaviest(random) / 500);
    for (const auto count : drawn)
        CHECK((count > 850 && count < 1150));
}

TEST_CASE_FIXTURE(Fixture, "ingress: what counts as one source of packets in the mix") {
    Relay gateway{network, "gateway-0"};
    relay::core::Ingress in{gateway.identity, network.document(), gateway.keyring, network.random,
                            0};
    const auto client_from = [&](std::uint8_t n, const std::string& from) {
        const base::MailboxId id{{n}};
        in.client_connected(id, address(from), test::start);
        return in.source({nullptr, id});
    };
    const auto one = client_from(1, "192.0.2.1");
    CHECK(client_from(2, "192.0.2.200") == one);
    CHECK(client_from(3, "192.0.3.1") != one);
    CHECK(client_from(4, "2001:db8:1:2::1") == client_from(5, "2001:db8:1:ffff::1"));
    CHECK(client_from(6, "2001:db8:2::1") != client_from(7, "2001:db8:1::1"));
    CHECK(client_from(8, "127.0.0.1") != client_from(9, "127.0.0.1"));
    const auto relay_0 = in.source({&network.named("mix-3-0"), {}});
    CHECK(relay_0 != in.source({&network.named("mix-3-1"), {}}));
    CHECK(relay_0 != in.own_source());
}

TEST_CASE_FIXTURE(Fixture, "neighbour cells: far above its part of what a relay is made for") {
    auto document = *network.document();
    const auto id = [&](const std::string& name) { return network.named(name).identity; };
    const auto one = id("mix-3-0"), other = id("mix-3-1");
    relay::core::NeighbourCells cells{1000};
    const auto taken = [&](const base::NodeId& from, cell::Kind kind, int tries, base::Mono at) {
        int count = 0;
        while (count < tries && cells.take(from, kind, at))
            ++count;
        return count;
    };
    const auto packet = cell::Kind::packet, padding = cell::Kind::padding;
    cells.use(document, id("gateway-0"), test::start);
    CHECK(cells.size() == 2);
    // Four times its half of 1,000 a second, and a minute of that at once.
    CHECK(cells.per_second(one) == 2000);
    CHECK(taken(one, packet, 1'000'000, test::start) == 120'000);
    CHECK(taken(one, packet, 1'000'000, test::start + 1s) == 2000);
    CHECK(taken(other, packet, 100, test::start) == 100);
    // Padding comes every 15 s.
    CHECK(taken(one, padding, 1'000'000, test::start) == 64);
    CHECK(taken(one, padding, 1'000'000, test::start + 1s) == 4);
    CHECK(taken(one, cell::Kind::control, 1'000'000, test::start + 1s) == 0);
    // A document changes the rates and gives no new burst.
    for (auto& relay : document.relays)
        if (relay.identity == one) relay.capacity = 3;
    cells.use(document, id("gateway-0"), test::start + 1s);
    CHECK(cells.per_second(one) == 3000);
    CHECK(cells.per_second(other) == 2000);
    CHECK(taken(one, packet, 10, test::start + 1s) == 0);
    // A relay that the network lets carry more than its filters are made for gets as much more.
    for (auto& relay : document.relays)
        if (relay.name == "gateway-0") relay.capacity = 10'000;
    cells.use(document, id("gateway-0"), test::start + 1s);
    CHECK(cells.per_second(other) == 20'000);
    // Who is no neighbour sends nothing.
    CHECK_FALSE(cells.take(id("mix-1-0"), packet, test::start + 2s));
    std::erase_if(document.relays, [&](const auto& relay) { return relay.identity == one; });
    cells.use(document, id("gateway-0"), test::start + 2s);
    CHECK_FALSE(cells.take(one, padding, test::start + 1h));
    CHECK(cells.size() == 1);
}
