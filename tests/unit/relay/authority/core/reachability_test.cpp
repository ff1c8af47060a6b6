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
        list(0);
    }
    void list(std::uint32_t epoch, const std::set<base::NodeId>& described = {}) {
        document.epoch = {epoch};
        reach.list(document, described, begin + epoch * hour, random);
    }
    void leave_out(const std::set<base::NodeId>& gone) {
        std::erase_if(document.relays,
                      [&](const auto& relay) { return gone.contains(relay.identity); });
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

TEST_CASE(
    "reachability: of a position that it reaches less than half of, an authority states none") {
    Site site;
    // As an attack on the listed mixes of one layer: those of the others are still reached.
    for (int i = 0; i < 12; ++i)
        site.document.relays.push_back(test::random_relay(site.random, i % 2 ? 0 : 2));
    directory::sort(site.document);
    site.list(0);
    const auto layer = [&](std::size_t i) { return site.document.relays[i].layer; };
    std::set<base::NodeId> gateways;
    for (std::size_t i = 0, ones = 0; i < site.document.relays.size(); ++i) {
        if (layer(i) == 1 && ++ones <= 4) site.fail(i, 6);
        if (layer(i) == 0 && gateways.size() < 3) {
            gateways.insert(site.id(i));
            site.fail(i, 6);
        }
    }
    CHECK(site.reach.stated() == gateways);
}

TEST_CASE("reachability: a relay that was left out is tried on for some epochs, then begins anew") {
    Site site;
    site.fail(0, 6);
    const auto unreachable = site.id(0), reachable = site.id(1);
    site.leave_out({unreachable, reachable});
    // It goes on sending descriptors, so it is not listed again and again.
    const std::set described{unreachable, reachable};
    site.list(1, described);
    CHECK(site.is_tried(unreachable, begin + hour, begin + 2 * hour));
    CHECK_FALSE(site.is_tried(reachable, begin + 2 * hour, begin + 3 * hour));
    for (int epoch = 2; epoch <= 12; ++epoch) {
        site.list(epoch, described);
        CHECK(site.reach.stated() == std::set{unreachable});
    }
    site.list(13, described);
    CHECK(site.reach.stated().empty());
    CHECK_FALSE(site.is_tried(unreachable, begin + 13 * hour, begin + 14 * hour));
}

TEST_CASE("reachability: the failures of a relay that was off are forgotten") {
    Site site;
    site.fail(0, 6);
    site.fail(1, 6);
    const auto off_at_once = site.id(0), off_later = site.id(1);
    site.leave_out({off_at_once, off_later});
    site.list(1, {off_later});
    CHECK(site.reach.stated() == std::set{off_later});
    CHECK_FALSE(site.is_tried(off_at_once, begin + hour, begin + 2 * hour));
    site.list(2);
    CHECK(site.reach.stated().empty());
}

TEST_CASE("reachability: a relay that was left out begins anew where a new descriptor says") {
    Site site;
    for (std::size_t i = 0; i < 2; ++i)
        site.fail(i, 6);
    const auto moved = site.document.relays[0], rekeyed = site.document.relays[1];
    const auto listed = site.document.relays[2];
    site.leave_out({moved.identity, rekeyed.identity});
    site.list(1, {moved.identity, rekeyed.identity});
    const auto says = [&](directory::Relay relay) {
        site.reach.move({{}, begin + hour, {}, std::move(relay)});
    };
    const auto elsewhere = [](directory::Relay relay) {
        relay.addresses = {{"192.0.2.7", 2}};
        return relay;
    };
    says(moved);
    CHECK(site.reach.stated() == std::set{moved.identity, rekeyed.identity});
    says(elsewhere(moved));
    CHECK(site.reach.stated() == std::set{rekeyed.identity});
    auto with_key = rekeyed;
    with_key.link_key.bytes.fill(9);
    says(with_key);
    CHECK(site.reach.stated().empty());
    says(elsewhere(listed));  // its document says where it is
    CHECK(site.is_tried(listed.identity, begin + hour, begin + 2 * hour));
}

TEST_CASE("reachability: what was found at an address does not count for another one") {
    Site site;
    site.fail(0, 6);
    site.list(1);
    CHECK(site.reach.stated() == std::set{site.id(0)});
    site.document.relays[0].addresses = {{"192.0.2.7", 2}};
    site.list(2);
    CHECK(site.reach.stated().empty());
    CHECK_FALSE(site.reach.last_try(site.id(0)));
}
