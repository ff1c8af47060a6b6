#include "relay/authority/core/reachability.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority::core;

namespace {

constexpr base::Seconds hour{3600};
constexpr base::Seconds part = hour / 6;
const base::Wall begin{base::Seconds{1'800'000'000}};

/// Five relays that a document lists, and what an authority has found about them.
struct Site {
    base::SeededRandom random{1};
    directory::Document document;
    Reachability reach{hour};

    Site() {
        for (int i = 0; i < 5; ++i)
            document.relays.push_back(test::random_relay(random, 1));
        directory::sort(document);
        reach.list(document, begin, random);
    }
    const base::NodeId& id(std::size_t i) const { return document.relays[i].identity; }
    void fail(std::size_t i, int times, base::Wall from = begin) {
        for (int n = 0; n < times; ++n)
            reach.tried(id(i), false, from + n * part);
    }
    bool is_tried(const base::NodeId& relay, base::Wall from, base::Wall until) {
        bool found = false;
        for (auto now = from; now < until; now += base::Seconds{10})
            while (const auto due = reach.take_due(now, random))
                found = found || due->relay == relay;
        return found;
    }
};

}  // namespace

TEST_CASE("reachability: each relay is tried once in each part of an epoch, at a drawn moment") {
    Site site;
    std::map<base::NodeId, std::vector<base::Wall>> moments;
    for (auto now = begin; now < begin + 24 * hour; now += base::Seconds{1})
        while (const auto due = site.reach.take_due(now, site.random)) {
            CHECK(due->addresses == site.document.find(due->relay)->addresses);
            CHECK(due->key == site.document.find(due->relay)->link_key);
            moments[due->relay].push_back(now);
        }
    REQUIRE(moments.size() == 5);
    std::set<base::Seconds::rep> drawn;
    for (const auto& [relay, times] : moments) {
        REQUIRE(times.size() == 24 * 6);
        for (std::size_t i = 0; i < times.size(); ++i) {
            const auto into = std::chrono::floor<base::Seconds>(times[i] - begin);
            CHECK(into / part == static_cast<std::int64_t>(i));
            drawn.insert((into % part).count());
        }
    }
    CHECK(drawn.size() > 300);  // of 600, in 720 draws
}

TEST_CASE("reachability: after a pause no try is made up for, and a clock put back stops none") {
    Site site;
    const auto count = [&](base::Wall now) {
        int tries = 0;
        while (site.reach.take_due(now, site.random))
            ++tries;
        return tries;
    };
    CHECK(count(begin + 30 * hour) == 5);
    CHECK(count(begin + 30 * hour) == 0);
    CHECK(count(begin) == 5);
    CHECK(count(begin) == 0);
}

TEST_CASE("reachability: the relay that has waited longest is tried first") {
    Site site;
    std::set<base::NodeId> first;
    for (int i = 0; i < 5; ++i)
        first.insert(site.reach.take_due(begin + 10 * hour, site.random)->relay);
    CHECK(first.size() == 5);
    // A backlog: only one try fits into each part.
    std::map<base::NodeId, int> tries;
    for (int i = 0; i < 50; ++i)
        ++tries[site.reach.take_due(begin + 11 * hour + i * part, site.random)->relay];
    for (const auto& [relay, times] : tries)
        CHECK(times == 10);
}

TEST_CASE("reachability: five failures of six with the last one among them, and no fewer") {
    Site site;
    CHECK_FALSE(site.reach.last_try(site.id(0)));
    site.fail(0, 4);
    CHECK(site.reach.last_try(site.id(0)) == false);
    CHECK_FALSE(site.reach.unreachable_since(site.id(0)));
    CHECK(site.reach.stated().empty());
    site.fail(0, 1, begin + 4 * part);
    CHECK(site.reach.unreachable_since(site.id(0)) == begin);
    CHECK(site.reach.stated() == std::set{site.id(0)});
    // A success ends it. One of six is too few to last, two are enough.
    site.reach.tried(site.id(0), true, begin + 5 * part);
    CHECK(site.reach.last_try(site.id(0)) == true);
    CHECK(site.reach.stated().empty());
    site.fail(0, 1, begin + 6 * part);
    CHECK(site.reach.unreachable_since(site.id(0)) == begin + 6 * part);
    site.reach.tried(site.id(0), true, begin + 7 * part);
    site.fail(0, 1, begin + 8 * part);
    CHECK(site.reach.stated().empty());
    site.reach.tried(base::NodeId{}, false, begin);  // not a relay of the document
    CHECK_FALSE(site.reach.last_try(base::NodeId{}));
}

TEST_CASE("reachability: an authority that reaches less than half of all relays states nothing") {
    Site site;
    site.fail(0, 6);
    site.fail(1, 6);
    CHECK(site.reach.stated().size() == 2);
    site.fail(2, 6);
    CHECK(site.reach.stated().empty());
    CHECK(site.reach.unreachable_since(site.id(2)));  // it is shown all the same
    site.reach.tried(site.id(2), true, begin + hour);
    CHECK(site.reach.stated().size() == 2);
}

TEST_CASE("reachability: a relay that was left out is tried on for some epochs, then begins anew") {
    Site site;
    site.fail(0, 6);
    const auto unreachable = site.id(0), reachable = site.id(1);
    std::erase_if(site.document.relays, [&](const auto& relay) {
        return relay.identity == unreachable || relay.identity == reachable;
    });
    site.reach.list(site.document, begin + hour, site.random);
    CHECK(site.is_tried(unreachable, begin + hour, begin + 2 * hour));
    CHECK_FALSE(site.is_tried(reachable, begin + 2 * hour, begin + 3 * hour));
    for (int epoch = 2; epoch <= 12; ++epoch) {
        site.reach.list(site.document, begin + epoch * hour, site.random);
        CHECK(site.reach.stated() == std::set{unreachable});
    }
    site.reach.list(site.document, begin + 13 * hour, site.random);
    CHECK(site.reach.stated().empty());
    CHECK_FALSE(site.is_tried(unreachable, begin + 13 * hour, begin + 14 * hour));
}

TEST_CASE("reachability: a relay that was left out is tried where its newest descriptor says") {
    Site site;
    site.fail(0, 6);
    const auto unreachable = site.document.relays[0], listed = site.document.relays[1];
    std::erase_if(site.document.relays,
                  [&](const auto& relay) { return relay.identity == unreachable.identity; });
    site.reach.list(site.document, begin + hour, site.random);
    const auto move = [&](directory::Relay relay, std::uint16_t port, int made) {
        relay.addresses = {{"192.0.2.7", port}};
        site.reach.move({{}, base::Wall{base::Seconds{made}}, {}, std::move(relay)});
    };
    move(unreachable, 2, 2);
    move(unreachable, 1, 1);  // an older one that comes later
    move(listed, 3, 3);       // its document says where it is
    for (int i = 0; i < 5; ++i) {
        const auto due = site.reach.take_due(begin + 2 * hour, site.random);
        REQUIRE(due);
        if (due->relay == unreachable.identity)
            CHECK(due->addresses == std::vector<directory::Endpoint>{{"192.0.2.7", 2}});
        else
            CHECK(due->addresses == site.document.find(due->relay)->addresses);
    }
    CHECK(site.reach.stated() == std::set{unreachable.identity});
}
