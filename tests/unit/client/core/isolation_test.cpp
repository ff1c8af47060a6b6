// Isolation keys: which session a key's streams use, however many keys there are.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "client/core/core.hpp"
#include "tests/unit/client/core/session_plan_fixture.hpp"
#include "tests/unit/client_network.hpp"

using namespace nightjar;
using namespace nightjar::client::core;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    explicit Fixture(std::uint32_t slots = 50) {
        auto document = std::make_shared<directory::Document>(*network.document);
        document->parameters.main_slots = {slots * 1000};
        document->parameters.replies = {slots * 900};
        core.emplace(document, network.random.id<base::MailboxId>(), network.gateway_ids[0],
                     network.random, now);
        core->connected(now, network.wall);
        prepare();
    }
    void prepare() { core->prepare(now, network.wall); }
    /// Opens a stream. Returns the number of the session that it went to, counted from 0.
    std::optional<std::size_t> open(const IsolationKey& key) {
        const auto before = counts();
        last = core->open(key, {"example.org", 80});
        if (!last) return std::nullopt;
        const auto after = counts();
        for (std::size_t i = 0; i < after.size(); ++i)
            if (after[i] > (i < before.size() ? before[i] : 0)) return i;
        return std::nullopt;
    }
    /// Lets the plan's decisions of `duration` happen, without an exit that answers.
    void wait(base::Nanoseconds duration) {
        for (const auto end = now + duration; now < end; now += 1s) {
            core->tick(now);
            prepare();
        }
    }
    std::vector<std::size_t> counts() const {
        std::vector<std::size_t> counts;
        for (const auto& session : core->status(now).sessions)
            counts.push_back(session.streams);
        return counts;
    }

    client_test::Network network;
    base::Mono now = network.now;
    std::optional<Core> core;
    std::optional<StreamRef> last;
};

std::string user(int number) {
    return "user " + std::to_string(number);
}

}  // namespace

TEST_CASE("no number of isolation keys takes the shared session or refuses a connection") {
    Fixture f;
    std::set<std::size_t> own;
    for (int i = 0; i < 100; ++i) {
        const auto session = f.open(user(i));
        REQUIRE(session);
        CHECK(*session != 0);
        if (i < 5) CHECK(own.insert(*session).second);
    }
    CHECK(f.counts().size() == 6);
    CHECK(f.counts()[0] == 0);
    CHECK(f.open("") == std::size_t{0});
}

TEST_CASE("a key that shares a session keeps it, and does not choose whose it is") {
    std::map<std::size_t, int> chosen;
    std::set<std::vector<std::size_t>> orders;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        base::SeededRandom random{seed};
        IsolationKeys keys{random};
        std::vector<std::size_t> order;
        for (int i = 0; i < 20; ++i) {
            const auto session = keys.share(user(i), {11, 12, 13, 14, 15}, {});
            CHECK(keys.share(user(i), {11, 12, 13, 14, 15}, {}) == session);
            ++chosen[session];
            order.push_back(session);
        }
        orders.insert(order);
        CHECK(keys.sharing() == 20);
    }
    CHECK(chosen.size() == 5);
    for (const auto& [session, times] : chosen) {
        CHECK(times > 120);  // of 800, 160 on average: five deviations are 56
        CHECK(times < 220);
    }
    CHECK(orders.size() == 40);
}

TEST_CASE("when a session ends only the keys that shared it get another one") {
    base::SeededRandom random{1};
    IsolationKeys keys{random};
    std::map<int, SessionHandle> before;
    for (int i = 0; i < 50; ++i)
        before[i] = keys.share(user(i), {11, 12, 13}, {});
    keys.ended(12);
    for (int i = 0; i < 50; ++i) {
        CHECK(keys.find(user(i)).has_value() == (before[i] != 12));
        const auto after = keys.share(user(i), {11, 13, 14}, {});
        if (before[i] != 12) CHECK(after == before[i]);
    }
}

