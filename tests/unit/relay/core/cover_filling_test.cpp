// Loops and drop cover that fill an exit's levels: built ahead, and judged by no watch.
#include <algorithm>
#include <memory>

#include "tests/unit/relay/core/cover_fixture.hpp"

using namespace nightjar;
using namespace std::chrono_literals;
using cover_test::Fixture;
using relay::core::Cover;

namespace {

/// Packets are only their identifier: these tests follow thousands of loops.
struct NamingSealer final : relay::core::LoopSealer {
    void seal(std::span<relay::core::LoopJob> jobs, base::Random&) override {
        for (auto& job : jobs) {
            std::copy(job.identifier.bytes.begin(), job.identifier.bytes.end(), job.packet.begin());
            job.sealed = true;
            ++sealed;
        }
    }
    static base::SurbId name(const Cover::Loop& loop) {
        const auto body = std::as_const(*loop.cell).body();
        return *base::SurbId::from(body.first(base::SurbId::size()));
    }
    std::size_t sealed = 0;
};

/// The cover of an exit in a network whose exits have levels.
struct Exit : Fixture {
    Exit() { network.parameters().exit_room = 1000; }

    std::shared_ptr<NamingSealer> sealer = std::make_shared<NamingSealer>();
    Cover cover{network.named("gateway-0").identity,
                network.document(),
                random,
                counters,
                test::start,
                sealer};
    std::vector<Cover::Loop> out;
};

}  // namespace

TEST_CASE_FIXTURE(Exit, "cover: what fills a level is built between ticks") {
    for (auto now = test::start; now < test::start + 10s; now += 1ms) {
        cover.tick(now, network.wall(), out);
        if (now > test::start + 10ms) {
            const auto before = sealer->sealed;
            cover.send_one_more(now, network.wall(), out);
            cover.send_one_more(now, network.wall(), out);
            cover.send_one_drop(network.wall(), out);
            CHECK(sealer->sealed == before);
        }
        while (cover.wants_to_build()) {
            const auto before = sealer->sealed;
            cover.build_ahead(now, network.wall());
            CHECK(sealer->sealed - before == Cover::built_together);
        }
    }
    CHECK(counters.loops_sent > 2 * 9980);
    CHECK(counters.drop_cover > 9980);
}

TEST_CASE_FIXTURE(Exit, "cover: loops that fill a level are counted apart") {
    for (int i = 0; i < 3; ++i)
        cover.send_one_more(test::start, network.wall(), out);
    CHECK(counters.fill_loops == 3);
    CHECK(counters.loops_sent == 3);
    for (auto now = test::start; now < test::start + 2s; now += 1ms)
        cover.tick(now, network.wall(), out);
    CHECK(counters.loops_sent > 3);
    CHECK(counters.fill_loops == 3);
}

TEST_CASE_FIXTURE(Exit,
                  "cover: what fills a level is never sent in another epoch, nor by old ways") {
    while (cover.wants_to_build())
        cover.build_ahead(test::start, network.wall());
    const auto later = network.wall() + 900s;
    cover.send_one_more(test::start, later, out);
    cover.send_one_drop(later, out);
    REQUIRE(out.size() == 2);
    for (const auto& one : out)
        CHECK(one.cell->epoch() == test::epoch.next().low_byte());
    // A document without one of the first mixes: nothing that was built before it is sent.
    while (cover.wants_to_build())
        cover.build_ahead(test::start, later);
    auto fewer = std::make_shared<directory::Document>(*network.document());
    const auto gone = network.named("mix-1-0").identity;
    std::erase_if(fewer->relays, [&](const auto& relay) { return relay.identity == gone; });
    cover.use(fewer);
    out.clear();
    for (int i = 0; i < 20; ++i) {
        cover.send_one_more(test::start, later, out);
        cover.send_one_drop(later, out);
    }
    CHECK(out.size() == 40);
    for (const auto& one : out)
        CHECK(one.first_hop != gone);
}

TEST_CASE_FIXTURE(Exit,
                  "cover: the watch judges the network's loops, and none that fills a level") {
    // All of the exit's own loops come back, and none of those that fill its level.
    std::vector<base::SurbId> sent;
    for (auto now = test::start; now < test::start + 150s; now += 10ms) {
        for (const auto& name : sent)
            CHECK(cover.returned(name, now, true));
        sent.clear();
        out.clear();
        cover.tick(now, network.wall(), out);
        for (const auto& loop : out)
            sent.push_back(NamingSealer::name(loop));
        cover.send_one_more(now, network.wall(), out);
        cover.build_ahead(now, network.wall());
    }
    CHECK(counters.loops_lost > 14'000);
    CHECK_FALSE(cover.watch().missing());
    CHECK_FALSE(cover.watch().answers());
}

TEST_CASE_FIXTURE(Exit,
                  "cover: a loop that fills a level returns once, and the oldest is forgotten") {
    cover.send_one_more(test::start, network.wall(), out);
    const auto name = NamingSealer::name(out.front());
    CHECK(cover.returned(name, test::start + 200ms, true));
    CHECK_FALSE(cover.returned(name, test::start + 200ms, true));
    CHECK(counters.loops_returned == 1);
    out.clear();
    for (std::size_t i = 0; i < Cover::filling_max + 100; ++i) {
        cover.send_one_more(test::start + 1s, network.wall(), out);
        cover.build_ahead(test::start + 1s, network.wall());
    }
    CHECK(cover.filling() == Cover::filling_max);
    CHECK(counters.loops_lost == 100);
    CHECK_FALSE(cover.returned(NamingSealer::name(out.front()), test::start + 1s, true));
    CHECK(cover.returned(NamingSealer::name(out.back()), test::start + 1s, true));
    // After the longest route delay the rest is lost.
    cover.tick(test::start + 1s + network.parameters().longest_route_delay() + 1ms, network.wall(),
               out);
    CHECK(cover.filling() == 0);
}

TEST_CASE_FIXTURE(Fixture, "cover: without levels nothing is built for them") {
    auto exit = cover("gateway-0");
    std::vector<Cover::Loop> out;
    exit.tick(test::start, network.wall(), out);
    CHECK_FALSE(exit.wants_to_build());
    network.parameters().exit_room = 1000;
    auto mix = cover("mix-1-0");
    mix.tick(test::start, network.wall(), out);
    CHECK_FALSE(mix.wants_to_build());
}
