#include "client/core/core.hpp"

#include <doctest/doctest.h>

#include <set>

#include "sphinx/cell/control.hpp"
#include "sphinx/stream/header.hpp"
#include "tests/support/arriving_frames.hpp"
#include "tests/unit/client_network.hpp"

using namespace nightjar;
using namespace nightjar::client::core;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    explicit Fixture(std::size_t gateways = 3) : network{3, gateways} {}

    client_test::Network network;
    base::MailboxId self = network.random.id<base::MailboxId>();
    base::NodeId gateway = network.gateway_ids[0];
    Core core{network.document, self, gateway, network.random, network.now};
    base::Mono now = network.now;
    std::vector<cell::Cell> cells;
    bool loops_return = false;  // at once

    base::Wall wall() const {
        return network.wall + std::chrono::floor<base::Milliseconds>(now - network.now);
    }
    void run(base::Nanoseconds duration) {
        for (const auto end = now + duration; now < end; now += 1ms) {
            for (const auto& packet : core.tick(now)) {
                cells.push_back(*packet.cell);
                if (loops_return && packet.session == loops_handle)
                    core.on_delivery(network.delivery(walk(*packet.cell)), now);
            }
            core.prepare(now, wall());
        }
    }
    client_test::Network::Walked walk(const cell::Cell& cell) {
        return network.walk(gateway, cell.body(), cell.epoch());
    }
};

}  // namespace

TEST_CASE("no cell leaves before the link is up or after it has gone down") {
    Fixture f;
    f.run(1s);
    CHECK(f.cells.empty());
    CHECK(f.core.next_due() == base::Mono::max());
    f.core.connected(f.now, f.wall());
    f.run(1s);
    CHECK(f.cells.size() > 20);
    CHECK(f.core.status(f.now).connected);
    f.core.disconnected();
    f.cells.clear();
    f.run(1s);
    CHECK(f.cells.empty());
    CHECK_FALSE(f.core.status(f.now).connected);
}

TEST_CASE(
    "every cell is a packet to the session's exit or a loop, and loops are known again once") {
    Fixture f;
    f.core.connected(f.now, f.wall());
    f.run(4s);
    std::size_t loops = 0;
    for (const auto& cell : f.cells) {
        CHECK(cell.kind() == cell::Kind::packet);
        const auto walked = f.walk(cell);
        CHECK(walked.path.size() == 5);
        if (walked.end.identifier.is_zero()) {
            CHECK(walked.path.back() != f.gateway);
            continue;
        }
        ++loops;
        CHECK(walked.path.back() == f.gateway);
        CHECK(std::ranges::equal(walked.end.destination.bytes, f.self.bytes));
        // A loop's payload is still encrypted when it is delivered.
        CHECK_FALSE(packet::read_message(walked.payload));
        f.core.on_delivery(f.network.delivery(walked), f.now);
        CHECK(f.core.status(f.now).loops_returned == loops);
        f.core.on_delivery(f.network.delivery(walked), f.now);
        CHECK(f.core.status(f.now).loops_returned == loops);
        CHECK(f.core.status(f.now).deliveries_unknown == loops);
    }
    CHECK(loops > 5);
    CHECK(f.core.status(f.now).loops_sent == loops);
    CHECK(f.core.status(f.now).slots + loops == f.cells.size());
}

TEST_CASE("one main slot in sixteen carries a filler, to any exit") {
    Fixture f;
    f.core.connected(f.now, f.wall());
    f.run(12s);
    std::size_t fillers = 0;
    std::set<base::NodeId> exits;
    for (const auto& cell : f.cells) {
        const auto walked = f.walk(cell);
        if (!walked.end.identifier.is_zero() || !f.network.is_filler(walked)) continue;
        ++fillers;
        exits.insert(walked.path.back());
    }
    const auto main = static_cast<double>(f.core.status(f.now).slots);
    CHECK(static_cast<double>(fillers) / main == doctest::Approx(1 / 16.0).epsilon(0.4));
    CHECK(exits.size() > 1);
}

