#include "relay/replay_filter.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "sphinx/base/random.hpp"

using namespace nightjar;
using relay::ReplayFilter;

namespace {

packet::ReplayTag tag(base::Random& random) {
    return random.id<packet::ReplayTag>();
}

}  // namespace

TEST_CASE("replay filter: a tag is new once") {
    base::SeededRandom random{1};
    base::Bytes memory(ReplayFilter::bytes_for(1000));
    ReplayFilter filter{memory};
    for (int i = 0; i < 1000; ++i) {
        const auto one = tag(random);
        REQUIRE(filter.insert(one));
        REQUIRE_FALSE(filter.insert(one));
    }
}

TEST_CASE("replay filter: its memory is its whole state") {
    base::SeededRandom random{2};
    base::Bytes memory(ReplayFilter::bytes_for(1000));
    std::vector<packet::ReplayTag> seen;
    for (int i = 0; i < 500; ++i)
        seen.push_back(tag(random));
    {
        ReplayFilter before{memory};
        for (const auto& one : seen)
            REQUIRE(before.insert(one));
    }
    const auto copy = memory;
    ReplayFilter after{memory};
    for (const auto& one : seen)
        CHECK_FALSE(after.insert(one));
    CHECK(memory == copy);
}

TEST_CASE("replay filter: at its design load fewer than one new packet in a million is refused") {
    // 10^6 fresh tags against a filter that holds what it is sized for: 0.9 alarms expected, since
    // the tags tried are not kept. P(more than 6) < 10^-4 for a Poisson count of mean 0.9.
    constexpr unsigned load = 100'000;
    base::SeededRandom random{3};
    base::Bytes memory(ReplayFilter::bytes_for(load));
    ReplayFilter filter{memory};
    unsigned alarms_while_filling = 0;
    for (unsigned i = 0; i < load; ++i)
        alarms_while_filling += filter.insert(tag(random)) ? 0 : 1;
    CHECK(alarms_while_filling <= 2);
    CHECK(filter.false_alarm_rate() < 1e-6);
    CHECK(filter.false_alarm_rate() > 5e-7);

    const auto full = memory;
    unsigned alarms = 0;
    for (unsigned i = 0; i < 1'000'000; ++i) {
        // A refused tag sets no bit, so the load stays; an accepted one is taken out again by
        // going back to the copy now and then.
        alarms += filter.insert(tag(random)) ? 0 : 1;
        if (i % 500 == 499) std::copy(full.begin(), full.end(), memory.begin());
    }
    CHECK(alarms <= 6);
}

TEST_CASE("replay filter: the false alarm rate follows the load as computed") {
    // At four times its load the formula says (1 - e^(-20*4/29))^20 = 0.27: enough to count.
    constexpr unsigned sized_for = 5'000;
    base::SeededRandom random{4};
    base::Bytes memory(ReplayFilter::bytes_for(sized_for));
    ReplayFilter filter{memory};
    for (unsigned i = 0; i < 4 * sized_for; ++i)
        filter.insert(tag(random));
    const auto full = memory;
    constexpr unsigned trials = 20'000;
    unsigned alarms = 0;
    for (unsigned i = 0; i < trials; ++i) {
        alarms += filter.insert(tag(random)) ? 0 : 1;
        if (i % 20 == 19) std::copy(full.begin(), full.end(), memory.begin());
    }
    const double share = static_cast<double>(alarms) / trials;
    CHECK(share == doctest::Approx(filter.false_alarm_rate()).epsilon(0.06));
    CHECK(share == doctest::Approx(0.27).epsilon(0.08));
}

TEST_CASE("replay filter: a full filter refuses, it never forgets") {
    base::SeededRandom random{5};
    base::Bytes memory(ReplayFilter::bytes_for(100));
    ReplayFilter filter{memory};
    std::vector<packet::ReplayTag> seen;
    for (int i = 0; i < 20'000; ++i) {
        seen.push_back(tag(random));
        filter.insert(seen.back());
    }
    for (const auto& one : seen)
        REQUIRE_FALSE(filter.insert(one));
    CHECK(filter.false_alarm_rate() > 0.99);
    CHECK_FALSE(filter.insert(tag(random)));
}

TEST_CASE("replay filter: each byte of a tag that is hashed counts") {
    base::SeededRandom random{6};
    const auto one = tag(random);
    for (std::size_t at = 0; at < 24; ++at) {
        base::Bytes memory(ReplayFilter::bytes_for(100'000));
        ReplayFilter filter{memory};
        filter.insert(one);
        auto other = one;
        other.bytes[at] ^= 1;
        // The lowest bits move the probes by less than one bit's width; the highest of each word
        // do.
        other.bytes[at / 8 * 8 + 7] ^= 0x40;
        CAPTURE(at);
        CHECK(filter.insert(other));
    }
}

TEST_CASE("replay filter: its size is 3.6 bytes a packet") {
    CHECK(ReplayFilter::bytes_for(0) == 64);
    CHECK(ReplayFilter::bytes_for(1'000) == 3625);
    CHECK(ReplayFilter::bytes_for(100'000'000) == 362'500'000);
}
