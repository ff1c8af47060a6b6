#include "sphinx/stream/packet_log.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <vector>

#include "sphinx/base/random.hpp"

using namespace nightjar;
using base::Milliseconds;
using base::Mono;
using base::Seconds;
using stream::Acks;
using stream::ArrivedLog;
using stream::SentLog;

namespace {

Acks acks_of(stream::PacketNumber largest, std::initializer_list<std::size_t> below) {
    Acks acks;
    acks.largest = largest;
    for (const auto i : below)
        acks.below[i] = true;
    return acks;
}

}  // namespace

TEST_CASE("late acks still report what newer acks do not cover") {
    SentLog log{Seconds{2}};
    for (unsigned i = 1; i <= 8; ++i)
        CHECK(log.next(Mono{}, 1) == i);
    const auto numbers = [&log](const Acks& acks) {
        std::set<stream::PacketNumber> settled;
        for (const auto& one : log.on_acks(acks))
            CHECK(settled.insert(one.number).second);
        return settled;
    };
    using Numbers = std::set<stream::PacketNumber>;
    CHECK(numbers(acks_of(6, {1})) == Numbers{6, 4});
    CHECK(numbers(acks_of(5, {0, 2})) == Numbers{5, 2});
    CHECK(numbers(acks_of(3, {0, 1})) == Numbers{3, 1});
    CHECK(numbers(acks_of(6, {0, 1, 2, 3, 4})) == Numbers{});
    CHECK(numbers(acks_of(8, {0, 1})) == Numbers{8, 7});
}

TEST_CASE("streams and SURBs give up a packet after different times") {
    SentLog log{Seconds{2}, Seconds{7}};
    const Mono start{};
    CHECK(log.next(start, 4) == 1);
    CHECK(log.next(start + Seconds{1}, 2) == 2);
    CHECK(log.next(start + Seconds{1}, 1) == 3);
    CHECK(log.weight_in_flight() == 7);
    CHECK(log.expire(start + Milliseconds{1999}).empty());

    auto lost = log.expire(start + Seconds{2});
    REQUIRE(lost.size() == 1);
    CHECK(lost[0].number == 1);
    CHECK_FALSE(lost[0].arrived);
    CHECK(log.weight_in_flight() == 7);

    // A late ack still corrects the stock, but the frames are already in another packet.
    CHECK(log.on_acks(acks_of(1, {})).empty());
    CHECK(log.weight_in_flight() == 3);
    const auto arrived = log.on_acks(acks_of(3, {1}));
    REQUIRE(arrived.size() == 1);
    CHECK(arrived[0].number == 3);
    CHECK(arrived[0].arrived);
    CHECK(log.weight_in_flight() == 2);
    CHECK(log.on_acks(acks_of(3, {1})).empty());

    lost = log.expire(start + Seconds{6});
    REQUIRE(lost.size() == 1);
    CHECK(lost[0].number == 2);
    CHECK(log.weight_in_flight() == 2);
    CHECK(log.expire(start + Seconds{8}).empty());
    CHECK(log.weight_in_flight() == 0);
    CHECK(log.on_acks(acks_of(3, {0, 1})).empty());
}

TEST_CASE("a weight that was given up is not taken off again by a late ack") {
    // At a low pace the wait for a reply is longer than the longest delay.
    SentLog log{Seconds{7}, Seconds{2}};
    log.next(Mono{}, 4);
    CHECK(log.expire(Mono{} + Seconds{2}).empty());
    CHECK(log.weight_in_flight() == 0);
    CHECK(log.on_acks(acks_of(1, {})).size() == 1);
    CHECK(log.weight_in_flight() == 0);
    CHECK(log.expire(Mono{} + Seconds{9}).empty());
}

