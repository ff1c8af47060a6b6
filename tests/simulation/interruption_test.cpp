// What an interruption of the link does to streams (LawWorld).
#include <doctest/doctest.h>

#include <cstdio>

#include "tests/simulation/lasting_connection.hpp"
#include "tests/simulation/short_run.hpp"

using namespace nightjar;
using namespace nightjar::lasting;

TEST_CASE("streams go on after the link was cut for up to two minutes") {
    for (const auto cut : {9s, 30s, 118s}) {
        for (const bool whole : {true, false}) {
            LawOptions options;
            options.seed = options.client_seed = 7;
            LawWorld world{options};
            Connection download{world, "blob.example", 40u << 20};
            begin_download(world, download);
            const auto before = download.read;
            CHECK(before > 1'000'000);
            // Either the connection to the gateway breaks, or the gateway's cells stay away.
            const auto begin = world.now();
            if (whole)
                world.disconnect();
            else
                world.meddle = [&](bool up, base::Mono at) -> std::optional<base::Nanoseconds> {
                    if (!up && at < begin + cut) return std::nullopt;
                    return base::Nanoseconds{};
                };
            world.run_for(cut);
            if (whole) world.connect();
            world.run_for(30s);
            std::printf("%3d s %s: %.2f MB before, %.2f MB in the 30 s after, ended %d\n",
                        static_cast<int>(cut.count()), whole ? "cut " : "held",
                        static_cast<double>(before) / 1e6,
                        static_cast<double>(download.read - before) / 1e6,
                        download.ended ? static_cast<int>(*download.ended) : 0);
            CHECK(download.wrong == 0);
            CHECK_FALSE(download.ended);
            CHECK(download.read - before > 1'000'000);
        }
    }
}

TEST_CASE("an interruption at any moment of a handover ends no stream") {
    // The handover begins 3300 s after the world, and is announced 8 s ahead.
    const auto step = test::short_run() ? 5'200ms : 1'300ms;
    for (base::Milliseconds moment = 3'290s; moment <= 3'325s; moment += step) {
        LawOptions options;
        options.seed = options.client_seed = 9;
        LawWorld world{options};
        Connection download{world, "blob.example", 40u << 20};
        serve(world, download);
        world.run_for(moment - 20s);
        download.open();
        download.expect_blob();
        download.ask();
        world.run_for(20s);
        const auto before = download.read;
        world.disconnect();
        world.run_for(60s);
        world.connect();
        world.run_for(60s);
        const auto minute = download.read;
        CAPTURE(moment.count());
        CHECK(before > 100'000);
        CHECK(download.wrong == 0);
        CHECK_FALSE(download.ended);
        // The exits may not have heard of the change that comes meanwhile.
        CHECK(minute - before > 2'000'000);
        world.run_for(120s);
        CHECK(download.read - minute > 8'000'000);
    }
}

TEST_CASE("where nothing passes a link that stays up for two minutes, streams go on behind it") {
    for (const auto silence : {9s, 30s, 118s}) {
        LawOptions options;
        options.seed = options.client_seed = 8;
        LawWorld world{options};
        Connection download{world, "blob.example", 40u << 20};
        begin_download(world, download);
        const auto before = download.read;
        const auto begin = world.now();
        world.meddle = [&](bool, base::Mono at) -> std::optional<base::Nanoseconds> {
            if (at < begin + silence) return std::nullopt;
            return base::Nanoseconds{};
        };
        world.run_for(silence + 30s);
        CAPTURE(silence.count());
        CHECK(download.wrong == 0);
        CHECK_FALSE(download.ended);
        CHECK(download.read - before > 1'000'000);
    }
}
