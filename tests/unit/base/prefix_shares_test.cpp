// Places that network prefixes share: one of N users holds at most what k/N of them may, whatever
// it does.
#include "sphinx/base/prefix_shares.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>

using namespace nightjar::base;

namespace {

IpAddress ip(const std::string& text) {
    return IpAddress::parse(text).value();
}

/// A pool and the places of each user in it.
struct Pool {
    explicit Pool(std::size_t places) : shares{places, random} {}
    void enter(const std::string& user, const IpAddress& from) {
        const auto holder = next++;
        owner[holder] = user;
        ++held[user];
        const auto loser = shares.enter(from, holder);
        if (loser) lose(*loser);
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
    for (const bool v6 : {false, true}) {
        Pool pool{places};
        SeededRandom random{7};
        const auto attack = [&] {
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
