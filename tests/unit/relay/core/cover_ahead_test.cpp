// Loops that a relay builds ahead: some in one call, and none for another epoch.
#include <algorithm>
#include <numeric>
#include <set>

#include "tests/unit/relay/core/cover_fixture.hpp"

using namespace nightjar;
using namespace std::chrono_literals;
using cover_test::Fixture;
using relay::core::Cover;

namespace {

/// Seals as a relay does, and notes how many loops each call has.
struct CountingSealer final : relay::core::LoopSealer {
    void seal(std::span<relay::core::LoopJob> jobs, base::Random& random) override {
        calls.push_back(jobs.size());
        LoopSealer::seal(jobs, random);
    }
    std::size_t sealed() const {
        return std::accumulate(calls.begin(), calls.end(), std::size_t{0});
    }
    std::vector<std::size_t> calls;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "cover: loops are built some in one call, and never within a tick") {
    const auto sealer = std::make_shared<CountingSealer>();
    Cover loops{network.named("mix-1-0").identity,
                network.document(),
                random,
                counters,
                test::start,
                sealer};
    std::vector<Cover::Loop> out;
    loops.tick(test::start, network.wall(), out);  // the first tick finds none that is built
    std::set<base::Bytes> elements;                // what each packet's secrets begin with
    std::size_t in_ticks = 0;
    for (auto now = test::start + 1ms; now < test::start + 60s; now += 1ms) {
        const auto before = sealer->calls.size();
        loops.tick(now, network.wall(), out);
        in_ticks += sealer->calls.size() - before;
        for (const auto& loop : out) {
            const auto body = std::as_const(*loop.cell).body();
            elements.emplace(body.begin(), body.begin() + packet::alpha_size);
        }
        out.clear();
        const bool wants = loops.wants_to_build();
        const auto calls = sealer->calls.size();
        loops.build_ahead(now, network.wall());
        CHECK(sealer->calls.size() == calls + (wants ? 1 : 0));
        CHECK_FALSE(loops.wants_to_build());
        const auto waiting = sealer->sealed() - counters.loops_sent;
        CHECK(waiting >= Cover::built_ahead);
        CHECK(waiting < Cover::built_ahead + Cover::built_together);
    }
    CHECK(in_ticks == 0);
    for (const auto together : sealer->calls)
        CHECK(together == 4);
    CHECK(elements.size() == counters.loops_sent);
    CHECK(counters.loops_sent > 700);
}

TEST_CASE_FIXTURE(Fixture,
                  "cover: a loop's moment does not show its place among those built with it") {
    auto loops = cover("mix-1-0");
    const auto sent = run(loops, test::start, 600s);
    const double expected = 600 * 15.0;
    REQUIRE(std::abs(static_cast<double>(sent.size()) - expected) < 4 * std::sqrt(expected));
    // The gap before a loop, by its place: each mean has the law's, and is as exact as n of them
    // allow. So is the product of two gaps that follow each other.
    for (std::size_t place = 0; place < Cover::built_together; ++place) {
        CAPTURE(place);
        double sum = 0, both = 0;
        std::size_t n = 0;
        for (auto i = place + Cover::built_together; i + 1 < sent.size();
             i += Cover::built_together, ++n) {
            const double gap = 15 * base::to_seconds(sent[i].at - sent[i - 1].at);
            sum += gap;
            both += gap * 15 * base::to_seconds(sent[i + 1].at - sent[i].at);
        }
        const auto count = static_cast<double>(n);
        CHECK(std::abs(sum / count - 1) < 4 / std::sqrt(count));
        CHECK(std::abs(both / count - 1) < 4 * std::sqrt(3) / std::sqrt(count));
    }
}

TEST_CASE_FIXTURE(Fixture, "cover: a loop that was built ahead is never sent in another epoch") {
    const auto sealer = std::make_shared<CountingSealer>();
    Cover loops{network.named("mix-1-0").identity,
                network.document(),
                random,
                counters,
                test::start,
                sealer};
    std::vector<Cover::Loop> out;
    // The clock goes an epoch ahead, and back again, at moments at which loops are waiting.
    for (auto now = test::start; now < test::start + 20s; now += 1ms) {
        const bool ahead = (now - test::start) / 1s % 2 == 1;
        const auto wall = network.wall() + (ahead ? 900s : 0s);
        const auto epoch = ahead ? test::epoch.next() : test::epoch;
        loops.tick(now, wall, out);
        for (const auto& loop : out) {
            CHECK(loop.cell->epoch() == epoch.low_byte());
            const auto* first = network.document()->find(loop.first_hop);
            REQUIRE(first);
            auto cell = *loop.cell;
            CHECK(packet::unwrap(cell.body(), network.key(*first, epoch)->keys.secret,
                                 packet::packet_size));
        }
        out.clear();
        loops.build_ahead(now, wall);
    }
    CHECK(counters.loops_sent > 200);
    // Those that waited when the clock was set were built anew, one at a time.
    CHECK(std::count(sealer->calls.begin(), sealer->calls.end(), 1) > 20);
}

TEST_CASE_FIXTURE(Fixture,
                  "cover: a document that lists the relay serves the loops already drawn") {
    const auto listed = network.document();
    auto without = std::make_shared<directory::Document>(*listed);
    const auto self = network.named("mix-1-0").identity;
    std::erase_if(without->relays, [&](const auto& relay) { return relay.identity == self; });
    Cover loops{self, without, random, counters, test::start};
    std::vector<Cover::Loop> out;
    loops.tick(test::start, network.wall(), out);
    loops.use(listed);
    const auto first = loops.next_due();
    loops.tick(first, network.wall(), out);
    CHECK(out.size() == 1);
}
