#include "client/core/clock_correction.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <vector>

using namespace nightjar;
using namespace std::chrono_literals;
using client::core::ClockCorrection;

namespace {

constexpr base::Mono begin{std::chrono::hours{1}};
constexpr base::Wall truth{1'800'000'000s};

/// A host and a gateway, and a line between them. Ten cells a second say the gateway's time.
struct Host {
    base::Milliseconds off{};      // the host's clock
    base::Milliseconds gateway{};  // the gateway's clock, off by so much
    base::Milliseconds held{};     // every other cell is held up so long, on top of `line`
    base::Milliseconds line{};
    bool synchronised = false;
    bool says = true;
    double ppm = 0;  // how much faster than network time the host's clocks run

    ClockCorrection correction{};
    base::Milliseconds passed{};
    std::vector<base::Milliseconds> moves{};

    base::Mono mono() const { return begin + drifted(passed); }
    base::Wall wall() const { return truth + drifted(passed) + off; }
    base::Milliseconds drifted(base::Milliseconds time) const {
        return time + base::Milliseconds{static_cast<std::int64_t>(
                          static_cast<double>(time.count()) * ppm * 1e-6)};
    }
    /// How far the client's time is off.
    base::Milliseconds error() { return wall() + correction.at(mono(), wall()) - (truth + passed); }
    void run(base::Milliseconds duration) {
        for (const auto end = passed + duration; passed < end; passed += 100ms) {
            const auto delay = line + (passed / 100ms % 2 == 0 ? held : 0ms);
            if (says)
                correction.heard({truth + passed + gateway - delay, mono(), wall(), synchronised});
            const auto before = correction.value();
            correction.at(mono(), wall());
            if (const auto moved = correction.value() - before; moved != 0ms)
                moves.push_back(moved);
        }
    }
};

}  // namespace

TEST_CASE("a host whose clock is not synchronised goes by its gateway's within a second") {
    for (const auto off : {0ms, 20'000ms, -20'000ms, 350ms, 60'000ms}) {
        CAPTURE(off.count());
        Host host{.off = off};
        host.run(400ms);
        CHECK(host.error() == off);  // too few cells yet
        host.run(300ms);
        CHECK(host.error() == 0ms);
        CHECK(host.correction.gateway_ahead() == -off);
    }
}

TEST_CASE("a synchronised host goes by its own clock, whatever its gateway says") {
    for (const auto gateway : {20'000ms, -20'000ms, 300ms}) {
        CAPTURE(gateway.count());
        Host host{.gateway = gateway, .synchronised = true};
        host.run(60s);
        CHECK(host.error() == 0ms);
        CHECK(host.moves.empty());
        CHECK(host.correction.gateway_ahead() == gateway);  // for `status`
    }
}

TEST_CASE("a gateway that says nothing, or is more than a minute off, is not followed") {
    Host silent{.off = 5s, .says = false};
    silent.run(30s);
    CHECK(silent.error() == 5s);
    CHECK(!silent.correction.synchronised());
    for (const auto off : {60'001ms, -60'001ms, 3'600'000ms}) {
        CAPTURE(off.count());
        Host far{.off = off};
        far.run(30s);
        CHECK(far.error() == off);
        CHECK(far.correction.gateway_ahead() == -off);
    }
}

TEST_CASE("cells that are held up do not move the time") {
    Host host{.off = 20s, .held = 900ms, .line = 30ms};
    host.run(60s);
    CHECK(host.error() == -30ms);
    CHECK(host.moves.size() == 1);
}

TEST_CASE("the time follows a clock that drifts, and a gateway moves it no faster than that") {
    for (const auto ppm : {100.0, -100.0}) {
        CAPTURE(ppm);
        Host drifts{.off = 20s, .ppm = ppm};
        drifts.run(1h);
        CHECK(std::chrono::abs(drifts.error()) <= 4ms);
    }
    for (const auto jump : {30'000ms, -30'000ms}) {
        CAPTURE(jump.count());
        Host host{.off = 20s};
        host.run(10s);
        host.correction.told();
        host.gateway = jump;
        host.run(600s);
        CHECK(std::chrono::abs(host.error()) >= 100ms);
        CHECK(std::chrono::abs(host.error()) <= 122ms);
        host.moves.erase(host.moves.begin());
        for (const auto move : host.moves)
            CHECK(std::chrono::abs(move) <= 2ms);
    }
}

TEST_CASE("what a clock has drifted by while there was no link is made up for at once") {
    Host host{.off = 20s, .ppm = 60};
    host.run(10s);
    host.correction.told();
    host.says = false;
    host.run(2h);
    CHECK(host.error() > 400ms);
    host.says = true;
    host.run(20s);
    CHECK(std::chrono::abs(host.error()) <= 4ms);
    // A gateway that was silent for as long moves it by no more than a clock drifts.
    host.says = false;
    host.run(2h);
    host.says = true;
    host.gateway = 30s;
    host.run(20s);
    CHECK(host.error() > 1'000ms);
    CHECK(host.error() <= 1'880ms);  // the clock's own drift, and as much as it might have been
}

TEST_CASE("a host that loses its source of time is right but for drift, so no gateway sets it") {
    Host host{.gateway = 30s, .synchronised = true};
    host.run(60s);
    host.synchronised = false;
    host.run(60s);
    CHECK(host.error() > 0ms);
    CHECK(host.error() <= 14ms);
    host.synchronised = true;
    host.run(1s);
    CHECK(host.error() == 0ms);
}

TEST_CASE("where the host's clock is set its gateway's time is found anew") {
    Host host{.off = 20s};
    host.run(30s);
    REQUIRE(host.error() == 0ms);
    host.correction.told();
    host.off = -7s;
    host.run(1s);
    CHECK(host.error() == 0ms);
    // Less than a second is no such jump.
    host.off += 900ms;
    host.run(1s);
    CHECK(host.error() >= 890ms);
}

TEST_CASE(
    "a line that holds up all cells at first does not set the time, if no exit was told by it") {
    const auto off_after = [](base::Milliseconds held_up_for, bool told) {
        Host host{.off = 20s, .line = 8s};
        host.run(held_up_for);
        if (told) host.correction.told();
        host.line = 0ms;
        host.run(30s);
        return host.error();
    };
    CHECK(off_after(700ms, false) == 0ms);
    CHECK(off_after(25s, false) == 0ms);
    CHECK(off_after(700ms, true) < -7'900ms);
    // It is set right as soon as the line is, and from then on as slowly as a clock drifts.
    Host host{.line = 8s};
    host.run(1s);
    REQUIRE(host.error() == -8s);
    host.line = 0ms;
    host.run(200ms);
    CHECK(host.error() == 0ms);
    host.correction.told();
    host.gateway = 30s;
    host.run(60s);
    CHECK(host.error() <= 14ms);
}

TEST_CASE("where the host's clock is set, the time is free once, and then settled as before") {
    Host host{.off = 20s};
    host.run(10s);
    host.correction.told();
    host.off = -7s;
    host.run(1s);
    REQUIRE(host.error() == 0ms);
    host.gateway = 30s;
    host.run(60s);
    CHECK(host.error() <= 14ms);
}