TEST_CASE("a packet that never left weighs nothing, and is neither lost nor arrived") {
    SentLog log{Seconds{2}, Seconds{7}};
    const Mono start{};
    log.next(start, 4);
    log.next(start, 2);
    CHECK(log.withdraw(1));
    CHECK_FALSE(log.withdraw(1));
    CHECK_FALSE(log.withdraw(3));  // the number was never used
    CHECK(log.weight_in_flight() == 2);
    const auto arrived = log.on_acks(acks_of(2, {0}));  // it falsely acknowledges number 1 too
    REQUIRE(arrived.size() == 1);
    CHECK(arrived[0].number == 2);
    CHECK(log.expire(start + Seconds{8}).empty());
    CHECK(log.weight_in_flight() == 0);
    log.next(start + Seconds{8}, 1);
    CHECK(log.expire(start + Seconds{10}).size() == 1);
    CHECK_FALSE(log.withdraw(3));  // its frames are already in another packet
}

TEST_CASE("acks of packets that were never sent count for nothing, and hide no true ack") {
    SentLog log{Seconds{2}};
    log.next(Mono{}, 1);
    log.next(Mono{}, 1);
    CHECK(log.on_acks(acks_of(0, {})).empty());
    const auto some = log.on_acks(acks_of(4, {0, 2}));  // 4 and 3 were never sent
    REQUIRE(some.size() == 1);
    CHECK(some[0].number == 2 - 1);
    CHECK(log.weight_in_flight() == 1);
    CHECK(log.next(Mono{}, 1) == 3);
    CHECK(log.next(Mono{}, 1) == 4);
    CHECK(log.on_acks(acks_of(4, {0, 1, 2})).size() == 3);
    CHECK(log.weight_in_flight() == 0);
    CHECK(log.on_acks(acks_of(0xffffffff, {})).empty());

    // In random order, numbers that are not sent yet lie below some that are.
    base::SeededRandom random{26};
    SentLog mixed{Seconds{2}};
    mixed.use_order(random);
    for (int i = 0; i < 8; ++i)
        mixed.next(Mono{}, 1);
    Acks all;
    all.largest = mixed.last();
    for (std::size_t i = 0; i + 1 < all.largest; ++i)
        all.below.set(i);
    CHECK(mixed.on_acks(all).size() == 8);
    for (int i = 0; i < 8; ++i)
        mixed.next(Mono{}, 1);
    Acks next;
    next.largest = mixed.last();
    for (std::size_t i = 0; i + 1 < next.largest; ++i)
        next.below.set(i);
    CHECK(mixed.on_acks(next).size() == 8);
}

TEST_CASE("where acks tell losses, a number without a bit is lost at once, and once") {
    SentLog log{Seconds{60}};
    log.losses_are_told();
    for (unsigned i = 1; i <= 6; ++i)
        log.next(Mono{}, 1);
    const auto outcome = [&log](const Acks& acks) {
        std::map<stream::PacketNumber, bool> arrived;
        for (const auto& one : log.on_acks(acks))
            CHECK(arrived.emplace(one.number, one.arrived).second);
        return arrived;
    };
    using Outcome = std::map<stream::PacketNumber, bool>;
    CHECK(outcome(acks_of(4, {0, 2})) == Outcome{{4, true}, {3, true}, {2, false}, {1, true}});
    CHECK(outcome(acks_of(4, {0, 2})) == Outcome{});
    CHECK(outcome(acks_of(9, {0, 1, 2, 3, 4, 5})) ==
          Outcome{{5, true}, {6, true}});  // 7 to 9: never sent
    CHECK(log.weight_in_flight() == 0);
    CHECK(log.expire(Mono{} + Seconds{61}).empty());
}

TEST_CASE("a number that is left out belongs to no packet") {
    SentLog log{Seconds{2}};
    CHECK(log.next(Mono{}, 1) == 1);
    log.leave_out(Mono{});
    CHECK(log.next(Mono{}, 1) == 3);
    const auto told = log.on_acks(acks_of(3, {0, 1}));
    CHECK(told.size() == 2);
    CHECK(log.expire(Mono{} + Seconds{9}).empty());
    CHECK(log.weight_in_flight() == 0);
}

