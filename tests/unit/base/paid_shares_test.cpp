#include "sphinx/base/paid_shares.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

#include "sphinx/base/random.hpp"

using namespace nightjar::base;

namespace {

struct Payer {
    Paid paid() const { return packets; }
    double held() const { return static_cast<double>(places); }

    Paid packets;
    std::size_t places = 0;
    PaidShares<Payer>::Handle share = 0;
};

/// A pool with these payers. Each pays at its rate and wants all that it can get.
struct Pool {
    Pool(std::size_t size, const std::vector<double>& per_second)
        : places{size}, rates{per_second}, payers(per_second.size()) {
        for (auto& payer : payers)
            shares.enter(payer);
    }
    void pay(Milliseconds step) {
        now += step;
        for (std::size_t i = 0; i < payers.size(); ++i)
            payers[i].packets.pay(rates[i] * to_seconds(step), now);
    }
    bool want(std::size_t who) {
        auto& payer = payers[who];
        if (taken() >= places) {
            auto* loser = shares.loser(payer.paid(), payer.held() + 1);
            if (loser == nullptr) return false;
            --loser->places;
            if (loser->places == 0) shares.changed(*loser);
        }
        ++payer.places;
        shares.changed(payer);
        return true;
    }
    std::size_t taken() const {
        return std::accumulate(payers.begin(), payers.end(), std::size_t{0},
                               [](auto sum, const auto& one) { return sum + one.places; });
    }

    std::size_t places;
    std::vector<double> rates;
    std::vector<Payer> payers;
    PaidShares<Payer> shares;
    Mono now{Seconds{1000}};
};

}  // namespace

TEST_CASE("paid: payments add up and decay, and more paid ends later") {
    const Mono start{Seconds{1'000'000}};
    Paid paid{1, start};
    CHECK(paid.until(1) == start);
    paid.pay(std::exp(1.0) - 1, start);
    CHECK(to_seconds(paid.until(1) - start) == doctest::Approx(to_seconds(Paid::memory)));
    // A payment of long ago is worth next to nothing.
    const auto later = start + Seconds{3600};
    paid.pay(1, later);
    CHECK(to_seconds(paid.until(1) - later) == doctest::Approx(0).epsilon(1e-6));
    CHECK(paid.until(2) < paid.until(1));
    CHECK(Paid{}.until(1) < Paid{1, Mono{}}.until(1e12));
}

TEST_CASE("paid shares: one of N that pay the same holds at most its part, whatever it does") {
    Pool pool{60, std::vector<double>(6, 45)};
    pool.pay(Milliseconds{5'000});
    // The first takes all there is, and asks ten times as often as the others from then on.
    for (int i = 0; i < 100; ++i)
        pool.want(0);
    CHECK(pool.payers[0].places == 60);
    SeededRandom random{1};
    for (int step = 0; step < 400; ++step) {
        pool.pay(Milliseconds{20});
        for (int i = 0; i < 10; ++i)
            pool.want(0);
        pool.want(1 + random.below(5));
    }
    for (const auto& payer : pool.payers)
        CHECK(payer.places == 10);
}

TEST_CASE("paid shares: what is paid decides, not the number of payers or who came first") {
    // Fifty with a packet in eight seconds each, and one with the law's rate.
    std::vector<double> rates(50, 1.0 / 8);
    rates.push_back(45);
    Pool pool{64, rates};
    pool.pay(Milliseconds{60'000});
    for (int round = 0; round < 3; ++round)
        for (std::size_t who = 0; who < 50; ++who)
            pool.want(who);
    CHECK(pool.taken() == 64);
    for (int i = 0; i < 60; ++i)
        pool.want(50);
    // All of them pay 6.25 a second: together an eighth of what the one pays.
    CHECK(pool.payers[50].places >= 56);
    // One that pays no more keeps no more than others leave.
    pool.rates[50] = 0;
    pool.pay(Milliseconds{400'000});
    for (std::size_t who = 0; who < 50; ++who)
        pool.want(who);
    CHECK(pool.payers[50].places <= 14);
}

TEST_CASE("paid shares: among equals the newcomer is refused, and nothing goes round") {
    Pool pool{2, {10, 10, 10}};
    pool.pay(Milliseconds{1'000});
    CHECK(pool.want(0));
    CHECK(pool.want(1));
    CHECK_FALSE(pool.want(2));
    CHECK_FALSE(pool.want(0));
    CHECK(pool.shares.worst() != &pool.payers[2]);
}

TEST_CASE("paid shares: a payment moves the worst to its place before it is asked for") {
    Pool pool{2, {0, 0}};
    pool.payers[0].packets.pay(1, pool.now);
    pool.payers[1].packets.pay(2, pool.now);
    CHECK(pool.want(0));
    CHECK(pool.want(1));
    CHECK(pool.shares.worst() == &pool.payers[0]);
    pool.payers[0].packets.pay(5, pool.now);
    CHECK(pool.shares.worst() == &pool.payers[1]);
    for (auto& payer : pool.payers) {
        payer.places = 0;
        pool.shares.changed(payer);
    }
    CHECK(pool.shares.worst() == nullptr);
}

TEST_CASE("turns: a burst at once, then one each gap, and none beyond the patience") {
    const Mono start{Seconds{100}};
    Turns turns{4, 3, 2, start};
    for (int i = 0; i < 2; ++i)
        CHECK(turns.take(start, Seconds{1}) == start);
    CHECK(turns.take(start, Seconds{1}) == start + Milliseconds{250});
    CHECK(turns.take(start, Seconds{1}) == start + Milliseconds{500});
    CHECK(turns.take(start, Seconds{1}) == start + Milliseconds{750});
    CHECK(turns.take(start, Seconds{1}) == start + Milliseconds{1000});
    CHECK_FALSE(turns.take(start, Seconds{1}).has_value());
    // What was refused took no turn.
    const auto later = start + Milliseconds{300};
    CHECK(turns.take(later, Seconds{1}) == start + Milliseconds{1250});
    // After a rest there is a burst again, and not a larger one.
    const auto rested = start + Seconds{60};
    for (int i = 0; i < 3; ++i)
        CHECK(turns.take(rested, Seconds{1}) == rested);
    CHECK(turns.take(rested, Seconds{1}) == rested + Milliseconds{250});
}
