#include "relay/core/entry_gate.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <tuple>
#include <vector>

#include "sphinx/base/random.hpp"
#include "tests/unit/relay/core/pipeline_fixture.hpp"

using namespace nightjar;
using namespace nightjar::pipeline_test;
using base::Mono;
using base::Nanoseconds;
using relay::core::EntryGate;

namespace {

constexpr Nanoseconds gap{18'181'818};
constexpr Mono begin{1h};

Nanoseconds gaps(double count) {
    return base::from_seconds(count * base::to_seconds(gap));
}

/// The moments of packets that arrive at these times, in gaps since `begin`.
std::vector<Mono> moments(const std::vector<double>& arrivals, double draw) {
    EntryGate gate{begin, gap, draw};
    std::vector<Mono> result;
    for (const auto at : arrivals)
        result.push_back(gate.enter(begin + gaps(at), gap));
    return result;
}

double waited(double arrival, Mono moment) {
    return base::to_seconds(moment - begin - gaps(arrival)) / base::to_seconds(gap);
}

}  // namespace

TEST_CASE("entry gate: phase, jitter and the line's delays up to the margin change no moment") {
    base::SeededRandom random{61};
    for (int run = 0; run < 200; ++run) {
        const auto draw = random.unit();
        const auto phase = 0.9 * EntryGate::margin * random.unit();
        std::vector<double> regular{1.2}, moved{1.2};
        for (int slot = 1; slot < 500; ++slot) {
            regular.push_back(1.2 + slot);
            moved.push_back(1.2 + slot + phase + random.unit() * (EntryGate::margin - phase));
        }
        REQUIRE(moments(regular, draw) == moments(moved, draw));
    }
}

TEST_CASE("entry gate: a packet waits for the margin and a uniform share of one more gap") {
    base::SeededRandom random{62};
    for (const double arrival : {0.0, 0.3, 0.77, 5.5}) {
        std::vector<double> waits;
        for (int i = 0; i < 2000; ++i)
            waits.push_back(waited(arrival, moments({arrival}, random.unit()).front()));
        std::sort(waits.begin(), waits.end());
        CHECK(waits.front() >= EntryGate::margin);
        CHECK(waits.back() < EntryGate::margin + 1.0001);
        double worst = 0;
        for (std::size_t i = 0; i < waits.size(); ++i)
            worst = std::max(
                worst, std::abs(waits[i] - EntryGate::margin - static_cast<double>(i) / 2000.0));
        CHECK(worst * std::sqrt(2000.0) < 1.95);  // 0.1 % of samples are above
    }
}

TEST_CASE("entry gate: every moment is a whole number of gaps after the first") {
    base::SeededRandom random{63};
    std::vector<double> arrivals;
    double at = 0;
    for (int i = 0; i < 5000; ++i) {
        at += random.unit() < 0.05 ? 7 * random.unit() : 1;  // lost slots, bursts, a late line
        arrivals.push_back(at + 0.8 * random.unit());
    }
    std::sort(arrivals.begin(), arrivals.end());
    const auto entered = moments(arrivals, 0.4);
    for (std::size_t i = 0; i < entered.size(); ++i) {
        REQUIRE((entered[i] - entered[0]) % gap == Nanoseconds{0});
        const auto wait = waited(arrivals[i], entered[i]);
        REQUIRE(wait >= 0);
        REQUIRE(wait <= EntryGate::longest + 1e-6);
    }
}

TEST_CASE("entry gate: a burst shares moments, and delays no later packet") {
    std::vector<double> arrivals(64, 10.0);
    for (int slot = 1; slot <= 5; ++slot)
        arrivals.push_back(10.0 + slot);
    const auto entered = moments(arrivals, 0.2);
    for (std::size_t i = 0; i < arrivals.size(); ++i)
        CHECK(waited(arrivals[i], entered[i]) <= EntryGate::longest + 1e-6);
}

