#include "relay/core/cover.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "tests/unit/relay/core/cover_fixture.hpp"

using namespace nightjar;
using namespace std::chrono_literals;
using cover_test::Fixture;
using relay::core::Cover;

namespace {

/// Writes only the loop's identifier, so that a test knows which loop it has without cryptography.
struct NamingSealer final : relay::core::LoopSealer {
    void seal(std::span<relay::core::LoopJob> jobs, base::Random&) override {
        for (auto& job : jobs) {
            std::copy(job.identifier.bytes.begin(), job.identifier.bytes.end(), job.packet.begin());
            job.sealed = true;
        }
    }
    static base::SurbId name(const cell::Cell& cell) {
        return *base::SurbId::from(cell.body().first(base::SurbId::size()));
    }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "cover: a loop passes one relay of every other layer and comes home") {
    struct Case {
        const char* self;
        std::vector<std::uint8_t> layers;  // of the relays passed, in order; 0 is a gateway
    };
    const Case cases[] = {
        {"gateway-0", {1, 2, 3, 0}},
        {"mix-1-0", {2, 3, 0, 1}},
        {"mix-2-0", {3, 0, 1, 2}},
        {"mix-3-1", {0, 1, 2, 3}},
    };
    for (const auto& c : cases) {
        CAPTURE(c.self);
        auto loops = cover(c.self);
        const auto sent = run(loops, test::start, 2s);
        REQUIRE(sent.size() > 10);
        for (const auto& one : sent) {
            packet::Final final;
            const auto passed = follow(one, final);
            std::vector<std::uint8_t> layers;
            for (const auto* relay : passed)
                layers.push_back(relay->layer);
            CHECK(layers == c.layers);
            CHECK(passed.back()->name == c.self);
            CHECK(final.destination.bytes == network.named(c.self).identity.bytes);
            CHECK_FALSE(final.identifier.is_zero());
            CHECK(one.cell.epoch() == test::epoch.low_byte());
            CHECK(loops.returned(final.identifier, one.at + 200ms, true));
        }
    }
}

TEST_CASE_FIXTURE(Fixture, "cover: an exit's drop cover ends at another exit and never at home") {
    auto exit = cover("gateway-0");
    std::vector<Cover::Loop> out;
    for (int i = 0; i < 50; ++i)
        exit.send_one_drop(network.wall(), out);
    const auto exits = std::ranges::count_if(network.document()->relays,
                                             [](const auto& relay) { return relay.is_exit(); });
    REQUIRE(exits > 1);
    CHECK(out.size() == 50);
    CHECK(counters.drop_cover == 50);
    CHECK(counters.loops_sent == 0);
    for (const auto& one : out) {
        packet::Final final;
        const auto passed = follow({test::start, one.first_hop, *one.cell}, final);
        CHECK(passed.size() == 4);
        CHECK(passed.back()->is_exit());
        CHECK(passed.back()->name != "gateway-0");
        CHECK(final.destination.is_zero());
        CHECK(final.identifier.is_zero());
    }
    exit.stop();
    exit.send_one_drop(network.wall(), out);
    CHECK(out.size() == 50);
}

TEST_CASE_FIXTURE(Fixture, "cover: loops go out at the network's Poisson rate") {
    auto loops = cover("mix-1-0");
    const auto sent = run(loops, test::start, 100s);
    const double expected = 100 * 15.0;
    CHECK(std::abs(static_cast<double>(sent.size()) - expected) < 4 * std::sqrt(expected));
    CHECK(counters.loops_sent == sent.size());
    // Exponential gaps: the share above t is e^(-15 t). Kolmogorov-Smirnov, p = 0.001.
    std::vector<double> gaps;
    for (std::size_t i = 1; i < sent.size(); ++i)
        gaps.push_back(base::to_seconds(sent[i].at - sent[i - 1].at));
    std::sort(gaps.begin(), gaps.end());
    double distance = 0;
    for (std::size_t i = 0; i < gaps.size(); ++i) {
        const double law = 1 - std::exp(-15.0 * gaps[i]);
        distance = std::max(distance, std::abs(law - static_cast<double>(i + 1) / gaps.size()));
    }
    // 15 per second on a grid of 1 ms: the grid changes the distribution by at most 0.015.
    CHECK(distance < 1.95 / std::sqrt(gaps.size()) + 0.015);
    // Every possible next relay is used equally often.
    std::map<base::NodeId, int> firsts;
    for (const auto& one : sent)
        ++firsts[one.first_hop];
    CHECK(firsts.size() == 2);
    for (const auto& [hop, count] : firsts)
        CHECK(std::abs(count - expected / 2) < 4 * std::sqrt(expected / 4));
}

TEST_CASE_FIXTURE(Fixture, "cover: times are drawn ahead; how often it is asked changes nothing") {
    std::vector<std::vector<base::Mono>> due(2);
    for (int run = 0; run < 2; ++run) {
        base::SeededRandom seeded{5};
        Cover loops{network.named("mix-1-0").identity, network.document(), seeded, counters,
                    test::start};
        std::vector<Cover::Loop> out;
        for (auto now = test::start; now < test::start + 20s; now += run == 0 ? 1ms : 7ms) {
            loops.tick(now, network.wall(), out);
            const auto next = loops.next_due();
            CHECK(next > now);
            if (due[run].empty() || due[run].back() != next) due[run].push_back(next);
        }
    }
    // The slower caller does not see some slots between two of its ticks.
    CHECK(std::includes(due[0].begin(), due[0].end(), due[1].begin(), due[1].end() - 1));
}

TEST_CASE_FIXTURE(Fixture, "cover: a loop counts once, a stranger's identifier not at all") {
    auto loops = cover("mix-1-0");
    const auto sent = run(loops, test::start, 1s);
    packet::Final final;
    follow(sent.front(), final);
    auto other = final.identifier;
    other.bytes[0] ^= 1;
    CHECK_FALSE(loops.returned(other, test::start + 1s, true));
    CHECK(loops.returned(final.identifier, sent.front().at + 321ms, true));
    CHECK_FALSE(loops.returned(final.identifier, test::start + 1s, true));
    CHECK(counters.loops_returned == 1);
    CHECK(loops.take_round_trips() == std::vector<base::Nanoseconds>{321ms});
    CHECK(loops.take_round_trips().empty());
    CHECK(loops.outstanding() == sent.size() - 1);
}

TEST_CASE_FIXTURE(Fixture, "cover: what is not back within the longest route delay is lost") {
    auto loops = cover("mix-1-0");
    const auto longest = network.parameters().longest_route_delay();
    CHECK(longest == 3500ms);
    const auto sent = run(loops, test::start, 1s);
    std::vector<Cover::Loop> out;
    loops.stop();
    const auto last = sent.back().at;
    loops.tick(sent.front().at + longest, network.wall(), out);
    CHECK(counters.loops_lost == 0);
    loops.tick(sent.front().at + longest + 1ms, network.wall(), out);
    CHECK(counters.loops_lost == 1);
    loops.tick(last + longest + 1ms, network.wall(), out);
    CHECK(counters.loops_lost == sent.size());
    CHECK(loops.outstanding() == 0);
    packet::Final final;
    follow(sent.back(), final);
    CHECK_FALSE(loops.returned(final.identifier, last + longest + 2ms, true));
}

TEST_CASE_FIXTURE(Fixture, "cover: loops are missing when too many are lost, but for the start") {
    auto loops = cover("mix-1-0");
    run(loops, test::start, 59s);  // all of them are lost
    CHECK_FALSE(loops.watch().missing());
    run(loops, test::start + 59s, 3s);
    CHECK(loops.watch().missing());
    // Each comes back at once: the alarm ends some 4 s after the last of the others is lost.
    const auto back = test::start + 62s;
    std::vector<Cover::Loop> out;
    for (auto now = back; now < back + 12s; now += 1ms) {
        if (loops.next_due() > now) continue;
        loops.tick(now, network.wall(), out);
        for (auto& loop : out) {
            packet::Final final;
            follow({now, loop.first_hop, *loop.cell}, final);
            CHECK(loops.returned(final.identifier, now, true));
        }
        out.clear();
        if (now < back + 3s) CHECK(loops.watch().missing());
    }
    CHECK_FALSE(loops.watch().missing());
}

TEST_CASE_FIXTURE(Fixture,
                  "cover: a loop that comes back changed or late is an attack, and counts once") {
    enum class Home { late, changed };
    for (const auto home : {Home::changed, Home::late}) {
        std::vector<double> noticed;
        for (std::uint64_t seed = 1; seed <= 9; ++seed) {
            base::SeededRandom seeded{seed};
            relay::core::Counters counted;
            Cover loops{
                network.named("mix-1-0").identity, network.document(), seeded, counted, test::start,
                std::make_shared<NamingSealer>()};
            std::vector<Cover::Loop> out;
            std::multimap<base::Mono, base::SurbId> back;
            const auto attack = test::start + 100s;
            std::optional<double> seen;
            for (auto now = test::start; now < attack + 30s; now += 1ms) {
                for (; !back.empty() && back.begin()->first <= now; back.erase(back.begin()))
                    REQUIRE(loops.returned(back.begin()->second, now,
                                           home != Home::changed || now < attack));
                loops.tick(now, network.wall(), out);
                for (auto& loop : out) {
                    const bool slow = home == Home::late && now >= attack && random.below(2) == 0;
                    back.emplace(now + (slow ? 1200ms : 200ms), NamingSealer::name(*loop.cell));
                }
                out.clear();
                loops.build_ahead(now, network.wall());
                if (loops.watch().withheld() && !seen) seen = base::to_seconds(now - attack);
            }
            REQUIRE(seen);
            CHECK(*seen > 0);
            noticed.push_back(*seen);
            CHECK(counted.loops_lost == 0);
            if (home != Home::changed) continue;
            CHECK(counted.loops_modified > 350);
            CHECK(loops.watch().missing());
        }
        std::sort(noticed.begin(), noticed.end());
        CHECK(noticed[noticed.size() / 2] < 15);
    }
}

TEST_CASE_FIXTURE(Fixture, "cover: the table of loops on their way is bounded") {
    network.parameters().relay_loops = {600'000};
    auto loops = cover("mix-1-0");
    run(loops, test::start, 2500ms);
    CHECK(counters.loops_sent > 1350);
    CHECK(loops.outstanding() == Cover::outstanding_max);
    CHECK(counters.loops_lost == counters.loops_sent - Cover::outstanding_max);
}

TEST_CASE_FIXTURE(Fixture, "cover: after a stall no burst, and the rate goes on") {
    auto loops = cover("mix-1-0");
    std::vector<Cover::Loop> out;
    run(loops, test::start, 1s);
    loops.tick(test::start + 10min, network.wall(), out);
    CHECK(out.size() <= 12);  // 250 ms of a rate of 15 have more with probability 10^-4
    CHECK(loops.next_due() > test::start + 10min);
    const auto sent = run(loops, test::start + 10min + 1ms, 60s);
    CHECK(std::abs(static_cast<double>(sent.size()) - 900) < 120);
}

TEST_CASE_FIXTURE(Fixture, "cover: stopped, at a rate of 0, or not in the document, it is silent") {
    auto stopped = cover("mix-1-0");
    run(stopped, test::start, 100ms);
    stopped.stop();
    CHECK(stopped.next_due() == base::Mono::max());
    CHECK(run(stopped, test::start + 100ms, 5s).empty());

    Cover stranger{base::NodeId{{1, 2, 3}}, network.document(), random, counters, test::start};
    CHECK(run(stranger, test::start, 2s).empty());

    network.parameters().relay_loops = {0};
    auto none = cover("mix-1-0");
    CHECK(none.next_due() == base::Mono::max());
    CHECK(run(none, test::start, 5s).empty());
}

TEST_CASE_FIXTURE(Fixture, "cover: in the last 30 s of an epoch loops are made for the next") {
    struct Case {
        base::Seconds before_the_end;
        base::Epoch made_for;
    };
    for (const auto& c :
         {Case{32s, test::epoch}, Case{30s, test::epoch.next()}, Case{1s, test::epoch.next()}}) {
        CAPTURE(c.before_the_end.count());
        auto loops = cover("mix-2-0");
        std::vector<Cover::Loop> out;
        const auto wall = directory::epoch_start(test::epoch.next(), 900s) - c.before_the_end;
        for (auto now = test::start; now < test::start + 1s; now += 1ms)
            loops.tick(
                now, wall + std::chrono::duration_cast<base::Milliseconds>(now - test::start), out);
        REQUIRE_FALSE(out.empty());
        for (const auto& loop : out)
            CHECK(loop.cell->epoch() == c.made_for.low_byte());
    }
}