TEST_CASE("what a lost slot, or a cell that was not written, carried goes with the next") {
    Fixture f;
    f.core.connected(f.now, f.wall());
    f.run(2s);  // the SURBs for the stock are on their way, so packets have room again
    stream::Mux far{stream::Side::exit};
    std::size_t opened = 0;
    const auto arrive = [&] {
        for (const auto& cell : std::exchange(f.cells, {})) {
            const auto walked = f.walk(cell);
            const auto message = packet::read_message(walked.payload);
            if (!message || f.network.is_filler(walked)) continue;  // a loop or a filler
            const auto header = stream::decode_up(*message);
            REQUIRE(header);
            REQUIRE(test::arrive_at_exit(far, stream::frames_of(*header, *message)));
        }
        for (const auto& event : far.take_events())
            opened += event.kind == stream::Event::Kind::opened ? 1 : 0;
    };
    arrive();
    for (std::size_t i = 1; i <= 10; ++i) {
        REQUIRE(f.core.open("", {"example.org", 80}));
        f.run(20ms);  // one or two packets are built and wait for their slots
        f.now += 5ms;
        if (i % 2 == 0) {
            f.now += 100ms;  // the process stands still
        } else {
            for (int slots = 0; slots < 4; f.now = std::max(f.now, f.core.next_due()), ++slots) {
                for (auto& packet : f.core.tick(f.now))
                    f.core.unwritten(std::move(packet));
                f.core.prepare(f.now, f.wall());
            }
        }
        f.run(200ms);
        arrive();
        CHECK(opened == i);
    }
    CHECK(f.core.status(f.now).slots_lost > 20);
}

TEST_CASE("a loop that was never written is not missed") {
    Fixture f;
    f.core.connected(f.now, f.wall());
    f.core.prepare(f.now, f.wall());
    const auto end = f.now + 3 * f.network.document->parameters.longest_route_delay();
    for (; f.now < end; f.now = std::max(f.now, f.core.next_due())) {
        for (auto& packet : f.core.tick(f.now))
            f.core.unwritten(std::move(packet));
        f.core.prepare(f.now, f.wall());
    }
    CHECK(f.core.status(f.now).loops_sent > 40);
    CHECK(f.core.status(f.now).loops_lost == 0);
}

TEST_CASE("deliveries that are not ours, or were modified on the way, are dropped") {
    Fixture f;
    f.core.connected(f.now, f.wall());
    f.run(4s);
    base::ByteArray<cell::body_size> body{};
    f.core.on_delivery(cell::Cell::packet(body, 0), f.now);
    f.network.random.fill(body);
    f.core.on_delivery(cell::Cell::packet(body, 0), f.now);
    CHECK(f.core.status(f.now).deliveries_unknown == 2);
    std::size_t loops = 0;
    for (const auto& cell : f.cells) {
        auto walked = f.walk(cell);
        if (walked.end.identifier.is_zero()) continue;
        ++loops;
        walked.payload[100] ^= 1;
        f.core.on_delivery(f.network.delivery(walked), f.now);
    }
    CHECK(f.core.status(f.now).loops_returned == 0);
    CHECK(f.core.status(f.now).loops_lost == loops);
}

TEST_CASE("loops that stay away are counted as lost, once, after two longest route delays") {
    Fixture f;
    f.core.connected(f.now, f.wall());
    const auto patience = 2 * f.network.document->parameters.longest_route_delay();
    f.run(patience);
    CHECK(f.core.status(f.now).loops_lost == 0);
    const auto sent = f.core.status(f.now).loops_sent;
    f.run(patience);
    // All loops sent in the first span are lost. The last one may be off by a slot.
    CHECK(f.core.status(f.now).loops_lost + 1 >= sent);
    CHECK(f.core.status(f.now).loops_lost <= sent + 1);
    CHECK(f.core.status(f.now).loops_returned == 0);
}