TEST_CASE("entry gate: where a newer document has another gap, moments come at its rate") {
    EntryGate gate{begin, gap, 0.5};
    Mono last = gate.enter(begin + gaps(1), gap);
    for (int slot = 1; slot < 100; ++slot) {
        const auto moment = gate.enter(begin + gaps(1 + 2 * slot), 2 * gap);
        CHECK(moment - last == 2 * gap);
        last = moment;
    }
}

TEST_CASE_FIXTURE(Fixture,
                  "entry gate: two clients exchange the moments of their cells, and no cell that "
                  "leaves the gateway changes") {
    constexpr std::size_t slots = 60;
    base::SeededRandom random{64};
    const base::MailboxId clients[2] = {client, network.random.id<base::MailboxId>()};
    std::vector<cell::CellBox> packets[2];
    std::vector<double> links[2];
    for (std::size_t who = 0; who < 2; ++who)
        for (std::size_t slot = 0; slot < slots; ++slot) {
            packets[who].push_back(network.packet(
                {"gateway-0", "mix-1-0", "mix-2-0", "mix-3-0", "gateway-1"},
                static_cast<std::uint64_t>(60'000'000 * random.unit()), own("gateway-1"), {}));
            // The first cells only say when the clients connected.
            links[who].push_back(slot == 0 ? 1
                                           : static_cast<double>(slot) + (who == 0 ? 1.02 : 1.3) +
                                                 0.1 * random.unit());
        }
    const auto run = [&](bool exchanged) {
        Relay relay{network, "gateway-0"};
        for (const auto& one : clients)
            relay.pipeline.client_connected(one, this_machine, test::start);
        struct Arrival {
            Mono at;
            std::size_t who, slot;
        };
        std::vector<Arrival> arrivals;
        for (std::size_t who = 0; who < 2; ++who)
            for (std::size_t slot = 0; slot < slots; ++slot)
                arrivals.push_back(
                    {test::start + gaps(links[exchanged ? 1 - who : who][slot]), who, slot});
        std::sort(arrivals.begin(), arrivals.end(),
                  [](const auto& a, const auto& b) { return a.at < b.at; });
        auto next = arrivals.begin();
        for (auto now = test::start; now < test::start + gaps(slots + 20); now += 1ms) {
            for (; next != arrivals.end() && next->at <= now; ++next)
                relay.take({nullptr, clients[next->who]},
                           std::make_unique<cell::Cell>(*packets[next->who][next->slot]), next->at);
            relay.tick(now);
        }
        CHECK(relay.dropped() == 0);
        std::vector<std::tuple<Mono, base::NodeId, base::Bytes>> left;
        for (const auto& cell : relay.links.relays) {
            const auto body = cell.cell.body();
            left.emplace_back(cell.at, cell.next, base::Bytes(body.begin(), body.end()));
        }
        // Within a tick the order is random.
        std::sort(left.begin(), left.end());
        return left;
    };
    const auto plain = run(false);
    REQUIRE(plain.size() == 2 * slots);
    CHECK(plain == run(true));
}

TEST_CASE_FIXTURE(Fixture, "entry gate: a gateway follows the gap of a newer document") {
    Relay relay{network, "gateway-0"};
    relay.pipeline.client_connected(client, this_machine, test::start);
    auto slower = std::make_shared<directory::Document>(*network.document());
    slower->parameters.main_slots = {5000};
    slower->parameters.client_loops = {500};
    relay.pipeline.use(slower);
    const auto slot = base::from_seconds(1 / 5.5);
    const std::vector<std::string> names{"gateway-0", "mix-1-0", "mix-2-0", "mix-3-0", "gateway-1"};
    for (int i = 0; i < 20; ++i) {
        // Every other packet is late by a few of the older document's gaps.
        const auto at = test::start + 1s + i * slot + (i % 2) * 40ms;
        relay.take({nullptr, client}, network.packet(names, 0, own("gateway-1"), {}), at);
        relay.run(at, slot + (i % 2 == 0 ? 40ms : -40ms) - 1ms);
    }
    relay.run(test::start + 1s + 20 * slot, 3 * slot);
    REQUIRE(relay.links.relays.size() == 20);
    for (std::size_t i = 1; i < 20; ++i) {
        const auto between = relay.links.relays[i].at - relay.links.relays[i - 1].at;
        CHECK(between >= slot - 2ms);
        CHECK(between <= slot + 2ms);
    }
}

