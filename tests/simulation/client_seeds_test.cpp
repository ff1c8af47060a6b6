// Properties that must hold in many short runs of a client, each with another seed and other faults
// (LawWorld).
#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <set>

#include "tests/lab/world/law_world.hpp"
#include "tests/simulation/short_run.hpp"

using namespace nightjar;
using namespace nightjar::lab::world;
using namespace std::chrono_literals;

namespace {

/// An application that sends bytes to the echo server and compares what comes back.
class Echoed {
 public:
    Echoed(LawWorld& world, client::core::IsolationKey key)
        : world_{world}, key_{std::move(key)}, pattern_{test_bytes(period)} {}

    void step() {
        auto& core = world_.core();
        if (!stream_) {
            if (world_.now() < retry_) return;
            retry_ = world_.now() + 1s;
            stream_ = core.open(key_, {"echo.example", 7});
            sent_ = got_ = 0;
            if (!stream_) return;
            ++opened;
        }
        while (true) {
            const auto at = static_cast<std::size_t>(sent_ % period);
            const auto piece = base::ByteView{pattern_}.subspan(at);
            const auto taken = core.write(*stream_, piece.first(std::min(piece.size(), room())));
            sent_ += taken;
            if (taken == 0) break;
        }
        base::ByteArray<4096> buffer;
        while (const auto n = core.read(*stream_, buffer)) {
            for (std::size_t i = 0; i < n; ++i)
                differs += buffer[i] != pattern_[(got_ + i) % period] ? 1 : 0;
            got_ += n;
            received += n;
        }
    }
    void on(const client::core::CoreEvent& event) {
        if (!stream_ || event.stream != *stream_) return;
        if (event.event.kind != stream::Event::Kind::reset) return;
        stream_.reset();
        ++resets;
    }

    std::size_t opened = 0;
    std::size_t received = 0;
    std::size_t resets = 0;
    std::size_t differs = 0;

