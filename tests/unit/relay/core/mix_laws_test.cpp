#include "relay/core/mix_laws.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "relay/core/limits.hpp"

using namespace nightjar;
using namespace std::chrono_literals;
using directory::MixLaw;
using directory::Parameters;
using relay::core::HeldPacket;
using relay::core::make_mix;
using relay::core::Mix;
using relay::core::same_mix;

namespace {

constexpr base::Mono start{1h};
constexpr std::size_t capacity = 20'000;

Parameters poisson() {
    return {};
}
Parameters timed_pool(std::uint32_t keep = 0) {
    Parameters law;
    law.mixing = {.law = MixLaw::timed_pool, .interval = 25ms, .keep = keep};
    return law;
}
Parameters threshold(std::uint32_t packets = 20) {
    Parameters law;
    law.mean_delay = 100ms;
    law.mixing = {.law = MixLaw::threshold, .packets = packets};
    return law;
}

// A packet that carries its number in its cell.
HeldPacket packet(unsigned number, base::Mono arrived, base::Nanoseconds delay = {}) {
    auto cell = std::make_unique<cell::Cell>();
    cell->body()[0] = static_cast<std::uint8_t>(number);
    cell->body()[1] = static_cast<std::uint8_t>(number >> 8);
    return {std::move(cell), relay::core::ToExit{}, 0, arrived, delay};
}

std::vector<unsigned> release(Mix& mix, base::Mono now, std::size_t* overdue = nullptr) {
    std::vector<HeldPacket> out;
    const auto dropped = mix.release(now, out);
    if (overdue) *overdue = dropped;
    std::vector<unsigned> numbers;
    for (const auto& held : out)
        numbers.push_back(held.cell->body()[0] + 256u * held.cell->body()[1]);
    return numbers;
}

/// For how long a mix holds each of `count` packets of Poisson arrivals, in seconds.
std::vector<double> held_times(const Parameters& law, double per_second, std::size_t count) {
    base::SeededRandom random{7};
    const auto mix = make_mix(law, capacity, random);
    std::vector<double> held;
    std::vector<HeldPacket> out;
    auto next = start;
    const auto gap = base::from_seconds(1 / per_second);
    // The first second fills the mix.
    while (held.size() < count) {
        next += random.exponential(gap);
        while (mix->next_due() <= next) {
            out.clear();
            const auto now = mix->next_due();
            CHECK(mix->release(now, out) == 0);
            for (const auto& one : out)
                if (one.arrived >= start + 1s) held.push_back(base::to_seconds(now - one.arrived));
        }
        mix->push(packet(0, next, law.draw_delay(random)));
    }
    return held;
}

/// The largest distance between a sample and the distribution of its law, which may have steps.
double ks_distance(std::vector<double> sample, const std::function<double(double)>& cdf) {
    std::sort(sample.begin(), sample.end());
    const auto count = static_cast<double>(sample.size());
    constexpr double step = 1e-9;  // below it times are equal
    double worst = 0;
    for (std::size_t i = 0; i < sample.size(); ++i) {
        const auto at = sample[i];
        if (i + 1 == sample.size() || sample[i + 1] > at + step)
            worst = std::max(worst, std::abs(cdf(at + step) - static_cast<double>(i + 1) / count));
        if (i == 0 || sample[i - 1] < at - step)
            worst = std::max(worst, std::abs(cdf(at - step) - static_cast<double>(i) / count));
    }
    return worst;
}

double poisson_cdf(double seconds) {
    return seconds < 0 ? 0 : (1 - std::exp(-seconds / 0.05)) / (1 - std::exp(-10.0));
}

/// The rest of an interval, and a geometric number of whole ones.
double timed_pool_cdf(double seconds) {
    if (seconds < 0) return 0;
    const auto part = timed_pool().pool_part();
    const auto whole = std::floor(seconds / 0.025);
    const auto stayed = std::pow(1 - part, whole);
    return 1 - stayed * (1 - part * (seconds / 0.025 - whole));
}

/// The probability that a Poisson process has fewer than `count` events, so many are expected.
double fewer(int count, double expected) {
    double term = std::exp(-expected), sum = 0;
    for (int i = 0; i < count; ++i) {
        sum += term;
        term *= expected / (i + 1);
    }
    return sum;
}

/// A batch begins with a packet, and ends with its 20th or after 100 ms. The packet with i before
/// it is there if i events come within 100 ms. It is held for longer than x if they come within
/// 100 ms - x, and fewer than 19 - i events in the x after them.
double threshold_cdf(double seconds, double per_second) {
    if (seconds < 0) return 0;
    if (seconds >= 0.1) return 1;
    double longer = 0, all = 0;
    for (int i = 0; i < 20; ++i) {
        all += 1 - fewer(i, per_second * 0.1);
        longer +=
            (1 - fewer(i, per_second * (0.1 - seconds))) * fewer(19 - i, per_second * seconds);
    }
    return 1 - longer / all;
}

/// Pearson's chi-square statistic of counts that should all be equal.
double chi_square(const std::vector<unsigned>& counts) {
    double sum = 0, total = 0;
    for (const auto count : counts)
        total += count;
    const auto expected = total / static_cast<double>(counts.size());
    for (const auto count : counts)
        sum += (count - expected) * (count - expected) / expected;
    return sum;
}

}  // namespace

