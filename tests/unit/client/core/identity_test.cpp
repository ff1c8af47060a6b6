// A new identity: which session the streams after it get.
#include "client/core/identity.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "client/core/core.hpp"
#include "tests/unit/client_network.hpp"

using namespace nightjar;
using namespace nightjar::client::core;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    explicit Fixture(std::size_t gateways = 3) : network{3, gateways} {
        core.emplace(network.document, network.random.id<base::MailboxId>(), network.gateway_ids[0],
                     network.random, now);
        core->connected(now, network.wall);
        core->prepare(now, network.wall);
    }
    /// Opens a stream. Returns the number of the session that it went to, counted from 0.
    std::size_t open(const IsolationKey& key) {
        const auto before = core->status(now);
        REQUIRE(core->open(key, {"example.org", 80}));
        const auto after = core->status(now);
        for (std::size_t i = 0; i < after.sessions.size(); ++i)
            if (after.sessions[i].streams >
                (i < before.sessions.size() ? before.sessions[i].streams : 0))
                return i;
        return 99;
    }
    /// Every loop returns at once, and no session is answered.
    void run(base::Nanoseconds duration) {
        for (const auto end = now + duration; now < end; now += 1ms) {
            for (const auto& packet : core->tick(now))
                if (packet.session == loops_handle)
                    core->on_delivery(
                        network.delivery(network.walk(network.gateway_ids[0], packet.cell->body(),
                                                      packet.cell->epoch())),
                        now);
            core->prepare(now,
                          network.wall + std::chrono::floor<base::Milliseconds>(now - network.now));
        }
    }
    /// Keys that the core made for programs without a key.
    std::size_t keys_of_none() const {
        const auto keys = core->status(now, isolation_keys_max).isolation;
        return static_cast<std::size_t>(std::ranges::count_if(
            keys, [](const auto& key) { return Identity::given(key.key).empty(); }));
    }

    client_test::Network network;
    base::Mono now = network.now;
    std::optional<Core> core;
};

/// When cells leave in a minute.
std::vector<base::Mono> slots(bool renewed) {
    Fixture f;
    std::vector<base::Mono> left;
    for (const auto end = f.now + 60s; f.now < end; f.now += 5ms) {
        for (const auto& packet : f.core->tick(f.now))
            left.push_back(packet.due);
        if (renewed && (f.now - f.network.now) % 10s == 0s) {
            f.core->new_identity();
            f.core->open("", {"example.org", 80});
        }
        f.core->prepare(
            f.now, f.network.wall + std::chrono::floor<base::Milliseconds>(f.now - f.network.now));
    }
    return left;
}

}  // namespace

TEST_CASE("new identity: the next stream of each key gets another session, open ones stay") {
    Fixture f;
    CHECK(f.open("") == 0);
    const auto alice = f.open("alice");
    CHECK(f.core->status(f.now).identity == 0);
    REQUIRE(f.core->new_identity());
    CHECK(f.core->status(f.now).identity == 1);
    const auto none = f.open("");
    CHECK(none != 0);
    CHECK(none != alice);
    CHECK(f.open("") == none);
    const auto second = f.open("alice");
    CHECK(second != alice);
    CHECK(second != none);
    CHECK(f.core->status(f.now).sessions[0].streams == 1);
    CHECK(f.core->status(f.now).sessions[alice].streams == 1);
}

TEST_CASE(
    "new identity: without a place nothing changes; late keys share sessions of the new one") {
    Fixture f;
    const auto alice = f.open("alice"), bob = f.open("bob"), carol = f.open("carol");
    REQUIRE(f.core->new_identity());
    const auto first = f.open("alice"), second = f.open("bob");
    for (int i = 0; i < 50; ++i) {
        const auto shared = f.open("more " + std::to_string(i));
        CHECK((shared == first || shared == second));
    }
    CHECK(!f.core->new_identity());
    CHECK(f.core->status(f.now).identity == 1);
    CHECK(f.open("alice") == first);
    CHECK(std::set{alice, bob, carol, first, second}.size() == 5);
}

TEST_CASE("new identity: programs without a key come back when the shared session's exit is new") {
    Identity identity;
    CHECK(identity.key_of("", 3).empty());
    CHECK(identity.key_of("a", 3) == "a");
    identity.renew(7);
    const auto key = identity.key_of("", 7);
    CHECK(!key.empty());
    CHECK(Identity::given(key).empty());
    CHECK(identity.key_of("", 8).empty());
    CHECK(identity.key_of("a", 8) != "a");
    CHECK(Identity::given(identity.key_of("a", 8)) == "a");
    CHECK(Identity::given("a") == "a");
    identity.renew(8);
    CHECK(identity.key_of("", 8) != key);
}

TEST_CASE("new identity: a shared session that has the same exit again is no new one") {
    for (const std::size_t exits : {1, 2}) {
        CAPTURE(exits);
        Fixture f{exits + 1};  // the client's gateway is no exit for it
        REQUIRE(f.core->new_identity());
        const auto old = f.core->status(f.now).sessions.at(0).exit;
        f.run(15s);  // the session counts as dead, and another one takes its place
        const auto sessions = f.core->status(f.now).sessions;
        REQUIRE(sessions.size() == 2);
        REQUIRE(!sessions[1].isolated);
        CHECK((sessions[1].exit == old) == (exits == 1));
        REQUIRE(f.core->open("", {"example.org", 80}));
        CHECK(f.keys_of_none() == (exits == 1 ? 1 : 0));
    }
}

TEST_CASE("new identity: cells leave at the same times") {
    const auto without = slots(false);
    CHECK(without.size() > 3'000);
    CHECK(slots(true) == without);
}
