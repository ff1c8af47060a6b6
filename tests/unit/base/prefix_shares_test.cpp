// Places that network prefixes share: one of N users holds at most what k/N of them may, whatever
// it does.
#include "sphinx/base/prefix_shares.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>

using namespace nightjar::base;

namespace {

using Ties = PrefixShares::Ties;

IpAddress ip(const std::string& text) {
    return IpAddress::parse(text).value();
}

/// A pool and the places of each user in it.
struct Pool {
    explicit Pool(std::size_t places, Ties ties = Ties::drawn) : shares{places, random, ties} {}
    /// Returns the user that lost a place.
    std::optional<std::string> enter(const std::string& user, const IpAddress& from) {
        const auto holder = next++;
        owner[holder] = user;
        ++held[user];
        const auto loser = shares.enter(from, holder);
        if (!loser) return std::nullopt;
        const auto name = owner.at(*loser);
        lose(*loser);
        return name;
    }
    void lose(PrefixShares::Holder holder) {
        --held[owner.at(holder)];
        owner.erase(holder);
    }
    void leave_one_of(const std::string& user) {
        for (const auto& [holder, name] : owner) {
            if (name != user) continue;
            shares.leave(holder);
            return lose(holder);
        }
    }

    SeededRandom random{1};
    PrefixShares shares;
    std::map<PrefixShares::Holder, std::string> owner;
    std::map<std::string, std::size_t> held;
    PrefixShares::Holder next = 0;
};

}  // namespace

TEST_CASE("prefix shares: an address is counted by its prefixes") {
    const auto texts = [](const std::string& address) {
        std::vector<std::string> all;
        for (const auto& prefix : source_prefixes(ip(address)))
            all.push_back(prefix.address.to_text() + "/" + std::to_string(prefix.prefix));
        return all;
    };
    using Texts = std::vector<std::string>;
    CHECK(texts("192.0.2.77") == Texts{"192.0.2.0/24", "192.0.2.77/32"});
    CHECK(texts("::ffff:192.0.2.77") == Texts{"192.0.2.0/24", "192.0.2.77/32"});
    CHECK(texts("2001:db8:1:2345:6::7") ==
          Texts{"2001:db8:1::/48", "2001:db8:1:2300::/56", "2001:db8:1:2345::/64"});
}

TEST_CASE("prefix shares: a full pool takes from the heaviest prefix, the newcomer's included") {
    Pool pool{8};
    for (int i = 0; i < 8; ++i)
        pool.enter("heavy", ip("198.51.100.1"));
    CHECK(pool.held["heavy"] == 8);
    for (int i = 0; i < 4; ++i)
        pool.enter("light", ip("203.0.113." + std::to_string(i)));
    CHECK(pool.held["heavy"] == 4);
    CHECK(pool.held["light"] == 4);
    for (int i = 0; i < 1000; ++i)
        pool.enter("heavy", ip("198.51.100.1"));
    CHECK(pool.held["light"] >= 3);  // of two equal ones each may lose
    CHECK(pool.shares.size() == 8);
}

TEST_CASE("prefix shares: the victim of the heaviest prefix is drawn, the newcomer among them") {
    std::set<PrefixShares::Holder> lost;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        SeededRandom random{seed};
        PrefixShares shares{4, random};
        for (PrefixShares::Holder holder = 0; holder < 4; ++holder)
            CHECK_FALSE(shares.enter(ip("198.51.100.1"), holder));
        const auto loser = shares.enter(ip("198.51.100.1"), 4);
        REQUIRE(loser);
        CHECK_FALSE(shares.holds(*loser));
        lost.insert(*loser);
    }
    CHECK(lost.size() == 5);
}

TEST_CASE("prefix shares: of equally heavy prefixes any may lose, so no address is safe by rank") {
    std::map<std::string, int> lost;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        SeededRandom random{seed};
        PrefixShares shares{3, random};
        const std::string from[] = {"192.0.2.1", "198.51.100.1", "203.0.113.1", "100.64.0.1"};
        std::optional<PrefixShares::Holder> loser;
        for (PrefixShares::Holder holder = 0; holder < 4; ++holder)
            loser = shares.enter(ip(from[holder]), holder);
        REQUIRE(loser);
        ++lost[from[*loser]];
    }
    CHECK(lost.size() == 4);
    for (const auto& [from, times] : lost)
        CHECK(times > 60);
}