TEST_CASE("numbers come in random order within blocks of 64, and 0 to 40 % of a block's never") {
    base::SeededRandom random{24};
    std::vector<std::size_t> unused;  // of each block
    for (int session = 0; session < 40; ++session) {
        stream::NumberOrder order{random};
        std::set<stream::PacketNumber> seen;
        std::size_t rising = 0;
        stream::PacketNumber before = 0;
        constexpr stream::PacketNumber positions = 64 * 100;
        for (stream::PacketNumber position = 1; position <= positions; ++position) {
            const auto number = order.next();
            if (!number) continue;
            REQUIRE(seen.insert(*number).second);
            REQUIRE((*number - 1) / 64 == (position - 1) / 64);
            REQUIRE(order.position_of(*number) == position);
            rising += *number > before;
            before = *number;
        }
        const auto used = static_cast<double>(seen.size());
        CHECK(std::abs(static_cast<double>(rising) / used - 0.5) < 0.03);
        for (stream::PacketNumber block = 0; block < 100; ++block) {
            const auto first = seen.lower_bound(64 * block + 1);
            const auto last = seen.lower_bound(64 * block + 65);
            unused.push_back(64 - static_cast<std::size_t>(std::distance(first, last)));
        }
        order.forget_before(positions - 64);
        CHECK(order.position_of(*seen.begin()) == 0);
        CHECK(order.position_of(*seen.rbegin()) > positions - 128);
        CHECK(order.position_of(positions + 1) == 0);
        CHECK(order.position_of(0) == 0);
    }
    // The count is uniform but for a little noise: one more or less says next to nothing.
    std::sort(unused.begin(), unused.end());
    const auto quantile = [&](double q) {
        return unused[static_cast<std::size_t>(q * static_cast<double>(unused.size()))];
    };
    CHECK(quantile(0.1) <= 4);
    CHECK(quantile(0.5) >= 12);
    CHECK(quantile(0.5) <= 14);
    CHECK(quantile(0.9) >= 22);
    CHECK(unused.back() <= 0.4 * 64 + 16);
}

TEST_CASE("numbers in random order are all settled, acknowledged or lost, at every rate") {
    for (const int rate : {50, 500}) {
        base::SeededRandom random{25};
        SentLog sent{Milliseconds{1700}, Milliseconds{3500}};
        sent.use_order(random);
        ArrivedLog arrivals;
        std::set<stream::PacketNumber> lost;
        std::set<stream::PacketNumber> numbers;
        std::multimap<Mono, stream::PacketNumber> up;
        std::multimap<Mono, Acks> down;
        std::size_t wrongly_lost = 0;
        std::size_t arrived = 0;
        Mono now{};
        const auto delay = [&](int hops) {
            base::Nanoseconds sum{};
            for (int i = 0; i < hops; ++i)
                sum += random.exponential(Milliseconds{50});
            return sum;
        };
        for (int i = 0; i < 400 * rate; ++i) {
            now += Milliseconds{1000 / rate};
            const auto number = sent.next(now, 1);
            numbers.insert(number);
            if (random.below(100) == 0)
                lost.insert(number);
            else
                up.emplace(now + delay(5), number);
            for (; !up.empty() && up.begin()->first <= now; up.erase(up.begin()))
                CHECK(arrivals.arrived(up.begin()->second));
            if (random.below(10) != 0) down.emplace(now + delay(4), arrivals.next_acks());
            for (; !down.empty() && down.begin()->first <= now; down.erase(down.begin()))
                for (const auto& one : sent.on_acks(down.begin()->second)) {
                    ++arrived;
                    CHECK_FALSE(lost.contains(one.number));
                }
            for (const auto& one : sent.expire(now))
                wrongly_lost += lost.contains(one.number) ? 0 : 1;
        }
        INFO(rate << " a second, " << wrongly_lost << " of " << arrived << " wrongly lost");
        CHECK(static_cast<double>(wrongly_lost) <= 1e-3 * static_cast<double>(arrived));
        CHECK(arrived + lost.size() + 4 * static_cast<unsigned>(rate) >= numbers.size());
    }
}

