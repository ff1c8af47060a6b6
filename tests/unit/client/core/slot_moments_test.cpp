// The rule behind docs/traffic-law.md section 1, Law time: what an up packet says does not depend
// on the moment at which its cell leaves.
#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <set>

#include "client/core/core.hpp"
#include "client/core/session_plan.hpp"
#include "sphinx/stream/header.hpp"
#include "sphinx/stream/packet_log.hpp"
#include "tests/support/clear_sealer.hpp"
#include "tests/unit/client_network.hpp"

using namespace nightjar;
using namespace nightjar::client::core;
using namespace std::chrono_literals;

namespace {

/// What a sealer was asked to seal, in clear: the route with its delays, the destination, and for a
/// packet to an exit the message.
using Plaintext = base::Bytes;

/// Records every packet to an exit and every loop, and passes them on in clear.
struct Recorder final : test::ClearSealer {
    explicit Recorder(std::vector<Plaintext>& packets) : packets_{packets} {}

    bool forward(std::span<const packet::Hop> route, const base::Destination& destination,
                 base::ByteView message, base::Random& random, base::ByteSpan out) override {
        auto& record = packets_.emplace_back(of(route, destination.bytes));
        record.insert(record.end(), message.begin(), message.end());
        return ClearSealer::forward(route, destination, message, random, out);
    }
    std::optional<packet::MadeSurb> surb(std::span<const packet::Hop> route,
                                         const base::Destination& destination,
                                         const base::SurbId& identifier,
                                         base::Random& random) override {
        packets_.push_back(of(route, destination.bytes));
        return ClearSealer::surb(route, destination, identifier, random);
    }

 private:
    static Plaintext of(std::span<const packet::Hop> route, base::ByteView destination) {
        Plaintext record{destination.begin(), destination.end()};
        for (const auto& hop : route) {
            record.insert(record.end(), hop.address.bytes.begin(), hop.address.bytes.end());
            for (auto delay = hop.delay_ns; delay != 0; delay /= 256)
                record.push_back(static_cast<std::uint8_t>(delay % 256));
        }
        return record;
    }
    std::vector<Plaintext>& packets_;
};

/// The first 32 bytes are the key of the stream for moments: they alone depend on `moments`.
struct OtherMoments final : base::Random {
    OtherMoments(std::uint64_t seed, std::uint8_t moments) : same{seed}, key{moments} {}
    void fill(base::ByteSpan out) override {
        same.fill(out);
        for (auto& byte : out)
            if (drawn++ < 32) byte ^= key;
    }
    base::SeededRandom same;
    std::uint8_t key;
    std::size_t drawn = 0;
};

/// An exit that answers in slots instead of seconds, so that its answers come between the same two
/// packets whenever the slots are.
struct ExitInSlots {
    stream::ArrivedLog arrived;
    std::deque<base::SurbId> surbs;
    stream::PacketNumber replies = 0;
    std::uint32_t pace_milli = 0;
    std::uint32_t passed = 0;  // thousandths of a reply, per slot of 1/55 s

