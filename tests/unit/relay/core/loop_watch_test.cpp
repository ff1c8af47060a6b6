#include "relay/core/loop_watch.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <map>

#include "sphinx/base/random.hpp"
#include "tests/unit/test_network.hpp"

using namespace nightjar;
using namespace std::chrono_literals;
using relay::core::LoopWatch;
using relay::core::LoopWay;

namespace {

/// What happens to a loop: how long it takes beyond the ordinary, or it is lost, or modified.
struct Fate {
    base::Nanoseconds more{};
    bool lost = false;
    bool modified = false;
};

/// The loops of mix-2-0 in a network of two relays in each layer: a Poisson process, over three
/// relays that hold each loop for an exponential time, and links of 20 ms.
struct Loops {
    test::Network network;
    base::SeededRandom random{7};
    LoopWatch watch{*network.document(), test::start};
    base::Mono now = test::start;
    base::Nanoseconds mean_delay = 50ms;
    std::function<Fate(const LoopWay&, base::Mono)> fate = [](auto&, auto) { return Fate{}; };

    void run(
        base::Nanoseconds length, const std::function<bool()>& done = [] { return false; }) {
        for (const auto end = now + length; now < end && !done(); now += 1s) {
            while (next_ < now + 1s) {
                send(next_);
                next_ += random.exponential(base::Nanoseconds{1'000'000'000 / 15});
            }
            while (!events_.empty() && events_.begin()->first < now + 1s)
                events_.extract(events_.begin()).mapped()();
            watch.step(now + 1s);
        }
    }
    double seconds_until(const std::function<bool()>& done, base::Nanoseconds limit) {
        const auto begin = now;
        run(limit, done);
        return base::to_seconds(now - begin);
    }
    double seconds_until_withheld() {
        return seconds_until([&] { return watch.withheld(); }, 300s);
    }
    bool passes(const LoopWay& way, const char* name) const {
        return std::count(way.begin(), way.end(), network.named(name).identity) > 0;
    }

 private:
    void send(base::Mono at) {
        LoopWay way;
        for (const std::string layer : {"mix-3-", "gateway-", "mix-1-"})
            way.push_back(network.named(layer + (random.below(2) ? "1" : "0")).identity);
        auto took = 20ms + base::Nanoseconds{};
        for (int i = 0; i < 3; ++i)
            took += random.exponential(mean_delay);
        const auto what = fate(way, at);
        took += what.more;
        const auto longest = network.parameters().longest_route_delay();
        const bool gone = what.lost || took > longest;
        // As the relay's cover does: a loop is late once, before or when it comes back.
        const auto late_after = watch.late_after();
        if (gone || took > late_after)
            events_.emplace(at + late_after, [this, way] { watch.late(way); });
        if (gone)
            events_.emplace(at + longest, [this, way] { watch.lost(way); });
        else if (what.modified)
            events_.emplace(at + took, [this, way] {
                watch.late(way);
                watch.lost(way);
            });
        else
            events_.emplace(at + took, [=, this] { watch.returned(way, took, took > late_after); });
    }

    base::Mono next_ = test::start;
    std::multimap<base::Mono, std::function<void()>> events_;
};

}  // namespace

TEST_CASE_FIXTURE(Loops, "loop watch: each kind of attack is noticed within its time") {
    struct Case {
        const char* what;
        double share;
        Fate fate;
        double within_s;
    };
    const Case cases[] = {
        {"lost", 1, {.lost = true}, 4},
        {"lost", 0.9, {.lost = true}, 5},
        {"lost", 0.5, {.lost = true}, 15},
        {"held for 1 s", 1, {.more = 1s}, 4},
        {"held for 1 s", 0.9, {.more = 1s}, 5},
        {"held for 1 s", 0.5, {.more = 1s}, 20},
        {"held for 0.5 s", 1, {.more = 500ms}, 4},
        {"modified", 1, {.modified = true}, 3},
        {"modified", 0.9, {.modified = true}, 4},
        {"modified", 0.5, {.modified = true}, 12},
    };
    run(300s);
    CHECK_FALSE(watch.withheld());
    for (const auto& c : cases) {
        CAPTURE(c.what);
        CAPTURE(c.share);
        fate = [&](auto&, auto) { return random.unit() < c.share ? c.fate : Fate{}; };
        CHECK(seconds_until_withheld() <= c.within_s);
        fate = [](auto&, auto) { return Fate{}; };
        run(300s);
        CHECK_FALSE(watch.withheld());
        CHECK_FALSE(watch.answers());
    }
}

TEST_CASE_FIXTURE(Loops, "loop watch: an attack that pauses is noticed by its sum") {
    run(300s);
    const auto begin = now;
    // One second in eight: too short for the quick tests.
    fate = [&](auto&, base::Mono at) { return Fate{.lost = (at - begin) % 8s < 1s}; };
    const auto noticed = seconds_until_withheld();
    CHECK(noticed > 10);
    CHECK(noticed < 240);
}

TEST_CASE_FIXTURE(Loops, "loop watch: 1 % of loss on each link raises no alarm in half a day") {
    fate = [&](auto&, auto) { return Fate{.lost = random.unit() < 0.04}; };
    unsigned alarms = 0;
    run(12h, [&] {
        alarms += watch.withheld() || watch.missing();
        return false;
    });
    CHECK(alarms == 0);
}

TEST_CASE_FIXTURE(Loops, "loop watch: relays that answer are no attack on this one") {
    run(300s);
    mean_delay = 100ms;  // all relays answer
    unsigned alarms = 0;
    run(2h, [&] {
        alarms += watch.withheld();
        return false;
    });
    CHECK(alarms == 0);
}

TEST_CASE_FIXTURE(Loops, "loop watch: a relay that is down is no attack on this one") {
    run(300s);
    fate = [&](const LoopWay& way, auto) { return Fate{.lost = passes(way, "gateway-1")}; };
    CHECK(seconds_until([&] { return watch.missing(); }, 60s) < 12);
    unsigned alarms = 0;
    run(30min, [&] {
        alarms += watch.withheld() || watch.answers();
        return false;
    });
    CHECK(alarms == 0);
    // Neither is one that is slow.
    fate = [&](const LoopWay& way, auto) {
        return Fate{.more = passes(way, "mix-3-0") ? base::Nanoseconds{1s} : 0s};
    };
    run(30min, [&] {
        alarms += watch.withheld();
        return false;
    });
    CHECK(alarms == 0);
    // An attack at the same time is noticed by the other loops.
    fate = [&](const LoopWay&, auto) { return Fate{.lost = true}; };
    CHECK(seconds_until_withheld() < 6);
}

TEST_CASE_FIXTURE(Loops, "loop watch: what is late follows the links, and no attacker moves it") {
    CHECK(watch.late_after() == network.parameters().longest_route_delay());
    run(300s);
    // 20 ms of links, 8.4 means of three exponentials, 100 ms of room; buckets are of 7 ms.
    CHECK(std::abs(base::to_seconds(watch.late_after()) - 0.540) < 0.012);
    // Nine in ten loops are held for an hour.
    fate = [&](auto&, auto) {
        return Fate{.more = random.unit() < 0.9 ? base::Nanoseconds{1s} : 0s};
    };
    run(1h);
    CHECK(watch.withheld());
    CHECK(watch.late_after() < 700ms);
    // A new line is slower for all. The relay learns it, and its answer ends.
    fate = [](auto&, auto) { return Fate{.more = 400ms}; };
    run(31min);
    CHECK(std::abs(base::to_seconds(watch.late_after()) - 0.940) < 0.012);
    run(3min);
    CHECK_FALSE(watch.answers());
}

TEST_CASE_FIXTURE(Loops, "loop watch: the answer outlasts the attack by two minutes") {
    run(300s);
    fate = [](auto&, auto) { return Fate{.lost = true}; };
    seconds_until_withheld();
    CHECK(watch.answers());
    fate = [](auto&, auto) { return Fate{}; };
    seconds_until([&] { return !watch.withheld(); }, 60s);
    const auto lasts = seconds_until([&] { return !watch.answers(); }, 300s);
    CHECK(std::abs(lasts - 120) <= 1);
}

TEST_CASE_FIXTURE(Loops, "loop watch: a document that is newer forgets no loss") {
    run(300s);
    fate = [](auto&, auto) { return Fate{.lost = true}; };
    seconds_until_withheld();
    watch.use(*network.document());
    run(1s);
    CHECK(watch.withheld());
    CHECK(watch.late_after() < 600ms);
    // Another law of mixing has other times.
    network.parameters().mean_delay = 60ms;
    watch.use(*network.document());
    run(2s);
    CHECK(watch.late_after() == network.parameters().longest_route_delay());
}

TEST_CASE("loop watch: a relay that answers holds twice as long, none above the cap") {
    const directory::Parameters parameters;
    CHECK(relay::core::kept_longer(30ms, parameters) == 60ms);
    CHECK(relay::core::kept_longer(0ms, parameters) == 0ms);
    CHECK(relay::core::kept_longer(400ms, parameters) == parameters.delay_cap());
}
