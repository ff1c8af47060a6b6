#include "relay/core/replay_filter.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "sphinx/base/random.hpp"

using namespace nightjar;
using relay::core::ReplayFilter;

namespace {

packet::ReplayTag tag(base::Random& random) {
    return random.id<packet::ReplayTag>();
}

unsigned set_in_line(const base::Bytes& memory, std::size_t at) {
    unsigned set = 0;
    for (std::size_t byte = at; byte < at + ReplayFilter::line_size; ++byte)
        set += static_cast<unsigned>(std::popcount(memory[byte]));
    return set;
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

TEST_CASE("replay filter: a tag that was only asked for is still new") {
    base::SeededRandom random{31};
    base::Bytes memory(ReplayFilter::bytes_for(1000));
    ReplayFilter filter{memory};
    for (int i = 0; i < 1000; ++i) {
        const packet::ReplayTag tag{random.id<packet::ReplayTag>()};
        const auto before = memory;
        filter.fetch(tag);
        REQUIRE(memory == before);
        REQUIRE(filter.insert(tag));
        filter.fetch(tag);
        REQUIRE_FALSE(filter.insert(tag));
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
    // 10^6 new tags against a filter at its design load: 0.8 false alarms expected, because the
    // tried tags are not kept. P(more than 6) < 10^-4 for a Poisson count of mean 0.8.
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
        // A refused tag sets no bit, so the load stays. Accepted tags are removed by restoring the
        // copy now and then.
        alarms += filter.insert(tag(random)) ? 0 : 1;
        if (i % 500 == 499) std::copy(full.begin(), full.end(), memory.begin());
    }
    CHECK(alarms <= 6);
}

TEST_CASE("replay filter: the false alarm rate follows the load as computed") {
    // At four times its load a line has 8 * 128 draws of its 512 bits. All 8 bits of a new tag are
    // set with probability (1 - e^-2)^8 = 0.31, in both lines with 0.10.
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
    CHECK(share == doctest::Approx(filter.false_alarm_rate()).epsilon(0.08));
    CHECK(share == doctest::Approx(0.099).epsilon(0.1));
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

TEST_CASE("replay filter: each word of a tag counts") {
    struct Case {
        std::size_t byte;
        std::uint8_t flip;
    };
    std::vector<Case> cases;
    // The first two words select the lines by their high bits and one bit in each by their low
    // bits.
    for (const std::size_t word : {0u, 8u}) {
        cases.push_back({word, 1});
        cases.push_back({word + 1, 1});
        cases.push_back({word + 7, 0x80});
    }
    for (std::size_t byte = 16; byte < 32; ++byte)
        cases.push_back({byte, 0x40});
    base::SeededRandom random{6};
    const auto one = tag(random);
    for (const auto& [byte, flip] : cases) {
        base::Bytes memory(ReplayFilter::bytes_for(100'000));
        ReplayFilter filter{memory};
        filter.insert(one);
        auto other = one;
        other.bytes[byte] ^= flip;
        CAPTURE(byte);
        CHECK(filter.insert(other));
    }
}

TEST_CASE("replay filter: a tag touches two lines and sets at most eight bits in each") {
    base::SeededRandom random{7};
    unsigned bits = 0;
    constexpr unsigned tags = 1'000;
    for (unsigned i = 0; i < tags; ++i) {
        base::Bytes memory(ReplayFilter::bytes_for(1'000));
        ReplayFilter{memory}.insert(tag(random));
        std::vector<unsigned> lines;
        for (std::size_t at = 0; at < memory.size(); at += ReplayFilter::line_size)
            if (const auto set = set_in_line(memory, at)) lines.push_back(set);
        REQUIRE(!lines.empty());
        REQUIRE(lines.size() <= 2);
        for (const auto set : lines) {
            REQUIRE(set <= ReplayFilter::probes * (3 - lines.size()));
            bits += set;
        }
    }
    // 8 draws from 512 bits give 7.946 different ones on average. For one tag in 63 both lines are
    // the same.
    CHECK(bits == doctest::Approx(2 * 7.946 * tags).epsilon(0.004));
}

TEST_CASE("replay filter: the line that a word picks does not predict its bit") {
    // 512 lines: if the low bits of the word selected the line as well as the bit, the line would
    // determine the bit.
    base::Bytes memory(ReplayFilter::bytes_for(512 * 16));
    ReplayFilter filter{memory};
    for (unsigned low = 0; low < 512; ++low) {
        packet::ReplayTag one;
        std::memcpy(one.bytes.data(), &low, sizeof low);
        filter.insert(one);
    }
    CHECK(set_in_line(memory, 0) == 512);
    CHECK(std::all_of(memory.begin() + 64, memory.end(), [](auto byte) { return byte == 0; }));
}

TEST_CASE("replay filter: every line is used, the last one too, and what is no whole line is not") {
    base::SeededRandom random{8};
    constexpr std::size_t lines = 100;
    base::Bytes memory(ReplayFilter::bytes_for(lines * 16) + 63);
    const base::ByteSpan whole{memory.data(), lines * ReplayFilter::line_size};
    ReplayFilter filter{memory};
    for (unsigned i = 0; i < lines * 16; ++i)
        filter.insert(tag(random));
    for (std::size_t at = 0; at < whole.size(); at += ReplayFilter::line_size) {
        CAPTURE(at);
        CHECK(set_in_line(memory, at) > 0);
    }
    CHECK(std::all_of(memory.end() - 63, memory.end(), [](auto byte) { return byte == 0; }));
    std::fill(memory.end() - 63, memory.end(), std::uint8_t{0xff});
    CHECK(filter.false_alarm_rate() == ReplayFilter{whole}.false_alarm_rate());
}

TEST_CASE("replay filter: its size is 4 bytes a packet, in whole lines") {
    CHECK(ReplayFilter::bytes_for(0) == 128);
    CHECK(ReplayFilter::bytes_for(33) == 192);
    CHECK(ReplayFilter::bytes_for(1'000) == 4'032);
    CHECK(ReplayFilter::bytes_for(100'000'000) == 400'000'000);
}