TEST_CASE("in a network without an exit for us the slots are filled with loops") {
    Fixture f{1};
    f.core.connected(f.now, f.wall());
    f.run(3s);
    CHECK(f.cells.size() > 100);
    for (const auto& cell : f.cells)
        CHECK(f.walk(cell).path.back() == f.gateway);
    CHECK(f.core.status(f.now).sessions.empty());
    CHECK_FALSE(f.core.open("a", {"example.org", 80}));
    CHECK_FALSE(f.core.ping());
    CHECK_FALSE(f.core.ready());
}

TEST_CASE("streams without a key use the session that is open anyway; keys get their own") {
    Fixture f;
    CHECK_FALSE(f.core.open("", {"example.org", 80}));  // not connected yet, so no session exists
    CHECK_FALSE(f.core.open("a", {"example.org", 80}));
    f.core.connected(f.now, f.wall());
    const auto one = f.core.open("", {"example.org", 80});
    const auto two = f.core.open("", {"example.org", 81});
    REQUIRE(one);
    REQUIRE(two);
    CHECK(*one != *two);
    CHECK(f.core.status(f.now).sessions.size() == 1);
    CHECK(f.core.status(f.now).sessions[0].streams == 2);
    for (int i = 0; i < 5; ++i)
        CHECK(f.core.open("key " + std::to_string(i), {"example.org", 80}));
    CHECK(f.core.status(f.now).sessions.size() == 6);
    CHECK(f.core.open("key 3", {"example.org", 80}));
    CHECK_FALSE(f.core.open("", {"", 80}));
}

TEST_CASE("a session that never answers is replaced, and its streams are reset") {
    Fixture f;
    f.core.connected(f.now, f.wall());
    const auto stream = f.core.open("", {"example.org", 80});
    REQUIRE(stream);
    const auto exit = f.core.status(f.now).sessions[0].exit;
    f.loops_return = true;
    f.run(13s);
    const auto events = f.core.take_events();
    REQUIRE(events.size() == 1);
    CHECK(events[0].stream == *stream);
    CHECK(events[0].event.kind == stream::Event::Kind::reset);
    CHECK(events[0].event.reason == stream::ResetReason::session_ended);
    CHECK(f.core.write(*stream, base::as_bytes("x")) == 0);
    const auto status = f.core.status(f.now);
    REQUIRE(status.sessions.size() == 2);
    CHECK(status.sessions[1].exit != exit);
    f.run(5s);
    f.cells.clear();
    f.run(2s);
    for (const auto& cell : f.cells) {
        const auto walked = f.walk(cell);
        if (walked.end.identifier.is_zero() && !f.network.is_filler(walked))
            CHECK(walked.path.back() == status.sessions[1].exit);
    }
}

TEST_CASE("while no loop returns no exit is dead, and when loops return its silence counts") {
    Fixture f;
    f.core.connected(f.now, f.wall());
    REQUIRE(f.core.open("", {"example.org", 80}));
    f.run(60s);
    auto status = f.core.status(f.now);
    REQUIRE(status.sessions.size() == 1);
    CHECK_FALSE(status.sessions[0].silent);
    CHECK(status.loops.kind == LoopState::Kind::silent);
    CHECK(f.core.take_events().empty());
    f.loops_return = true;
    f.run(7s);
    CHECK(f.core.take_events().empty());
    // The link stood still during that silence, so the exit is used once more.
    f.run(11s);  // changes come at multiples of 10 s
    REQUIRE(f.core.take_events().size() == 1);
    CHECK(f.core.status(f.now).sessions.back().exit == status.sessions[0].exit);
    // This time it did not.
    f.run(30s);
    CHECK(f.core.status(f.now).sessions.back().exit != status.sessions[0].exit);
    CHECK(f.core.status(f.now).loops.kind == LoopState::Kind::returning);
}

