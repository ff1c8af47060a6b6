// A client's process stands still, as in a suspend, and its exit forgets the session meanwhile. The
// streams of the forgotten session must go on or end. They must not hang (LawWorld).
#include <doctest/doctest.h>

#include <map>
#include <string>

#include "tests/lab/world/law_world.hpp"
#include "tests/simulation/short_run.hpp"

using namespace nightjar;
using namespace nightjar::lab::world;
using namespace std::chrono_literals;

namespace {

/// An application with one connection to an echo server.
struct Echo {
    explicit Echo(LawWorld& world)
        : world_{world}, stream_{world.core().open("", {"echo.example", 7})} {
        say();
    }
    void say() {
        if (stream_) said_ += world_.core().write(*stream_, base::as_bytes("x"));
    }
    void step() {
        base::ByteArray<64> buffer;
        if (stream_) heard_ += world_.core().read(*stream_, buffer);
    }
    void on(const client::core::CoreEvent& event) {
        if (event.stream == stream_ && event.event.kind == stream::Event::Kind::reset)
            ended_ = true;
    }
    bool hangs() const { return stream_ && !ended_ && heard_ < said_; }

 private:
    LawWorld& world_;
    std::optional<client::core::StreamRef> stream_;
    std::size_t said_ = 0;
    std::size_t heard_ = 0;
    bool ended_ = false;
};

/// The client stands still from `moment` on, counted from connecting. The first stream is opened at
/// once, the second a moment before the client stands still. `key`: an isolation key's session
/// opens when it goes on, so the plan decides nothing for 8 s. Returns how many of them hang.
std::size_t hanging(base::Milliseconds moment, base::Seconds frozen, std::uint64_t seed,
                    bool key = false) {
    LawOptions options;
    options.seed = options.client_seed = seed;
    LawWorld world{options};
    world.servers.add("echo.example", 7, echo_server);
    std::vector<Echo> echoes;
    echoes.emplace_back(world);
    world.application = [&] {
        for (const auto& event : world.core().take_events())
            for (auto& echo : echoes)
                echo.on(event);
        for (auto& echo : echoes)
            echo.step();
    };
    const auto before = std::min<base::Nanoseconds>(moment, 200ms);
    world.run_for(moment - before);
    echoes.emplace_back(world);
    world.run_for(before);
    if (key) world.core().open("key", {"echo.example", 7});
    world.freeze();
    world.run_for(frozen);
    world.thaw();
    for (auto& echo : echoes)
        echo.say();
    // After 130 s of silence the exit has certainly forgotten the session, and its first reply says
    // so.
    world.run_for(frozen > 135s ? 4s : 15s);
    std::size_t hanging = 0;
    for (const auto& echo : echoes)
        hanging += echo.hangs() ? 1 : 0;
    return hanging;
}

}  // namespace

TEST_CASE("a client that stands still in a session's first minute leaves no stream hanging") {
    std::uint64_t seed = 1;
    const auto step = test::short_run() ? 700ms : 100ms;
    for (const auto frozen : {9s, 20s, 140s}) {
        std::string found;
        for (base::Milliseconds moment{0}; moment <= 60s; moment += step)
            if (hanging(moment, frozen, seed++) > 0) found += std::to_string(moment.count()) + " ";
        CAPTURE(frozen.count());
        CHECK(found == "");
    }
}

TEST_CASE("the streams of a forgotten session do not wait for the plan's next decision") {
    for (base::Milliseconds moment{4000}; moment <= 30s; moment += 1s) {
        CAPTURE(moment.count());
        CHECK(hanging(moment, 140s, 1, true) == 0);
    }
}

TEST_CASE(
    "a link that is cut until exits forget their sessions moves the client to no other exit") {
    for (const std::uint64_t seed : {1, 2, 3, 4}) {
        LawOptions options;
        options.seed = options.client_seed = seed;
        options.exits = 12;
        LawWorld world{options};
        world.run_for(30s);
        REQUIRE(world.core().ready());
        const auto exit = world.core().status(world.now()).sessions.front().exit;
        // For 132 s of each three minutes nothing passes. An exit forgets a silent session after
        // 130 s.
        const auto begin = world.now();
        world.meddle = [begin](bool, base::Mono at) -> std::optional<base::Nanoseconds> {
            if ((at - begin) % 180s < 132s) return std::nullopt;
            return base::Nanoseconds{};
        };
        for (int cut = 0; cut < 5; ++cut) {
            world.run_for(180s);
            const auto status = world.core().status(world.now());
            REQUIRE(!status.sessions.empty());
            CHECK(status.sessions.back().exit == exit);
        }
    }
}