TEST_CASE("keys without streams are forgotten, and their number is bounded") {
    base::SeededRandom random{1};
    IsolationKeys keys{random};
    base::Mono now{1h};
    keys.own("owner", 11, now);
    keys.share("busy", {11}, now);
    const auto use = keys.use("busy", now);
    for (std::size_t i = 0; i < 2 * isolation_keys_max; ++i) {
        now += 1us;
        keys.share(user(static_cast<int>(i)), {11}, now);
        REQUIRE(keys.size() <= isolation_keys_max);
    }
    CHECK(keys.find("owner"));
    CHECK(keys.find("busy"));
    CHECK_FALSE(keys.find(user(0)));
    CHECK(keys.find(user(static_cast<int>(2 * isolation_keys_max - 1))));
    keys.forget_idle(now + forget_key_after - 1s);
    CHECK(keys.size() == isolation_keys_max);
    keys.forget_idle(now + forget_key_after + 1s);
    CHECK(keys.size() == 2);
    keys.ended(11);
    CHECK(keys.size() == 0);
}

TEST_CASE("status says how many keys share a session") {
    Fixture f;
    for (int i = 0; i < 8; ++i)
        REQUIRE(f.open(user(i)));
    CHECK(f.core->status(f.now).isolated_max == 5);
    CHECK(f.core->status(f.now).keys == 8);
    CHECK(f.core->status(f.now).keys_sharing == 3);
    f.core->reset(*f.last);
    f.now += forget_key_after;
    f.wait(2s);
    CHECK(f.core->status(f.now).keys_sharing == 2);
}

TEST_CASE("status lists keys if asked, as many as asked, and those with the most streams") {
    Fixture f;
    for (int i = 0; i < 8; ++i)
        for (int streams = 0; streams <= i % 4; ++streams)
            REQUIRE(f.open(user(i)));
    CHECK(f.core->status(f.now).isolation.empty());
    std::vector<std::pair<IsolationKey, std::size_t>> listed;
    for (const auto& key : f.core->status(f.now, 5).isolation)
        listed.emplace_back(key.key, key.streams);
    CHECK(listed ==
          decltype(listed){{user(3), 4}, {user(7), 4}, {user(2), 3}, {user(6), 3}, {user(1), 2}});
    CHECK(f.core->status(f.now, 99).isolation.size() == 8);
}

TEST_CASE("where U leaves no room for other sessions all keys use the shared one") {
    Fixture f{3};
    for (int i = 0; i < 10; ++i)
        CHECK(f.open(user(i)) == std::size_t{0});
    CHECK(f.open("") == std::size_t{0});
    CHECK(f.core->status(f.now).isolated_max == 0);
    CHECK(f.core->status(f.now).keys_sharing == 10);
    CHECK(f.counts() == std::vector<std::size_t>{11});
}

TEST_CASE("a key that finds only lingering sessions gets none that is about to end") {
    using Handles = std::vector<SessionHandle>;
    plan_test::Plan world;
    const auto add = [&] {
        world.plan.add_isolated(++world.last, world.now);
        return world.last;
    };
    const auto found = [&] { return world.plan.lingering_isolated(world.now); };
    world.run(60s);
    const auto first = add();
    world.run(20min);
    const auto second = add();
    CHECK(found().empty());
    world.run(62min);
    REQUIRE(world.entry(first).phase == Phase::lingering);
    REQUIRE(world.entry(second).phase == Phase::lingering);
    CHECK(found() == Handles{first, second});
    world.run(27min);  // the first one has less than a quarter of an hour left
    REQUIRE(world.entry(first).phase == Phase::lingering);
    CHECK(found() == Handles{second});
    world.run(30min);  // so has the second one, and the first one has ended
    REQUIRE(world.entry(second).phase == Phase::lingering);
    CHECK(found() == Handles{second});
}