TEST_CASE_FIXTURE(Fixture, "entry gate: a packet that is refused takes no moment") {
    const std::vector<std::string> names{"gateway-0", "mix-1-0", "mix-2-0", "mix-3-0", "gateway-1"};
    constexpr std::size_t count = 16;  // twice as many are within the tokens of a new link
    std::vector<cell::CellBox> packets;
    for (std::size_t i = 0; i < count; ++i)
        packets.push_back(network.packet(names, 0, own("gateway-1"), {}));
    // `refused` makes what comes beside each packet.
    const auto run = [&](DropReason reason,
                         const std::function<cell::CellBox(std::size_t)>& refused) {
        Relay relay{network, "gateway-0"};
        relay.pipeline.client_connected(client, this_machine, test::start);
        for (std::size_t i = 0; i < count; ++i) {
            const auto at = test::start + gaps(static_cast<double>(i));
            relay.take({nullptr, client}, std::make_unique<cell::Cell>(*packets[i]), at);
            if (refused) relay.take({nullptr, client}, refused(i), at);
        }
        relay.run(test::start, 500ms);
        CHECK(relay.dropped() == (refused ? count : 0));
        CHECK(relay.dropped(reason) == relay.dropped());
        std::vector<Mono> left;
        for (const auto& cell : relay.links.relays)
            left.push_back(cell.at);
        return left;
    };
    const auto plain = run(DropReason::replayed, {});
    CHECK(plain.size() == count);
    const auto replays = run(DropReason::replayed, [&](std::size_t i) {
        return std::make_unique<cell::Cell>(*packets[i]);
    });
    CHECK(plain == replays);
    const auto misrouted = run(DropReason::misrouted, [&](std::size_t) {
        return network.packet({"gateway-0", "mix-2-0"}, 0, own("gateway-1"), {});
    });
    CHECK(plain == misrouted);
    const auto cap = static_cast<std::uint64_t>(network.parameters().delay_cap().count());
    const auto over_cap = run(DropReason::delay, [&](std::size_t) {
        return network.packet(names, cap + 1, own("gateway-1"), {});
    });
    CHECK(plain == over_cap);
    const auto at_own_gateway = run(DropReason::misrouted, [&](std::size_t) {
        return network.packet({"gateway-0"}, 0, mailbox(), identifier);
    });
    CHECK(plain == at_own_gateway);
}

TEST_CASE_FIXTURE(Fixture,
                  "entry gate: under every law a packet stays until its moment and after") {
    std::vector<directory::Mixing> laws(3);
    laws[1] = {.law = directory::MixLaw::timed_pool, .interval = 25ms};
    laws[2] = {.law = directory::MixLaw::threshold, .packets = 2};
    for (const auto& law : laws) {
        CAPTURE(static_cast<int>(law.law));
        network.parameters().mixing = law;
        Relay relay{network, "gateway-0"};
        relay.pipeline.client_connected(client, this_machine, test::start);
        auto at = test::start;
        std::uint64_t held_ns = 0;
        for (int i = 0; i < 100; ++i, at += gap) {
            relay.take({nullptr, client},
                       network.packet({"gateway-0", "mix-1-0", "mix-2-0", "mix-3-0", "gateway-1"},
                                      0, own("gateway-1"), {}),
                       at);
            for (auto now = at; now < at + gap; now += 1ms) {
                relay.tick(now);
                REQUIRE(relay.counters.held_ns >= held_ns);  // a time below zero wraps
                held_ns = relay.counters.held_ns;
            }
        }
        relay.run(at, 1s);
        CHECK(relay.dropped() == 0);
        CHECK(relay.links.relays.size() == 100);
        for (std::size_t i = 0; i < relay.links.relays.size(); ++i)
            CHECK(relay.links.relays[i].at >=
                  test::start + gaps(static_cast<double>(i) + EntryGate::margin) - 1ms);
    }
}