TEST_CASE("after an interruption each key finds its exit again, until its term is over") {
    Fixture f{12};
    f.core.connected(f.now, f.wall());
    const auto interrupt = [&] {
        f.core.disconnected();
        f.now += 120s;
        f.run(1s);
        CHECK(f.core.status(f.now).sessions.empty());
        f.core.connected(f.now, f.wall());
        f.core.prepare(f.now, f.network.wall);
        f.run(10ms);
    };
    REQUIRE(f.core.open("", {"example.org", 80}));
    REQUIRE(f.core.open("b", {"example.org", 80}));
    const auto before = f.core.status(f.now).sessions;
    REQUIRE(before.size() == 2);
    for (int i = 0; i < 3; ++i) {
        interrupt();
        REQUIRE(f.core.open("", {"example.org", 80}));
        REQUIRE(f.core.open("b", {"example.org", 80}));
        const auto after = f.core.status(f.now).sessions;
        REQUIRE(after.size() == 2);
        CHECK(after[0].exit == before[0].exit);
        CHECK(after[1].exit == before[1].exit);
    }
    // Then it draws among its three guards again, each time: two draws of three bring another one.
    std::size_t others = 0;
    auto last = before[0].exit;
    for (int i = 0; i < 20; ++i) {
        f.core.disconnected();
        f.now += 12 * f.network.document->parameters.session_lifetime;
        f.run(10ms);
        f.core.connected(f.now, f.wall());
        f.run(10ms);
        const auto later = f.core.status(f.now).sessions;
        REQUIRE(later.size() == 1);
        others += std::exchange(last, later[0].exit) != later[0].exit;
    }
    CHECK(others > 8);
}

TEST_CASE("a control cell takes a loop's slot, and no session misses a packet number") {
    Fixture idle;
    Fixture asking;
    struct Sent {
        base::Mono at;
        SessionHandle session;
        stream::PacketNumber number;
        bool operator==(const Sent&) const = default;
    };
    const auto run = [](Fixture& f, base::Nanoseconds duration) {
        std::vector<Sent> sent;
        for (const auto end = f.now + duration; f.now < end; f.now += 1ms) {
            for (const auto& packet : f.core.tick(f.now)) {
                sent.push_back({f.now, packet.session, packet.number});
                f.cells.push_back(*packet.cell);
            }
            f.core.prepare(f.now, f.wall());
        }
        return sent;
    };
    for (auto* f : {&idle, &asking}) {
        f->core.connected(f->now, f->wall());
        run(*f, 1s);
        f->cells.clear();
    }
    // Ten requests, so that the next slot is a main slot for most of them. Every session, number
    // and moment is as without them.
    constexpr std::size_t requests = 10;
    const auto request = cell::encode(cell::DocumentRequest{base::Epoch{7}});
    for (std::size_t i = 0; i < requests; ++i) {
        asking.core.control(std::make_unique<cell::Cell>(request));
        CHECK(run(asking, 1030ms) == run(idle, 1030ms));
    }
    CHECK(run(asking, 8s) == run(idle, 8s));  // loops that are away for 7 s count as lost
    std::size_t controls = 0;
    for (std::size_t i = 0; i < asking.cells.size(); ++i) {
        if (asking.cells[i].kind() != cell::Kind::control) continue;
        ++controls;
        CHECK(asking.walk(idle.cells[i]).path.back() == asking.gateway);  // a loop's slot
    }
    CHECK(controls == requests);
    // These loops never left, so they are neither sent nor lost.
    const auto with = asking.core.status(asking.now);
    const auto without = idle.core.status(idle.now);
    CHECK(with.slots == without.slots);
    CHECK(with.slots_lost == without.slots_lost);
    CHECK(with.loops_sent == without.loops_sent - requests);
    CHECK(with.loops_lost == without.loops_lost - requests);  // none comes back here
}

TEST_CASE("unknown stream numbers are harmless") {
    Fixture f;
    base::ByteArray<4> bytes{};
    CHECK(f.core.write(7, bytes) == 0);
    CHECK(f.core.writable(7) == 0);
    CHECK(f.core.read(7, bytes) == 0);
    CHECK(f.core.readable(7) == 0);
    f.core.finish(7);
    f.core.reset(7);
    CHECK(f.core.take_events().empty());
}