TEST_CASE("mix laws: held times follow each law at 10, 50 and 90 % load, KS at most 0.01") {
    // The load of a relay that carries 5,000 packets a second.
    for (const double per_second : {500.0, 2500.0, 4500.0}) {
        CAPTURE(per_second);
        CHECK(ks_distance(held_times(poisson(), per_second, 100'000), poisson_cdf) <= 0.01);
        CHECK(ks_distance(held_times(timed_pool(), per_second, 100'000), timed_pool_cdf) <= 0.01);
        const auto cdf = [&](double seconds) { return threshold_cdf(seconds, per_second); };
        CHECK(ks_distance(held_times(threshold(), per_second, 100'000), cdf) <= 0.01);
    }
    // Few packets, so that a batch often ends by its time.
    const auto cdf = [](double seconds) { return threshold_cdf(seconds, 150); };
    CHECK(ks_distance(held_times(threshold(), 150, 100'000), cdf) <= 0.01);
    CHECK(ks_distance(held_times(timed_pool(), 150, 100'000), timed_pool_cdf) <= 0.01);
}

TEST_CASE(
    "mix laws: a packet is held for mean_delay on average, and never for longer than the cap") {
    const auto law = timed_pool();
    const auto times = held_times(law, 1000, 100'000);
    double sum = 0;
    for (const auto time : times)
        sum += time;
    CHECK(sum / static_cast<double>(times.size()) == doctest::Approx(0.05).epsilon(0.01));
    CHECK(*std::max_element(times.begin(), times.end()) <= base::to_seconds(law.delay_cap()));
    const auto bounded = held_times(threshold(), 100, 10'000);
    CHECK(*std::max_element(bounded.begin(), bounded.end()) ==
          doctest::Approx(base::to_seconds(threshold().delay_cap())));
}

TEST_CASE("timed pool: which packets leave does not depend on when they came") {
    base::SeededRandom random{1};
    std::vector<unsigned> left(12);
    for (int round = 0; round < 20'000; ++round) {
        const auto mix = make_mix(timed_pool(), capacity, random);
        for (unsigned i = 0; i < 12; ++i)
            mix->push(packet(i, start + i * 1us));
        for (const auto number : release(*mix, mix->next_due()))
            ++left[number];
    }
    CHECK(chi_square(left) < 31.3);  // 11 degrees of freedom, 99.9 %
}

TEST_CASE("mix laws: what leaves together leaves in a uniformly random order") {
    for (const auto& law : {timed_pool(), threshold(6)}) {
        base::SeededRandom random{2};
        std::vector<unsigned> places(36);  // of the k-th to come among six that leave
        for (int round = 0; round < 20'000; ++round) {
            const auto mix = make_mix(law, capacity, random);
            const unsigned count = law.mixing.law == MixLaw::threshold ? 6 : 15;
            for (unsigned i = 0; i < count; ++i)
                mix->push(packet(i, start + i * 1us));
            auto order = release(*mix, mix->next_due());
            if (order.size() != 6) continue;
            auto ranks = order;
            std::sort(ranks.begin(), ranks.end());
            for (std::size_t place = 0; place < 6; ++place) {
                const auto rank = std::find(ranks.begin(), ranks.end(), order[place]);
                ++places[static_cast<std::size_t>(rank - ranks.begin()) * 6 + place];
            }
        }
        CHECK(chi_square(places) < 52.6);  // 25 degrees of freedom, 99.9 %
    }
}

TEST_CASE("timed pool: the last packets stay until they have been there for the cap") {
    base::SeededRandom random{3};
    const auto law = timed_pool(5);
    const auto mix = make_mix(law, capacity, random);
    for (unsigned i = 0; i < 40; ++i)
        mix->push(packet(i, start));
    auto now = start;
    while (now < start + law.delay_cap() - law.mixing.interval - 25ms) {
        now = mix->next_due();
        release(*mix, now);
        CHECK(mix->size() >= 5);
    }
    CHECK(mix->size() == 5);
    while (mix->size() > 0) {
        now = mix->next_due();
        release(*mix, now);
    }
    CHECK(now <= start + law.delay_cap());
    CHECK(now > start + law.delay_cap() - 2 * law.mixing.interval);
    CHECK(mix->next_due() == base::Mono::max());
}

TEST_CASE("timed pool: intervals go on while the pool is empty, and begin at a drawn millisecond") {
    std::vector<unsigned> phases(25);
    for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
        base::SeededRandom random{seed};
        const auto mix = make_mix(timed_pool(), capacity, random);
        mix->push(packet(0, start));
        const auto first = mix->next_due();
        CHECK(first > start);
        CHECK(first <= start + 25ms);
        CHECK(first.time_since_epoch() % 1ms == 0ns);
        ++phases[static_cast<std::size_t>((first.time_since_epoch() % 25ms) / 1ms)];
        while (mix->size() > 0)
            release(*mix, mix->next_due());
        mix->push(packet(1, start + 10s));
        CHECK((mix->next_due() - first) % 25ms == 0ns);
        CHECK(mix->next_due() > start + 10s);
        CHECK(mix->next_due() <= start + 10s + 25ms);
    }
    CHECK(chi_square(phases) < 51.2);  // 24 degrees of freedom, 99.9 %
}

TEST_CASE("threshold: all leave with the last that is needed, or when the first has waited") {
    base::SeededRandom random{4};
    const auto mix = make_mix(threshold(3), capacity, random);
    mix->push(packet(0, start));
    mix->push(packet(1, start + 30ms));
    CHECK(mix->next_due() == start + 100ms);
    CHECK(release(*mix, start + 99ms).empty());
    CHECK(release(*mix, start + 100ms).size() == 2);
    CHECK(mix->next_due() == base::Mono::max());
    for (unsigned i = 0; i < 3; ++i)
        mix->push(packet(i, start + 200ms + i * 1ms));
    CHECK(mix->next_due() == start + 202ms);
    CHECK(release(*mix, start + 202ms).size() == 3);
    CHECK(mix->size() == 0);
}

TEST_CASE("mix laws: after a stall or a suspend nothing bursts out") {
    for (const auto& law : {timed_pool(), threshold(1000)}) {
        for (const bool suspended : {false, true}) {
            base::SeededRandom random{5};
            const auto mix = make_mix(law, capacity, random);
            for (unsigned i = 0; i < 200; ++i)
                mix->push(packet(i, start));
            const auto gone = law.delay_cap() + relay::core::lateness_max + 1ms;
            if (suspended) mix->slept(gone);
            std::size_t overdue = 0;
            const auto at = suspended ? std::max(mix->next_due(), start + 1ms) : start + gone;
            CHECK(release(*mix, at, &overdue).empty());
            CHECK(overdue == 200);
            CHECK(mix->size() == 0);
        }
    }
    // Intervals that were missed are not made up for.
    base::SeededRandom random{6};
    const auto mix = make_mix(timed_pool(), capacity, random);
    for (unsigned i = 0; i < 1000; ++i)
        mix->push(packet(i, start));
    CHECK(release(*mix, start + 240ms).size() == doctest::Approx(400).epsilon(0.01));
    CHECK(mix->next_due() > start + 240ms);
    CHECK(release(*mix, start + 240ms).empty());
}

TEST_CASE("mix laws: a full mix drops a uniformly random packet, the new one included") {
    for (const auto& law : {timed_pool(), threshold(4)}) {
        base::SeededRandom random{8};
        std::vector<unsigned> dropped(5);
        for (int round = 0; round < 10'000; ++round) {
            const auto mix = make_mix(law, 4, random);
            for (unsigned i = 0; i < 4; ++i)
                CHECK(mix->push(packet(i, start)));
            CHECK(!mix->push(packet(4, start)));
            CHECK(mix->size() == 4);
            std::vector<bool> there(5);
            while (mix->size() > 0)
                for (const auto number : release(*mix, mix->next_due()))
                    there[number] = true;
            for (std::size_t i = 0; i < 5; ++i)
                if (!there[i]) ++dropped[i];
        }
        CHECK(chi_square(dropped) < 18.5);  // 4 degrees of freedom, 99.9 %
    }
}

TEST_CASE("mix laws: no packet leaves or counts before it has entered, and it takes a place") {
    for (const auto& law : {poisson(), timed_pool(), threshold(20)}) {
        CAPTURE(static_cast<int>(law.mixing.law));
        base::SeededRandom random{9};
        const auto mix = make_mix(law, 100, random);
        unsigned left = 0, pushed = 0;
        std::vector<HeldPacket> out;
        for (auto now = start; now < start + 10s; now += 1ms) {
            out.clear();
            if (mix->next_due() <= now) CHECK(mix->release(now, out) == 0);
            for (const auto& one : out)
                REQUIRE(one.arrived <= now);
            left += static_cast<unsigned>(out.size());
            if (now >= start + 9s) continue;
            // A gateway's clients: up to 45 ms ahead.
            const auto ahead = base::from_seconds(0.045 * random.unit());
            if (mix->push(packet(0, now + ahead, law.draw_delay(random)))) ++pushed;
        }
        CHECK(left == pushed);
        CHECK(left > 8000);
        for (unsigned i = 0; i < 100; ++i)
            CHECK(mix->push(packet(i, start + 11s)));
        CHECK(!mix->push(packet(100, start + 11s)));
        CHECK(mix->size() == 100);
    }
}

TEST_CASE("threshold: packets that have not entered do not make up the number") {
    base::SeededRandom random{10};
    const auto mix = make_mix(threshold(3), capacity, random);
    mix->push(packet(0, start));
    mix->push(packet(1, start + 40ms));
    mix->push(packet(2, start + 20ms));
    mix->push(packet(3, start + 30ms));
    CHECK(release(*mix, start + 20ms).empty());
    CHECK(mix->next_due() == start + 30ms);
    auto together = release(*mix, start + 30ms);
    std::sort(together.begin(), together.end());
    CHECK(together == std::vector<unsigned>{0, 2, 3});
    CHECK(mix->next_due() == start + 140ms);
    CHECK(release(*mix, start + 140ms) == std::vector<unsigned>{1});
}

TEST_CASE("timed pool: a packet that enters late delays none that enters sooner") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        base::SeededRandom random{seed};
        const auto mix = make_mix(timed_pool(), capacity, random);
        mix->push(packet(0, start + 60ms));
        mix->push(packet(1, start));
        CHECK(mix->next_due() > start);
        CHECK(mix->next_due() <= start + 25ms);
    }
}

TEST_CASE("mix laws: a new document needs a new mix only where the law changes") {
    auto slower = poisson();
    slower.mean_delay = 100ms;
    CHECK(same_mix(poisson(), slower));  // delays are in the packets
    CHECK(same_mix(timed_pool(), timed_pool()));
    CHECK(!same_mix(timed_pool(), timed_pool(1)));
    CHECK(!same_mix(poisson(), timed_pool()));
    CHECK(!same_mix(threshold(), poisson()));
    auto longer = threshold();
    longer.mean_delay = 101ms;
    CHECK(!same_mix(threshold(), longer));
}
