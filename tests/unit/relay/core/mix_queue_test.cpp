#include "relay/core/mix_queue.hpp"
#include "relay/core/limits.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <map>
#include <vector>

using namespace nightjar;
using namespace std::chrono_literals;
using relay::core::HeldPacket;
using relay::core::MixQueue;

namespace {

constexpr base::Mono start{1h};

// A packet that carries its number in its cell.
HeldPacket packet(unsigned number, base::Mono arrived, base::Nanoseconds delay) {
    auto cell = std::make_unique<cell::Cell>();
    cell->body()[0] = static_cast<std::uint8_t>(number);
    cell->body()[1] = static_cast<std::uint8_t>(number >> 8);
    return {std::move(cell), relay::core::ToExit{}, 0, arrived, delay};
}

unsigned number_of(const HeldPacket& held) {
    return held.cell->body()[0] + 256u * held.cell->body()[1];
}

std::vector<unsigned> release(MixQueue& queue, base::Mono now, std::size_t* overdue = nullptr) {
    std::vector<HeldPacket> out;
    const auto dropped = queue.release(now, out);
    if (overdue) *overdue = dropped;
    std::vector<unsigned> numbers;
    for (const auto& held : out) {
        REQUIRE_MESSAGE(held.cell, "a place without a packet was released");
        numbers.push_back(number_of(held));
    }
    return numbers;
}

// Pearson's chi-square statistic of counts that should all be equal.
double chi_square(const std::vector<unsigned>& counts, double expected) {
    double sum = 0;
    for (const auto count : counts)
        sum += (count - expected) * (count - expected) / expected;
    return sum;
}

}  // namespace

TEST_CASE("mix queue: what is due by an instant is what its arrival and delay say") {
    struct Case {
        base::Nanoseconds arrived_after, delay, asked_at;
        bool out;
    };
    const Case cases[] = {
        {0ms, 0ms, 0ms, true},           {0ms, 50ms, 50ms - 1ns, false}, {0ms, 50ms, 50ms, true},
        {30ms, 20ms, 50ms, true},        {30ms, 21ms, 50ms, false},      {0ms, 500ms, 499ms, false},
        {0ms, 50ms, 50ms + 250ms, true},
    };
    for (const auto& c : cases) {
        CAPTURE(c.delay.count());
        base::SeededRandom random{1};
        MixQueue queue{10, random};
        CHECK(queue.next_due() == base::Mono::max());
        queue.push(packet(1, start + c.arrived_after, c.delay));
        CHECK(queue.next_due() == start + c.arrived_after + c.delay);
        CHECK(release(queue, start + c.asked_at).size() == (c.out ? 1 : 0));
        CHECK(queue.size() == (c.out ? 0 : 1));
    }
}