TEST_CASE("each packet is settled exactly once, whatever the acks") {
    base::SeededRandom random{21};
    SentLog log{Seconds{2}, Seconds{3}};
    ArrivedLog arrivals;
    std::map<stream::PacketNumber, int> settled;
    std::uint32_t weight = 0;
    Mono now{};
    const auto note = [&](const std::vector<SentLog::Settled>& some) {
        for (const auto& one : some)
            ++settled[one.number];
    };
    for (int i = 0; i < 4000; ++i) {
        now += Milliseconds{random.below(40)};
        log.next(now, weight = static_cast<std::uint32_t>(random.below(5)));
        const auto back = static_cast<stream::PacketNumber>(random.below(100));
        if (back < log.last()) arrivals.arrived(log.last() - back);
        if (random.below(3) != 0) note(log.on_acks(arrivals.next_acks()));
        if (random.below(3) != 0) note(log.expire(now));
    }
    note(log.expire(now + Seconds{9}));
    CHECK(settled.size() == 4000);
    for (const auto& [number, times] : settled)
        CHECK(times == 1);
    CHECK(log.weight_in_flight() == 0);
}

TEST_CASE("a number is new once, and too old counts as not new") {
    ArrivedLog log;
    CHECK_FALSE(log.arrived(0));
    CHECK(log.arrived(5));
    CHECK_FALSE(log.arrived(5));
    CHECK(log.arrived(3));
    CHECK(log.arrived(5000));
    CHECK_FALSE(log.arrived(5000 - 4096));
    CHECK(log.arrived(5000 - 4095));
    CHECK(log.arrived(9096));
    CHECK(log.arrived(9095));
    CHECK_FALSE(log.arrived(5000));
    CHECK(log.arrived(5001));
    CHECK(log.arrived(0xffffffff));
    CHECK(log.arrived(0xfffffffe));
    CHECK_FALSE(log.arrived(9097));
}

TEST_CASE("acks report exactly what arrived, in every window") {
    base::SeededRandom random{22};
    ArrivedLog log;
    std::set<stream::PacketNumber> model;
    stream::PacketNumber top = 1;
    CHECK(log.next_acks() == Acks{});
    for (int i = 0; i < 3000; ++i) {
        top += static_cast<stream::PacketNumber>(random.below(3));
        const auto back = static_cast<stream::PacketNumber>(random.below(600));
        const auto number = top > back ? top - back : 1;
        CHECK(log.arrived(number) == model.insert(number).second);
        const auto acks = log.next_acks();
        REQUIRE(model.contains(acks.largest));
        for (std::size_t bit = 0; bit < stream::ack_window && bit + 1 < acks.largest; ++bit) {
            const auto told = acks.largest - 1 - static_cast<stream::PacketNumber>(bit);
            REQUIRE(acks.below[bit] == model.contains(told));
        }
    }
    CHECK(log.newest().largest == *model.rbegin());
}

TEST_CASE("while nothing is late, every ack is of the newest window") {
    ArrivedLog log;
    for (stream::PacketNumber number = 1; number < 500; ++number) {
        log.arrived(number ^ 1);
        CHECK(log.next_acks() == log.newest());
    }
}

TEST_CASE("a number that arrives far behind the newest is acknowledged several times") {
    ArrivedLog log;
    for (stream::PacketNumber number = 1; number <= 1000; ++number) {
        if (number != 200) log.arrived(number);
    }
    REQUIRE(log.arrived(200));
    int told = 0;
    for (int i = 0; i < 30; ++i) {
        const auto acks = log.next_acks();
        if (acks.largest >= 200 && acks.largest - 200 <= stream::ack_window)
            told += acks.largest == 200 || acks.below[acks.largest - 1 - 200];
    }
    CHECK(told == 8);
}