 private:
    static constexpr std::size_t period = 65'521;
    std::size_t room() const { return std::min<std::size_t>(4096, 60'000 - (sent_ - got_)); }

    LawWorld& world_;
    client::core::IsolationKey key_;
    base::Bytes pattern_;
    std::optional<client::core::StreamRef> stream_;
    base::Mono retry_{};
    std::uint64_t sent_ = 0;
    std::uint64_t got_ = 0;
};

/// A world with applications, and the checks that must hold in every run.
struct Life {
    explicit Life(LawOptions with, std::size_t applications) : options{with}, world{with} {
        world.servers.add("echo.example", 7, echo_server);
        for (std::size_t i = 0; i < applications; ++i)
            loads.emplace_back(world, i == 0 ? "" : "key " + std::to_string(i));
        world.application = [this] { step(); };
        world.on_slot = [this](base::Mono, const base::SessionId&) { ++slots; };
        world.on_reply = [this](std::size_t, base::Mono at) { replies.push_back(at); };
        world.on_spent = [this](const base::SurbId& surb) {
            spent_twice += surbs.insert(surb).second ? 0 : 1;
        };
    }
    void step() {
        for (const auto& event : world.core().take_events())
            for (auto& load : loads)
                load.on(event);
        for (auto& load : loads)
            load.step();
    }
    /// The paces of all sessions together, as the client has announced them.
    double pace() {
        double sum = 0;
        for (const auto& session : world.core().status(world.now()).sessions)
            sum += session.pace;
        return sum;
    }
    std::size_t received() const {
        std::size_t sum = 0;
        for (const auto& load : loads)
            sum += load.received;
        return sum;
    }
    std::size_t resets() const {
        std::size_t sum = 0;
        for (const auto& load : loads)
            sum += load.resets;
        return sum;
    }
    void check_always() {
        CHECK(spent_twice == 0);
        CHECK(world.core().status(world.now()).slots_lost == 0);
        for (const auto& load : loads)
            CHECK(load.differs == 0);
    }
    std::size_t target() const {
        return options.parameters.surb_stock_target(options.parameters.replies);
    }

    LawOptions options;
    LawWorld world;
    std::vector<Echoed> loads;
    std::vector<base::Mono> replies;
    std::set<base::SurbId> surbs;
    std::size_t spent_twice = 0;
    std::size_t slots = 0;
};

/// The number of runs: all, or a fifth under sanitizers.
std::uint64_t lives(std::uint64_t all) {
    return test::short_run() ? all / 5 : all;
}

/// True if `count` events in a window fit `beats` regular beats with `mean` events together: the
/// window may cut off one gap of each beat at either end. (For a Poisson process a difference of 80
/// in 10,000 would be normal.)
bool steady(double count, double mean, unsigned beats) {
    return std::abs(count - mean) <= 2.0 * beats;
}

}  // namespace

TEST_CASE(
    "the first 10 s after connecting: slots at once, the first tick after 3 s, R from there") {
    for (std::uint64_t seed = 1; seed <= lives(60); ++seed) {
        CAPTURE(seed);
        LawOptions options;
        options.seed = options.client_seed = seed;
        options.loss = seed % 3 * 0.01;
        Life life{options, seed % 2};
        life.world.run_for(2900ms);
        CHECK(life.replies.empty());
        CHECK(steady(static_cast<double>(life.slots), 55 * 2.9, 1));
        life.world.run_for(7100ms);
        CHECK(steady(static_cast<double>(life.slots), 55 * 10, 1));
        // The client connects at a whole second, so the exit begins 3 s later.
        CHECK(steady(static_cast<double>(life.replies.size()), 45 * 7, 1));
        CHECK(life.world.ticks_missed() == 0);
        CHECK(life.world.stock_max <= life.target() + 16 + 5);
        CHECK(life.world.core().ready());
        life.check_always();
    }
}

TEST_CASE(
    "handovers, keys and loss in many lives: R stays R, bytes stay whole, no tick is missed") {
    double worst = 0;
    for (std::uint64_t seed = 1; seed <= lives(50); ++seed) {
        CAPTURE(seed);
        LawOptions options;
        options.seed = options.client_seed = 100 + seed;
        options.loss = static_cast<double>(seed % 4) * 0.01;
        options.parameters.session_lifetime = base::Seconds{40 + 10 * (seed % 3)};
        Life life{options, seed % 4};
        life.world.run_for(4s);
        const double seconds = 236;
        const auto from = life.replies.size();
        for (int i = 0; i < 236; ++i) {
            life.world.run_for(1s);
            CHECK(life.pace() == doctest::Approx(45));
        }
        const auto count = static_cast<double>(life.replies.size() - from);
        worst = std::max(worst, std::abs(count - 45 * seconds));
        CHECK(steady(count, 45 * seconds, 3));
        CHECK(life.world.ticks_missed() == 0);
        CHECK(life.world.stock_max <= life.target() + 16 + 5);
        for (const auto& load : life.loads)
            CHECK(load.received > 100'000);
        life.check_always();
    }
    std::printf("handovers in many lives: at most %.1f of 10,620 replies off\n", worst);
}

TEST_CASE("interruptions, silent exits and 10 % loss in many lives: the client comes back") {
    for (std::uint64_t seed = 1; seed <= lives(50); ++seed) {
        CAPTURE(seed);
        base::SeededRandom random{seed};
        LawOptions options;
        options.seed = options.client_seed = 200 + seed;
        options.loss = static_cast<double>(seed % 3) * 0.05;
        options.parameters.session_lifetime = base::Seconds{50 + 10 * (seed % 5)};
        Life life{options, 1 + seed % 3};
        auto& world = life.world;
        world.run_for(base::from_seconds(1 + 30 * random.unit()));
        for (int trouble = 0; trouble < 3; ++trouble) {
            if (random.unit() < 0.7) {
                world.disconnect();
                world.run_for(base::from_seconds(15 * random.unit() * random.unit()));
                world.connect();
            } else {
                auto& exit = world.exit(static_cast<std::size_t>(random.below(world.exits())));
                exit.silent = true;
                world.run_for(base::from_seconds(25 * random.unit()));
                exit.silent = false;
            }
            world.run_for(base::from_seconds(1 + 20 * random.unit()));
        }
        // A dead exit is replaced after 8 s and one change of pace; its successor is on trial by
        // now.
        world.run_for(60s);
        const auto before = life.received();
        const auto missed = world.ticks_missed();
        const auto resets = life.resets();
        const auto replies = life.replies.size();
        world.run_for(30s);
        CHECK(life.pace() == doctest::Approx(45));
        CHECK(world.ticks_missed() == missed);
        CHECK(steady(static_cast<double>(life.replies.size() - replies), 45 * 30, 3));
        if (resets == life.resets()) CHECK(life.received() > before + 100'000);
        for (const auto& load : life.loads)
            CHECK(load.opened <= 10);
        life.check_always();
    }
}

TEST_CASE("an exit ends a session that it has not heard from for 130 s, and its connections") {
    for (std::uint64_t seed = 1; seed <= lives(20); ++seed) {
        CAPTURE(seed);
        LawOptions options;
        options.seed = options.client_seed = 300 + seed;
        options.exits = 1;
        Life life{options, 1};
        auto& world = life.world;
        world.run_for(10s);
        auto& exit = world.exit(0);
        REQUIRE(exit.sessions->sessions() == 1);
        CHECK(exit.host->connections() == 1);
        world.disconnect();
        world.run_for(129'500ms);
        CHECK(exit.sessions->sessions() == 1);
        // At most 4 s on the way and 130 s of silence, which the exit checks once a second.
        world.run_for(6s);
        CHECK(exit.sessions->sessions() == 0);
        CHECK(exit.host->connections() == 0);
        const auto replies = life.replies.size();
        world.run_for(5s);
        CHECK(life.replies.size() == replies);
        CHECK(life.resets() == 1);
        world.connect();
        world.run_for(15s);
        CHECK(exit.sessions->sessions() == 1);
        CHECK(exit.host->connections() == 1);
        life.check_always();
    }
}