TEST_CASE("mix queue: each of many packets leaves in the first tick after its time, none sooner") {
    base::SeededRandom random{2};
    MixQueue queue{20'000, random};
    std::map<unsigned, base::Mono> due;
    for (unsigned i = 0; i < 10'000; ++i) {
        auto held = packet(i, start + i * 100us, random.exponential_capped(50ms, 500ms));
        due[i] = held.due();
        REQUIRE(queue.push(std::move(held)));
    }
    for (auto now = start; queue.size() > 0; now += 1ms) {
        const auto expected_next = std::min_element(
            due.begin(), due.end(), [](auto& a, auto& b) { return a.second < b.second; });
        REQUIRE(queue.next_due() == expected_next->second);
        for (const auto number : release(queue, now)) {
            REQUIRE(due.at(number) <= now);
            REQUIRE(now - due.at(number) < 1ms);
            due.erase(number);
        }
    }
    CHECK(due.empty());
}

TEST_CASE("mix queue: through pushes, suspends and stalls, exactly the due packets leave") {
    // Delays of up to four rounds of the calendar, stalls of up to eight, and a queue that is often
    // full. Compared with a plain list.
    base::SeededRandom random{12};
    constexpr std::size_t capacity = 300;
    MixQueue queue{capacity, random};
    std::map<unsigned, base::Mono> due;  // what the queue should hold
    auto now = start;
    unsigned dropped = 0, overdue = 0, left = 0;
    for (unsigned number = 0; number < 20'000; ++number) {
        const auto longest = random.below(2) == 0 ? 60ms : 2s;
        const base::Nanoseconds delay{static_cast<std::int64_t>(
            random.below(static_cast<std::uint64_t>(base::Nanoseconds{longest}.count())))};
        // Some packets are due before they are pushed: the crypto took longer than their delay.
        const auto arrived = now - base::Milliseconds{static_cast<int>(random.below(20))};
        const bool room = due.size() < capacity;
        REQUIRE(queue.push(packet(number, arrived, delay)) == room);
        due[number] = arrived + delay;
        if (!room) {
            // Which packet was dropped shows at the end: it never leaves.
            ++dropped;
            std::vector<HeldPacket> all;
            queue.release(base::Mono{now + 10s}, all);
            due.clear();
            now += 10s;
            continue;
        }
        if (random.below(400) == 0) {
            const base::Milliseconds gap{static_cast<int>(random.below(3000))};
            queue.slept(gap);
            for (auto& entry : due)
                entry.second -= gap;
        }
        if (random.below(4) != 0) continue;
        now += random.below(300) == 0 ? base::Milliseconds{static_cast<int>(random.below(4000))}
                                      : base::Milliseconds{1};
        std::size_t late = 0;
        for (const auto gone : release(queue, now, &late)) {
            REQUIRE(due.at(gone) <= now);
            REQUIRE(now - due.at(gone) <= relay::core::lateness_max);
            due.erase(gone);
            ++left;
        }
        overdue += static_cast<unsigned>(late);
        std::erase_if(due, [&](const auto& entry) {
            late -= now - entry.second > relay::core::lateness_max ? 1 : 0;
            return now - entry.second > relay::core::lateness_max;
        });
        REQUIRE(late == 0);
        auto next = base::Mono::max();
        for (const auto& entry : due)
            next = std::min(next, entry.second);
        REQUIRE(next > now);
        REQUIRE(queue.next_due() == next);
        REQUIRE(queue.size() == due.size());
    }
    // All cases have occurred.
    CHECK(dropped > 3);
    CHECK(overdue > 100);
    CHECK(left > 5000);
}

TEST_CASE("mix queue: what leaves in one tick leaves in a uniformly random order") {
    base::SeededRandom random{3};
    std::map<std::vector<unsigned>, unsigned> orders;
    constexpr unsigned rounds = 24'000;
    for (unsigned round = 0; round < rounds; ++round) {
        MixQueue queue{10, random};
        for (unsigned i = 0; i < 4;
             ++i)  // arrival order, bucket order and due order all differ from number order
            queue.push(packet(i, start, base::Nanoseconds{(i * 7 % 5) * 100us}));
        ++orders[release(queue, start + 1ms)];
    }
    REQUIRE(orders.size() == 24);
    std::vector<unsigned> counts;
    for (const auto& order : orders)
        counts.push_back(order.second);
    CHECK(chi_square(counts, rounds / 24.0) < 49.7);  // 23 degrees of freedom, p = 0.001
}

TEST_CASE("mix queue: release appends, and shuffles only what it appends") {
    base::SeededRandom random{4};
    MixQueue queue{100, random};
    std::vector<HeldPacket> out;
    queue.push(packet(1, start, 0ms));
    queue.release(start, out);
    for (unsigned i = 2; i < 40; ++i)
        queue.push(packet(i, start, 0ms));
    queue.release(start, out);
    REQUIRE(out.size() == 39);
    CHECK(number_of(out.front()) == 1);
}

TEST_CASE("mix queue: what is overdue by more than 250 ms is dropped, not sent in a burst") {
    base::SeededRandom random{5};
    MixQueue queue{100, random};
    for (unsigned i = 0; i < 10; ++i)
        queue.push(packet(i, start, i * 100ms));
    std::size_t overdue = 0;
    // After 900 ms: packets due at 700, 800 and 900 are late by 200, 100 and 0; the seven before
    // are dropped.
    CHECK(release(queue, start + 900ms, &overdue).size() == 3);
    CHECK(overdue == 7);
    CHECK(queue.size() == 0);
}

TEST_CASE("mix queue: a suspend that the clock did not see counts as time") {
    base::SeededRandom random{6};
    MixQueue queue{100, random};
    queue.push(packet(1, start, 100ms));
    queue.push(packet(2, start, 10min + 100ms));
    queue.slept(10min);
    CHECK(queue.next_due() == start + 100ms - 10min);
    std::size_t overdue = 0;
    CHECK(release(queue, start, &overdue).empty());
    CHECK(overdue == 1);
    CHECK(release(queue, start + 100ms) == std::vector<unsigned>{2});
}

TEST_CASE("mix queue: a full queue drops a uniformly random victim, the new packet included") {
    base::SeededRandom random{7};
    constexpr unsigned capacity = 9;
    constexpr unsigned rounds = 20'000;
    std::vector<unsigned> dropped(capacity + 1);
    for (unsigned round = 0; round < rounds; ++round) {
        MixQueue queue{capacity, random};
        for (unsigned i = 0; i < capacity; ++i)
            REQUIRE(queue.push(packet(i, start, base::Nanoseconds{(i * 5 % capacity) * 1ms})));
        REQUIRE_FALSE(queue.push(packet(capacity, start, 4500us)));
        REQUIRE(queue.size() == capacity);
        std::vector<bool> left(capacity + 1);
        base::Mono last{};
        // One by one: each packet still leaves at its own time, whichever was replaced.
        while (queue.size() > 0) {
            const auto due = queue.next_due();
            REQUIRE(due > last);
            last = due;
            for (const auto number : release(queue, due)) {
                left[number] = true;
                const base::Nanoseconds delay =
                    number == capacity ? 4500us : number * 5 % capacity * 1ms;
                REQUIRE(due == start + delay);
            }
        }
        for (unsigned i = 0; i <= capacity; ++i)
            if (!left[i]) ++dropped[i];
    }
    CHECK(chi_square(dropped, rounds / 10.0) < 27.9);  // 9 degrees of freedom, p = 0.001
}

TEST_CASE("mix queue: a full queue of any dues loses one packet for each that comes") {
    // All packets in one bucket, as a sender that chooses the delays can arrange, or in a few, or
    // in all.
    for (const base::Nanoseconds spread : std::vector<base::Nanoseconds>{0ns, 1us, 3ms, 2s}) {
        CAPTURE(spread.count());
        base::SeededRandom random{9};
        constexpr unsigned capacity = 64, packets = 2000;
        MixQueue queue{capacity, random};
        std::vector<base::Nanoseconds> delays;
        for (unsigned i = 0; i < packets; ++i) {
            const auto more = random.below(static_cast<std::uint64_t>(spread.count()) + 1);
            delays.push_back(100ms + base::Nanoseconds{static_cast<std::int64_t>(more)});
            REQUIRE(queue.push(packet(i, start, delays.back())) == (i < capacity));
            REQUIRE(queue.size() == std::min(i + 1, capacity));
        }
        std::vector<bool> left(packets);
        unsigned count = 0;
        for (auto now = start; now < start + 3s; now += 1ms) {
            for (const auto number : release(queue, now)) {
                REQUIRE_FALSE(left[number]);
                left[number] = true;
                ++count;
                REQUIRE(start + delays[number] <= now);
                REQUIRE(now - (start + delays[number]) < 1ms);
            }
            REQUIRE(queue.next_due() > now);
        }
        CHECK(count == capacity);
        CHECK(queue.size() == 0);
        CHECK(queue.next_due() == base::Mono::max());
    }
}

TEST_CASE("mix queue: the same seed releases in the same order") {
    std::vector<std::vector<unsigned>> runs;
    for (int run = 0; run < 2; ++run) {
        base::SeededRandom random{8};
        MixQueue queue{50, random};
        for (unsigned i = 0; i < 80; ++i)
            queue.push(packet(i, start, 0ms));
        runs.push_back(release(queue, start));
    }
    CHECK(runs[0] == runs[1]);
}
