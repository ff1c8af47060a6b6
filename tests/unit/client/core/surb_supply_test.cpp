#include "client/core/surb_supply.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "sphinx/base/random.hpp"

using namespace nightjar;
using namespace nightjar::client::core;
using namespace std::chrono_literals;

namespace {

constexpr base::Mono begin{std::chrono::hours{1}};
constexpr base::Wall wall{std::chrono::seconds{1'800'000'000}};

base::SurbId identifier(std::uint8_t n) {
    base::SurbId id;
    id.bytes.fill(n);
    return id;
}

Expected expected(std::uint8_t n, SessionHandle session, base::Mono made, base::Wall ends) {
    Expected e;
    e.recovery.identifier = identifier(n);
    e.session = session;
    e.made = made;
    e.ends = ends;
    return e;
}

}  // namespace

TEST_CASE("an outstanding identifier is recognised once, and an unknown one never") {
    Outstanding table{10};
    table.add(expected(1, 5, begin, wall));
    CHECK_FALSE(table.take(identifier(2)));
    const auto taken = table.take(identifier(1));
    REQUIRE(taken);
    CHECK(taken->session == 5);
    CHECK_FALSE(table.take(identifier(1)));
    CHECK(table.size() == 0);
}

TEST_CASE("a session at its limit loses its own oldest entry, and no other session's") {
    Outstanding table{3};
    table.add(expected(100, 2, begin, wall));
    for (std::uint8_t n = 1; n <= 5; ++n)
        table.add(expected(n, 1, begin + n * 1s, wall));
    CHECK(table.size() == 4);
    CHECK_FALSE(table.take(identifier(1)));
    CHECK_FALSE(table.take(identifier(2)));
    CHECK(table.take(identifier(3)));
    CHECK(table.take(identifier(100)));
    // An entry that was taken makes room for another.
    table.add(expected(6, 1, begin, wall));
    CHECK(table.take(identifier(4)));
    CHECK(table.take(identifier(6)));
}

TEST_CASE("entries taken out of order leave nothing behind, in any order") {
    base::SeededRandom random{1};
    for (int round = 0; round < 200; ++round) {
        Outstanding table{100};
        std::vector<std::uint8_t> left;
        for (std::uint8_t n = 1; n <= 20; ++n) {
            table.add(expected(n, 1, begin + n * 1s, wall + n * 1s));
            left.push_back(n);
        }
        random.shuffle(left);
        for (std::size_t taken = random.below(20); taken > 0; --taken) {
            REQUIRE(table.take(identifier(left.back())));
            left.pop_back();
        }
        const auto bound = static_cast<std::uint8_t>(random.below(22));
        const auto old = std::erase_if(left, [&](auto n) { return n < bound; });
        if (round % 2 == 0) {
            REQUIRE(table.forget_before(1, begin + bound * 1s) == old);
        } else {
            table.forget_ended(wall + bound * 1s);
        }
        REQUIRE(table.size() == left.size());
        for (const auto n : left)
            REQUIRE(table.take(identifier(n)));
        REQUIRE(table.size() == 0);
    }
}

TEST_CASE("where a clock steps back, what ends earlier is forgotten when it stands first") {
    Outstanding table{10};
    table.add(expected(1, 1, begin, wall + 100s));
    table.add(expected(2, 1, begin, wall + 50s));
    table.forget_ended(wall + 60s);
    CHECK(table.size() == 2);
    REQUIRE(table.take(identifier(1)));
    table.forget_ended(wall + 70s);
    CHECK(table.size() == 0);
}

TEST_CASE("entries are forgotten by session, by age and by the end of their keys") {
    Outstanding table{100};
    for (std::uint8_t n = 1; n <= 9; ++n)
        table.add(expected(n, n % 2 + 1, begin + n * 1s, wall + n * 1s));
    SUBCASE("by age") {
        table.forget_before(1, begin + 5s);
        CHECK_FALSE(table.take(identifier(2)));
        CHECK_FALSE(table.take(identifier(4)));
        CHECK(table.take(identifier(6)));
        CHECK(table.take(identifier(1)));
    }
    SUBCASE("by session") {
        table.forget_session(1);
        CHECK(table.size() == 5);
        CHECK_FALSE(table.take(identifier(8)));
    }
    SUBCASE("by keys") {
        table.forget_ended(wall + 5s);
        CHECK(table.size() == 5);
        CHECK_FALSE(table.take(identifier(4)));
        CHECK(table.take(identifier(5)));
    }
}

TEST_CASE("the estimate is the newest report plus the SURBs on their way, less the ticks since") {
    StockEstimate stock;
    CHECK(stock.estimate(30, 0) == 30);
    CHECK(stock.estimate(30, 10) == 20);  // no reply is settled yet, but ticks were due
    stock.settled(5, 60);
    CHECK(stock.reported() == 60);
    CHECK(stock.newest() == 5);
    CHECK(stock.estimate(7, 5) == 67);
    CHECK(stock.estimate(7, 25) == 47);
    CHECK(stock.estimate(0, 100) == 0);
}

TEST_CASE("ticks that found no SURB spend none of those that come later") {
    StockEstimate stock;
    stock.settled(10, 50);
    stock.pass(0, 20);
    CHECK(stock.estimate(0, 20) == 40);
    stock.pass(0, 400);  // 340 of these ticks were missed
    CHECK(stock.estimate(5, 400) == 5);
    CHECK(stock.estimate(90, 410) == 80);
    // A report counts the missed ticks in its number.
    stock.settled(300, 0);
    CHECK(stock.estimate(90, 410) == 320);
    stock.settled(405, 80);
    CHECK(stock.estimate(10, 410) == 85);
}

TEST_CASE("a packet tops the stock up to the target, and takes five at most") {
    CHECK(top_up(0, 82) == 5);
    CHECK(top_up(79, 82) == 3);
    CHECK(top_up(82, 82) == 0);
    CHECK(top_up(90, 82) == 0);
}
