// The levels of an exit in its pipeline: they follow the document.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <set>

#include "relay/core/exit_sessions.hpp"
#include "tests/unit/relay/core/pipeline_fixture.hpp"

using namespace nightjar;
using namespace nightjar::pipeline_test;

namespace {

/// Relays send no loops of their own, so all that leaves is the cover of levels.
struct Levels : Fixture {
    std::shared_ptr<const directory::Document> with_room(std::uint32_t room) const {
        auto document = std::make_shared<directory::Document>(*network.document());
        document->parameters.exit_room = room;
        return document;
    }
};

struct CountingSealer final : relay::core::LoopSealer {
    void seal(std::span<relay::core::LoopJob> jobs, base::Random&) override {
        for (auto& job : jobs)
            job.sealed = true;
        sealed += jobs.size();
    }
    std::size_t sealed = 0;
};

}  // namespace

TEST_CASE_FIXTURE(Levels, "pipeline: an exit sends cover while its document gives it room") {
    base::SeededRandom random{2};
    relay::core::Counters counters;
    relay::core::ExitSessions sessions{network.parameters(), random, counters};
    Relay exit{network, "gateway-0", &sessions};
    exit.run(test::start, 5s);
    CHECK(exit.links.relays.empty());
    CHECK(exit.pipeline.next_due() == base::Mono::max());

    exit.pipeline.use(with_room(1000));
    CHECK(exit.pipeline.next_due() <= test::start + 5s);
    exit.run(test::start + 5s, 20s);
    // Without sessions the room is 22 to 68 loops a second, and a quarter of that in drop cover.
    CHECK(exit.counters.loops_sent > 19 * 22 - 100);
    CHECK(exit.counters.loops_sent < 20 * 68 + 100);
    CHECK(exit.counters.drop_cover > 19 * 5 - 40);
    CHECK(exit.links.relays.size() == exit.counters.loops_sent + exit.counters.drop_cover);

    exit.links.relays.clear();
    exit.pipeline.use(with_room(0));
    exit.run(test::start + 25s, 5s);
    CHECK(exit.links.relays.empty());
    CHECK(exit.pipeline.next_due() == base::Mono::max());
}

TEST_CASE_FIXTURE(Levels, "pipeline: all that leaves at a moment of the beat is built before") {
    std::uint64_t most_loops = 0;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        base::SeededRandom random{2};
        relay::core::Counters counters;
        relay::core::ExitSessions sessions{network.parameters(), random, counters};
        const auto sealer = std::make_shared<CountingSealer>();
        relay::core::PipelineOptions options;
        options.loop_sealer = sealer;
        Relay exit{network, "gateway-0", &sessions, options};
        exit.random = base::SeededRandom{seed};
        exit.pipeline.use(with_room(4000));
        std::set<std::size_t> counts;
        for (auto now = test::start; now < test::start + 3s; now += 1ms) {
            const auto wall =
                network.wall() + std::chrono::floor<base::Milliseconds>(now - test::start);
            const auto sealed = sealer->sealed;
            const auto loops = exit.counters.fill_loops;
            exit.links.relays.clear();
            exit.pipeline.tick(now, wall, exit.links);
            if (now > test::start + 1s) {
                CHECK(sealer->sealed == sealed);
                most_loops = std::max(most_loops, exit.counters.fill_loops - loops);
                if (!exit.links.relays.empty()) counts.insert(exit.links.relays.size());
            }
            while (exit.pipeline.build_ahead(now, wall)) {
            }
        }
        CHECK(counts.size() == 1);
    }
    // More than what is kept ready where there is no beat.
    CHECK(most_loops > relay::core::Cover::built_ahead);
}

TEST_CASE_FIXTURE(Levels, "pipeline: a relay that is no exit has no levels") {
    for (const auto* name : {"mix-1-0", "gateway-0"}) {
        Relay relay{network, name};
        relay.pipeline.use(with_room(1000));
        relay.run(test::start, 5s);
        CHECK(relay.links.relays.empty());
        CHECK(relay.pipeline.next_due() == base::Mono::max());
    }
}
