// Streams that outlive their session (LawWorld).
#include <doctest/doctest.h>

#include <cstdio>

#include "tests/simulation/lasting_connection.hpp"

using namespace nightjar;
using namespace nightjar::lasting;

TEST_CASE("a download of two hours and more passes two handovers byte for byte") {
    LawWorld world{slow_options(3)};
    constexpr std::uint64_t size = 130u << 20;
    Connection download{world, "blob.example", size};
    serve(world, download);
    world.run_for(70s);
    download.open();
    download.expect_blob();
    download.ask();
    const auto begin = world.now();
    while (!download.finished && !download.ended && world.now() < begin + 3h)
        world.run_for(60s);
    const auto seconds = base::to_seconds(world.now() - begin);
    std::printf("%.1f MB in %.0f s, longest wait %.1f s, ended %d\n",
                static_cast<double>(download.read) / 1e6, seconds,
                base::to_seconds(download.waited),
                download.ended ? static_cast<int>(*download.ended) : 0);
    CHECK(seconds > 6900);  // the second handover
    CHECK(download.wrong == 0);
    CHECK_FALSE(download.ended);
    CHECK(download.finished);
    CHECK(download.read == size);
    // As much as in one session, 0.9 of what fits at this rate: what lingers carries it too.
    CHECK(static_cast<double>(download.read) / seconds > 0.89 * 9 * 1982);
    CHECK(download.waited < 10s);
}

TEST_CASE(
    "an idle connection with a key press a minute lasts as long as its client keeps its exit") {
    double hours = 0;
    for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6}) {
        LawWorld world{slow_options(seed)};
        Connection shell{world, "echo.example", 0};
        serve(world, shell);
        world.run_for(70s);
        shell.open();
        const auto exit = [&] { return world.core().status(world.now()).sessions.back().exit; };
        const auto first = exit();
        const auto begin = world.now();
        std::optional<base::Mono> changed;
        while (!shell.ended && world.now() < begin + 15h) {
            shell.key();
            world.run_for(60s);
            if (!changed && exit() != first) changed = world.now();
        }
        REQUIRE(shell.ended);
        REQUIRE(changed);
        CHECK(*shell.ended == stream::ResetReason::session_ended);
        CHECK(shell.wrong == 0);
        CHECK(shell.written - shell.read <= 1);
        CHECK(world.now() - begin > 4h);
        CHECK(world.now() - *changed > 59min);
        hours += base::to_seconds(world.now() - begin) / 3600 / 6;
    }
    std::printf("connections from the begin of an exit term last %.1f h on average\n", hours);
}

TEST_CASE("a client without streams sends no JOIN, and one with streams differs in frames alone") {
    // What an exit reads of an hour around a handover, without the frames.
    const auto run = [](bool busy, std::size_t& joins) {
        auto options = slow_options(5);
        options.parameters.session_lifetime = base::Seconds{600};
        LawWorld world{options};
        Connection shell{world, "echo.example", 0};
        serve(world, shell);
        std::vector<base::Bytes> headers;
        world.on_message = [&](base::ByteView message) {
            const auto header = stream::decode_up(message);
            REQUIRE(header);
            const auto frames = stream::frames_of(*header, message);
            const auto parsed = stream::CheckedFrames::parse(stream::Side::exit, frames);
            REQUIRE(parsed);
            joins += parsed->find(stream::FrameType::join) != nullptr ? 1 : 0;
            headers.emplace_back(message.begin(), message.end() - frames.size());
        };
        world.run_for(70s);
        if (busy) shell.open();
        for (int minute = 0; minute < 30; ++minute) {
            if (busy) shell.key();
            world.run_for(60s);
        }
        CHECK_FALSE(shell.ended);
        return headers;
    };
    std::size_t idle_joins = 0;
    std::size_t joins = 0;
    const auto idle = run(false, idle_joins);
    const auto busy = run(true, joins);
    CHECK(idle_joins == 0);
    CHECK(joins > 10);
    CHECK(idle.size() > 15'000);
    CHECK(idle == busy);
}
