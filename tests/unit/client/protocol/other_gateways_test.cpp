#include "client/protocol/other_gateways.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace std::chrono_literals;
using client::protocol::next_own_request;
using client::protocol::other_gateways;
using client::protocol::other_gateways_max;
using client::protocol::OtherGateways;

namespace {

const base::Wall until{base::Seconds{1'800'000'000}};

/// Valid for two hours.
directory::Document document() {
    auto made = test::make_network(1, {.gateways = 8}).document;
    made.valid_from = until - 86'400s;
    made.valid_until = made.valid_from + 7'200s;
    return made;
}

/// The seconds behind the begin of the document's validity at which a gateway is asked; the client
/// looks once a second in [from, to).
std::vector<int> asked(OtherGateways& others, const directory::Document& document, int from, int to,
                       base::Random& random) {
    std::vector<int> seconds;
    for (int second = from; second < to; ++second) {
        const auto number = others.due(document, document.valid_from + second * 1s, random);
        if (!number) continue;
        CHECK(*number == seconds.size());
        seconds.push_back(second);
    }
    return seconds;
}

}  // namespace

TEST_CASE("other gateways: asked at three moments that are the same for all, and within a minute") {
    const auto mine = document();
    std::set<int> firsts;
    for (std::uint64_t client = 0; client < 50; ++client) {
        base::SeededRandom random{client};
        OtherGateways others;
        const auto seconds = asked(others, mine, static_cast<int>(client) * 80, 7'400, random);
        REQUIRE(seconds.size() == other_gateways_max);
        for (int i = 0; i < other_gateways_max; ++i) {
            const auto moment = 900 * (5 + i);
            CHECK(seconds[static_cast<std::size_t>(i)] >= moment);
            CHECK(seconds[static_cast<std::size_t>(i)] <= moment + 61);
        }
        firsts.insert(seconds.front());
    }
    CHECK(firsts.size() > 20);
    CHECK(*firsts.rbegin() - *firsts.begin() > 30);
}

TEST_CASE("other gateways: before the first is asked, the own one has been asked twice") {
    auto mine = document();
    mine.parameters.epoch_length = 3'600s;
    mine.epoch = directory::epoch_at(mine.valid_from, 3'600s);
    REQUIRE(directory::epoch_start(mine.epoch, 3'600s) == mine.valid_from);
    std::set<base::Wall> moments;
    for (std::uint64_t client = 0; client < 200; ++client) {
        base::SeededRandom random{client};
        int asked = 0;
        auto at = mine.valid_from + static_cast<int>(client) * 17s;
        while (at < mine.valid_from + 4'500s) {
            const auto next = next_own_request(mine, at, random);
            CHECK(next > at);
            CHECK(next - at <= 900s);
            at = next;
            const bool counts = at >= mine.valid_from + 3'600s && at < mine.valid_from + 4'500s;
            asked += counts ? 1 : 0;
            if (counts) moments.insert(at);
        }
        CHECK(asked == 2);
    }
    CHECK(moments.size() > 390);  // each client draws its own
}

TEST_CASE("other gateways: a newer document ends it, and begins it anew") {
    auto mine = document();
    base::SeededRandom random{1};
    OtherGateways others;
    CHECK(asked(others, mine, 3'600, 5'000, random).size() == 1);
    mine.epoch = mine.epoch.next();
    mine.valid_from += 3'600s;
    mine.valid_until += 3'600s;
    const auto seconds = asked(others, mine, 1'400, 7'200, random);
    REQUIRE(seconds.size() == 3);
    CHECK(seconds.front() >= 4'500);
}

TEST_CASE("other gateways: a client that slept over a moment waits for the next one") {
    const auto mine = document();
    base::SeededRandom random{1};
    OtherGateways others;
    CHECK(asked(others, mine, 3'600, 3'610, random).empty());
    const auto woken = asked(others, mine, 4'500 + 300, 7'200, random);  // 5 minutes late
    REQUIRE(woken.size() == 2);
    CHECK(woken.front() >= 5'400);
    OtherGateways started;
    CHECK(asked(started, mine, 4'500 + 300, 7'200, random).size() == 2);
    OtherGateways busy;
    CHECK(asked(busy, mine, 3'600, 3'610, random).empty());
    CHECK(asked(busy, mine, 4'500 + 120, 5'000, random).size() == 1);  // only a little late
}

TEST_CASE("other gateways: the same ones while the client keeps its own, and by capacity") {
    auto mine = document();
    const auto own = test::named(mine, "gateway-1");
    auto& large = test::named(mine, "gateway-2");
    for (auto& relay : mine.relays)
        relay.capacity = 1;
    large.capacity = 7;  // of 13 without the own one
    const auto name_of = [](const directory::Relay* relay) { return relay->name; };
    std::map<std::string, int> first;
    for (int client = 0; client < 1'000; ++client) {
        const auto kept = until + client * 1s;
        const auto others = other_gateways(mine, own, kept);
        REQUIRE(others.size() == other_gateways_max);
        CHECK(std::set(others.begin(), others.end()).size() == others.size());
        for (const auto* other : others) {
            CHECK(other->role == directory::Role::gateway);
            CHECK(other->identity != own.identity);
        }
        ++first[name_of(others.front())];
        auto next = mine;
        std::erase_if(next.relays,
                      [&](const auto& relay) { return relay.name == others[0]->name; });
        const auto later = other_gateways(next, own, kept + 999ms);
        CHECK(name_of(later[0]) == others[1]->name);  // only the one that left is replaced
        CHECK(name_of(later[1]) == others[2]->name);
    }
    CHECK(first.size() == 7);
    CHECK(first["gateway-2"] > 538 - 80);  // 5 deviations
    CHECK(first["gateway-2"] < 538 + 80);
}

TEST_CASE("other gateways: none of the own one's operator or family, nor two of one") {
    auto mine = document();
    const auto give = [&](const char* name, const char* operator_name, const char* family) {
        test::named(mine, name).operator_name = operator_name;
        test::named(mine, name).family = family;
    };
    give("gateway-1", "alice", "a");
    give("gateway-2", "alice", "");
    give("gateway-3", "", "a");
    for (const auto* name : {"gateway-4", "gateway-5", "gateway-6", "gateway-7"})
        give(name, "bob", "");
    const auto own = test::named(mine, "gateway-1");
    for (int client = 0; client < 50; ++client) {
        const auto others = other_gateways(mine, own, until + client * 1s);
        REQUIRE(others.size() == 2);
        CHECK((others[0]->name == "gateway-8") != (others[1]->name == "gateway-8"));
        CHECK((others[0]->operator_name == "bob") != (others[1]->operator_name == "bob"));
    }
    std::erase_if(mine.relays, [](const auto& relay) {
        return relay.role == directory::Role::gateway && relay.operator_name != "alice";
    });
    CHECK(other_gateways(mine, own, until).empty());
}