    void hear(const stream::UpHeader& header, base::ByteView message) {
        arrived.arrived(header.number);
        for (std::size_t i = 0; i < header.surb_count; ++i)
            surbs.push_back(*base::SurbId::from(
                stream::surb_of(header, message, i).first(base::SurbId::size())));
        pace_milli = header.schedule.pace_milli;
    }
    std::optional<cell::Cell> reply() {
        passed += pace_milli;
        if (passed < 55'000 || surbs.empty()) return std::nullopt;
        passed -= 55'000;
        base::ByteArray<cell::body_size> body{};
        std::copy_n(surbs.front().bytes.begin(), base::SurbId::size(), body.begin());
        surbs.pop_front();
        stream::encode({.number = ++replies,
                        .incarnation = 1,
                        .stock = static_cast<std::uint16_t>(surbs.size()),
                        .acks = arrived.next_acks()},
                       base::ByteSpan{body}.subspan(base::SurbId::size()));
        return cell::Cell::packet(body, 0);
    }
};

constexpr base::Seconds lifetime{60};
constexpr base::Seconds hour{1'800'003'600};

struct Run {
    std::vector<Plaintext> packets;
    std::vector<base::Nanoseconds> left;  // when each cell left, since the client connected
    std::size_t exits = 0;
    std::set<std::uint32_t> changes;  // seconds that schedules named
    /// By these seconds: network time when a packet that named it first was at its exit.
    std::map<std::uint32_t, base::Milliseconds> named;
};

/// How far a client's clock is off, and whether its gateway says the right time.
struct HostClock {
    base::Milliseconds off{};
    bool hears = false;
};

/// `grid`: session_grid. `connects`: milliseconds after an hour of network time began.
Run run(std::uint64_t seed, std::uint8_t moments, base::Nanoseconds duration,
        base::Seconds grid = 1s, base::Milliseconds connects = 0ms, HostClock host = {}) {
    client_test::Network network{3, 4};
    network.document->parameters.session_lifetime = lifetime;
    network.document->parameters.session_grid = grid;
    network.wall = base::Wall{hour} + connects;
    OtherMoments random{seed, moments};
    Run run;
    Core core{
        network.document, network.random.id<base::MailboxId>(),   network.gateway_ids[0], random,
        network.now,      std::make_unique<Recorder>(run.packets)};
    std::map<base::SessionId, ExitInSlots> exits;
    auto now = network.now;
    const auto truth = [&] {
        return network.wall + std::chrono::floor<base::Milliseconds>(now - network.now);
    };
    const auto wall = [&] { return truth() + host.off; };
    core.connected(now, wall());
    core.prepare(now, wall());
    std::deque<std::vector<cell::Cell>> on_the_way(15);  // to the exit, a quarter of a second
    while (now < network.now + duration) {
        now = core.next_due();
        on_the_way.emplace_back();
        for (const auto& packet : core.tick(now)) {
            run.left.push_back(now - network.now);
            on_the_way.back().push_back(*packet.cell);
        }
        if (host.hears) core.hear_time({truth(), now, wall(), false});
        core.prepare(now, wall());
        for (const auto& cell : on_the_way.front()) {
            if (cell.body()[0] == 0) continue;
            const auto message = cell.body().subspan(packet::header_size, stream::message_size);
            if (base::SessionId::from(message.first(16))->is_zero()) continue;  // a filler
            const auto header = stream::decode_up(message);
            REQUIRE(header);
            exits[header->session].hear(*header, message);
            if (header->schedule.change_at != 0) {
                run.changes.insert(header->schedule.change_at);
                run.named.emplace(header->schedule.change_at, truth().time_since_epoch());
            }
        }
        on_the_way.pop_front();
        for (auto& [session, exit] : exits)
            if (const auto reply = exit.reply()) core.on_delivery(*reply, now);
    }
    run.exits = exits.size();
    return run;
}

}  // namespace

TEST_CASE("what a packet says does not depend on when its cell leaves") {
    for (const std::uint8_t seed : {1, 2, 3, 4, 5, 6}) {
        // Keys change a minute after the clients connect.
        const auto one = run(seed, 0, 150s, 1s, -90s);
        const auto other = run(seed, seed, 150s, 1s, -90s);
        CHECK(one.exits >= 3);  // two handovers
        CHECK(one.changes.size() > 4);
        // Every cell leaves at another moment,
        const auto cells = std::min(one.left.size(), other.left.size());
        std::size_t together = 0;
        for (std::size_t i = 0; i < cells; ++i)
            together += one.left[i] == other.left[i];
        CHECK(cells > 8000);
        CHECK(together < 3);
        // and holds the same.
        const auto packets = std::min(one.packets.size(), other.packets.size());
        REQUIRE(packets > 8000);
        const auto end = one.packets.begin() + static_cast<std::ptrdiff_t>(packets - 10);
        const auto differs = std::mismatch(one.packets.begin(), end, other.packets.begin()).first;
        CHECK(differs - one.packets.begin() == end - one.packets.begin());
    }
}

TEST_CASE("all clients change paces at the same seconds, whenever they connected") {
    constexpr base::Seconds grid{20};
    std::set<std::uint32_t> firsts;
    for (const auto connects : {0ms, 700ms, 16'900ms, 17'100ms, 23'456ms, 31'000ms, 37'001ms,
                                44'000ms, 51'999ms, 52'001ms, 59'990ms}) {
        CAPTURE(connects.count());
        // The keys and the seed are the client's own; only the seconds are common.
        const auto one =
            run(static_cast<std::uint64_t>(connects.count()), 0, 300s - connects, grid, connects);
        REQUIRE(!one.changes.empty());
        const auto second = base::Seconds{*one.changes.begin()};
        firsts.insert(*one.changes.begin());
        // The first is the next of the grid, or the handover where that is near.
        CHECK(second % grid == 0s);
        CHECK(second >= hour + connects + 3s);
        CHECK(second < hour + connects + 3s + grid);
        // From then on each handover has two: the trial begins, and the pace follows.
        std::set<std::uint32_t> expected{*one.changes.begin()};
        for (auto next = second / lifetime * lifetime + lifetime; next <= hour + 300s;
             next += lifetime) {
            expected.insert(static_cast<std::uint32_t>(next.count()));
            if (next < hour + 300s) expected.insert(static_cast<std::uint32_t>(next.count()) + 20);
        }
        CHECK(one.changes == expected);
    }
    CHECK(firsts.size() == 4);
}

TEST_CASE(
    "a client whose clock is off announces changes when all others do, by its gateway's time") {
    for (const auto off : {20'000ms, -20'000ms, 700ms, 0ms}) {
        CAPTURE(off.count());
        for (const bool hears : {true, false}) {
            CAPTURE(hears);
            const auto one = run(5, 0, 150s, 20s, 1'000ms, {off, hears});
            REQUIRE(one.named.size() >= 4);
            for (const auto& [second, at] : one.named) {
                CAPTURE(second - hour.count());
                const auto notice =
                    second == *one.changes.begin() ? first_tick_after : change_notice;
                // A quarter of a second on the way, and two slots at most.
                const auto late = at - (base::Seconds{second} - notice) - (hears ? 0ms : -off);
                CHECK(late >= 240ms);
                CHECK(late <= 350ms);
            }
        }
    }
}

TEST_CASE("a client's time is found anew until its first session is announced, and then settled") {
    client_test::Network network;
    network.document->parameters.session_grid = 10s;
    auto now = network.now;
    auto wall = network.wall;
    Core core{network.document, network.random.id<base::MailboxId>(), network.gateway_ids[0],
              network.random, now};
    core.connected(now, wall);
    core.prepare(now, wall);
    const auto run = [&](base::Milliseconds duration, base::Milliseconds gateway) {
        for (const auto end = now + duration; now < end; now += 100ms, wall += 100ms) {
            core.hear_time({wall + gateway, now, wall, false});
            core.tick(now);
            core.prepare(now, wall);
        }
        return core.status(now).clock.correction;
    };
    CHECK(run(900ms, -8s) == -8s);  // a slow line holds up all cells
    REQUIRE(core.status(now).first_pace);
    CHECK(run(300ms, 0s) == 0s);
    while (core.status(now).first_pace)
        run(100ms, 0s);
    const auto settled = run(30s, 30s);
    CHECK(settled > 0ms);
    CHECK(settled <= 10ms);
}