TEST_CASE("prefix shares: one of N users has at most k/N of the places, whatever it does") {
    constexpr std::size_t places = 60;
    // Ten honest users with six places each, and an attacker that is one user: one /48 or one /24.
    for (const auto& [v6, ties] : {std::pair{false, Ties::drawn},
                                   {true, Ties::drawn},
                                   {false, Ties::newcomer_loses},
                                   {true, Ties::newcomer_loses}}) {
        Pool pool{places, ties};
        SeededRandom random{7};
        const auto attack = [&, v6 = v6] {
            const auto tail = std::to_string(random.below(250));
            pool.enter("attacker",
                       v6 ? ip("2001:db8:bad:" + tail + "::1") : ip("100.64.0." + tail));
        };
        for (int i = 0; i < 500; ++i)
            attack();
        for (int round = 0; round < 20; ++round) {
            for (int user = 0; user < 9; ++user) {
                const auto name = "user " + std::to_string(user);
                if (pool.held[name] == 6) pool.leave_one_of(name);
                const auto number = std::to_string(user + 1);
                const auto from =
                    user % 2 == 0 ? "2001:db8:" + number + "::1" : "192.0." + number + ".1";
                for (int tries = 0; pool.held[name] < 6 && tries < 100; ++tries)
                    pool.enter(name, ip(from));
                for (int i = 0; i < 50; ++i)
                    attack();
                CHECK(pool.held[name] == 6);
            }
        }
        // 60 places and 10 users.
        CHECK(pool.held["attacker"] == 6);
        CHECK(pool.shares.size() == places);
    }
}

TEST_CASE("prefix shares: inside a prefix the longer prefixes share alike") {
    Pool pool{12};
    // Two /64 of one /56, and one /64 of another /56 of the same /48.
    for (int i = 0; i < 300; ++i) {
        pool.enter("first", ip("2001:db8:1:100::1"));
        pool.enter("second", ip("2001:db8:1:101::1"));
        pool.enter("other", ip("2001:db8:1:200::1"));
    }
    CHECK(pool.held["other"] >= 5);
    CHECK(pool.held["other"] <= 7);
    CHECK(pool.held["first"] >= 2);
    CHECK(pool.held["second"] >= 2);
}

TEST_CASE("prefix shares: a holder that left has no place, and its prefix no weight") {
    Pool pool{2};
    pool.enter("a", ip("192.0.2.1"));
    pool.leave_one_of("a");
    CHECK(pool.shares.size() == 0);
    pool.shares.leave(0);  // it has none
    pool.enter("b", ip("192.0.2.1"));
    pool.enter("c", ip("198.51.100.1"));
    CHECK(pool.held["b"] == 1);
    CHECK(pool.held["c"] == 1);
}

TEST_CASE("prefix shares: among equals no established holder loses its place to a newcomer") {
    constexpr std::size_t places = 652;
    constexpr int users = 700;
    Pool pool{places, Ties::newcomer_loses};
    const auto address = [](int user) {
        return ip("100." + std::to_string(64 + user / 250) + "." + std::to_string(user % 250) +
                  ".1");
    };
    // All come in turn. Then each one without a place comes again, many times.
    int ended = 0;
    for (int round = 0; round < 50; ++round) {
        for (int user = 0; user < users; ++user) {
            const auto name = std::to_string(user);
            if (pool.held[name] > 0) continue;
            const auto lost = pool.enter(name, address(user));
            ended += lost && *lost != name ? 1 : 0;
        }
    }
    CHECK(ended == 0);
    CHECK(pool.shares.size() == places);
    // A place that became free is for the next one that comes.
    pool.leave_one_of("0");
    CHECK_FALSE(pool.enter("699", address(699)));
}

TEST_CASE("prefix shares: among equals of one prefix, too, the newcomer is refused") {
    Pool pool{6, Ties::newcomer_loses};
    for (const std::string user : {"1", "2", "3", "1", "2", "3"})
        CHECK_FALSE(pool.enter(user, ip("192.0.2." + user)));
    for (int i = 0; i < 100; ++i)
        for (const std::string user : {"1", "2", "3"})
            CHECK(pool.enter(user, ip("192.0.2." + user)) == user);
    // An address that has less takes from those that have more, while it has less.
    CHECK(pool.enter("4", ip("192.0.2.4")) != "4");
    CHECK(pool.enter("4", ip("192.0.2.4")) == "4");
}

TEST_CASE("prefix shares: a heavy prefix loses its places to newcomers from others") {
    constexpr std::size_t places = 652;
    Pool pool{places, Ties::newcomer_loses};
    for (int i = 0; i < 300; ++i)
        pool.enter("heavy", ip("198.51.100." + std::to_string(i % 250)));
    for (int i = 0; i < 352; ++i)
        pool.enter("other", ip("100.64." + std::to_string(i % 200) + ".1"));
    CHECK(pool.shares.size() == places);
    for (int i = 0; i < 290; ++i)
        CHECK(pool.enter("new", ip("100." + std::to_string(70 + i / 200) + "." +
                                   std::to_string(i % 200) + ".1")) == "heavy");
    CHECK(pool.held["heavy"] == 10);
    CHECK(pool.held["other"] == 352);
    CHECK(pool.held["new"] == 290);
}
