// Hours of the traffic law (docs/traffic-law.md). NIGHTJAR_LAW_HOURS sets the hours per run. The
// bound of 1e-6 applies to all runs together.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "tests/lab/world/law_world.hpp"

using namespace nightjar;
using namespace nightjar::lab::world;
using namespace std::chrono_literals;

namespace {

/// An application that downloads and uploads without a pause.
class Load {
 public:
    explicit Load(LawWorld& world) : world_{world}, bytes_{test_bytes(20'000)} {
        world.servers.add("echo.example", 7, echo_server);
        world.application = [this] { step(); };
    }
    std::size_t received = 0;
    std::size_t resets = 0;

 private:
    void step() {
        auto& core = world_.core();
        if (!stream_) {
            if (world_.now() < retry_) return;
            stream_ = core.open("", {"echo.example", 7});
            retry_ = world_.now() + 1s;
            if (!stream_) return;
        }
        if (core.writable(*stream_) >= bytes_.size()) core.write(*stream_, bytes_);
        if (core.readable(*stream_) > 0) {
            base::ByteArray<32'768> buffer;
            received += core.read(*stream_, buffer);
        }
        for (const auto& event : core.take_events()) {
            if (event.event.kind != stream::Event::Kind::reset) continue;
            ++resets;
            stream_.reset();
        }
    }

    LawWorld& world_;
    base::Bytes bytes_;
    std::optional<client::core::StreamRef> stream_;
    base::Mono retry_{};
};

double hours_per_run() {
    const auto* given = std::getenv("NIGHTJAR_LAW_HOURS");
    return given == nullptr ? 8.2 : std::atof(given);
}

}  // namespace

TEST_CASE("a day of the law: at most one tick in 10^6 is missed, and the stock keeps its bound") {
    std::uint64_t ticks = 0;
    std::uint64_t missed = 0;
    std::uint64_t seed = 21;
    for (const double loss : {0.0, 0.01, 0.05}) {
        for (const bool loaded : {false, true}) {
            LawOptions options;
            options.seed = options.client_seed = seed++;
            options.loss = loss;
            options.parameters.session_lifetime = 600s;  // to get many handovers
            LawWorld world{options};
            std::optional<Load> load;
            if (loaded) load.emplace(world);
            const double hours = hours_per_run() * (loaded ? 0.1 : 0.9);
            const double seconds = hours * 3600;
            world.run_for(base::from_seconds(seconds));
            const auto status = world.core().status(world.now());
            std::printf(
                "loss %.0f %%, %s, %.1f h: %llu ticks, %llu missed, stock at most %zu, %llu "
                "slots\n",
                100 * loss, loaded ? "loaded" : "idle", hours,
                static_cast<unsigned long long>(world.ticks()),
                static_cast<unsigned long long>(world.ticks_missed()), world.stock_max,
                static_cast<unsigned long long>(status.slots));
            const auto target = options.parameters.surb_stock_target(options.parameters.replies);
            CHECK(world.stock_max <= target + 16 + 5);
            CHECK(status.slots_lost == 0);
            const double due = 45 * (seconds - 3);  // the first tick is 3 s after connecting
            CHECK(std::abs(static_cast<double>(world.ticks()) - due) < 5 * std::sqrt(due));
            if (load) CHECK(static_cast<double>(load->received) > 30'000 * (seconds - 6));
            ticks += world.ticks();
            missed += world.ticks_missed();
        }
    }
    CHECK(static_cast<double>(missed) <= 1e-6 * static_cast<double>(ticks));
}

TEST_CASE("an idle and a busy client of one seed send at the same instants, cell for cell") {
    // Each slot's time and session. Sessions are numbered from 1 as they appear; 0 is a loop.
    std::vector<std::pair<base::Mono, std::size_t>> slots[2];
    for (const bool busy : {false, true}) {
        LawOptions options;
        options.seed = options.client_seed = 22;
        options.parameters.session_lifetime = 200s;
        LawWorld world{options};
        std::optional<Load> load;
        if (busy) load.emplace(world);
        std::map<base::SessionId, std::size_t> seen{{base::SessionId{}, 0}};
        world.on_slot = [&](base::Mono at, const base::SessionId& session) {
            slots[busy].push_back({at, seen.try_emplace(session, seen.size()).first->second});
        };
        world.run_for(600s);
        if (busy) CHECK(load->received > 1'000'000);
        CHECK(seen.size() >= 3);
    }
    CHECK(slots[0].size() > 30'000);
    CHECK(slots[0] == slots[1]);
}

TEST_CASE("a handover while downloading does not show in the replies of all exits together") {
    LawOptions options;
    options.seed = options.client_seed = 23;
    options.parameters.session_lifetime = 120s;
    LawWorld world{options};
    Load load{world};
    std::vector<double> replies;
    world.on_reply = [&](std::size_t, base::Mono at) {
        replies.push_back(base::to_seconds(at - base::Mono{std::chrono::hours{1}}));
    };
    const double seconds = 1800;  // longer than an exit term: handovers at one exit and between two
    world.run_for(base::from_seconds(seconds));
    double worst = 0;
    for (double from = 10; from + 5 <= seconds; from += 0.5) {
        const auto first = std::lower_bound(replies.begin(), replies.end(), from);
        const auto last = std::lower_bound(replies.begin(), replies.end(), from + 5);
        worst = std::max(worst, std::abs(static_cast<double>(last - first) - 5 * 45.0));
    }
    const double sigma = std::sqrt(5 * 45.0);
    std::printf("handovers: worst window of 5 s is %.2f sigma off\n", worst / sigma);
    CHECK(worst <= 4 * sigma);
    CHECK(world.ticks_missed() == 0);
    CHECK(load.received > 10'000'000);
    std::size_t used = 0;
    for (std::size_t i = 0; i < world.exits(); ++i)
        used += world.exit(i).counters.replies > 1000 ? 1 : 0;
    CHECK(used >= 2);
}

TEST_CASE("a transfer that was reset with its session continues at the new session's pace") {
    LawOptions options;
    options.seed = options.client_seed = 27;
    options.parameters.session_lifetime = 120s;
    LawWorld world{options};
    Load load{world};
    for (std::size_t ends = 1; ends <= 3; ++ends) {
        while (load.resets < ends && world.now() < base::Mono{2h})
            world.run_for(1s);
        REQUIRE(load.resets == ends);
        world.run_for(10s);
        const auto before = load.received;
        world.run_for(90s);
        CHECK(load.received - before > 90 * 40'000);
    }
}

TEST_CASE("an exit that falls silent is replaced") {
    LawOptions options;
    options.seed = options.client_seed = 24;
    LawWorld world{options};
    Load load{world};
    world.run_for(30s);
    std::size_t in_use = 0;
    while (world.exit_id(in_use) != world.core().status(world.now()).sessions[0].exit)
        ++in_use;
    world.exit(in_use).silent = true;
    world.run_for(30s);
    CHECK(load.resets == 1);
    const auto status = world.core().status(world.now());
    REQUIRE(status.sessions.size() == 1);
    CHECK(status.sessions[0].exit != world.exit_id(in_use));
    CHECK(status.sessions[0].pace == 45);
    CHECK(status.sessions[0].ready);
    const auto before = load.received;
    world.run_for(30s);
    CHECK(load.received > before + 1'000'000);
}

TEST_CASE("a short interruption of the link costs no stream, a long one all of them") {
    LawOptions options;
    options.seed = options.client_seed = 25;
    LawWorld world{options};
    Load load{world};
    world.run_for(30s);
    // The exit spends its whole stock while the link is down. The client must not wait for these
    // replies.
    world.disconnect();
    world.run_for(5s);
    world.connect();
    world.run_for(10s);
    const auto before = load.received;
    world.run_for(20s);
    CHECK(load.resets == 0);
    CHECK(load.received > before + 500'000);
    CHECK(world.core().status(world.now()).sessions[0].stock > 30);

    world.disconnect();
    world.run_for(121s);
    CHECK(load.resets == 1);
    CHECK(world.core().status(world.now()).sessions.empty());
    world.connect();
    world.run_for(10s);
    CHECK(world.core().ready());
    CHECK(world.core().status(world.now()).sessions.size() == 1);
}

TEST_CASE("isolation keys get sessions of their own, and R stays R") {
    LawOptions options;
    options.seed = options.client_seed = 26;
    LawWorld world{options};
    world.servers.add("echo.example", 7, echo_server);
    world.run_for(20s);
    auto& core = world.core();
    std::vector<client::core::StreamRef> streams;
    for (const auto* key : {"", "b", "c"}) {
        const auto stream = core.open(key, {"echo.example", 7});
        REQUIRE(stream);
        core.write(*stream, base::as_bytes("x"));
        streams.push_back(*stream);
    }
    std::uint64_t replies = 0;
    world.on_reply = [&](std::size_t, base::Mono) { ++replies; };
    world.run_for(120s);
    CHECK(core.status(world.now()).sessions.size() == 3);
    for (const auto stream : streams)
        CHECK(core.readable(stream) == 1);
    CHECK(std::abs(static_cast<double>(replies) - 45 * 120) < 4 * std::sqrt(45 * 120));
    CHECK(world.ticks_missed() == 0);
}
