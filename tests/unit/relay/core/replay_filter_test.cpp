#include "relay/core/replay_filter.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <list>
#include <numeric>
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
    // 10^6 new tags against one part at its load: 0.17 false alarms expected, because the tried
    // tags are not kept. P(more than 3) < 10^-4 for a Poisson count of that mean.
    constexpr unsigned load = 100'000;
    base::SeededRandom random{3};
    base::Bytes memory(ReplayFilter::bytes_for(load));
    ReplayFilter filter{memory};
    unsigned alarms_while_filling = 0;
    for (unsigned i = 0; i < load; ++i)
        alarms_while_filling += filter.insert(tag(random)) ? 0 : 1;
    CHECK(alarms_while_filling <= 2);
    CHECK(filter.false_alarm_rate() < 1e-6 / ReplayFilter::parts_max);
    CHECK(filter.false_alarm_rate() > 1e-7);

    const auto full = memory;
    unsigned alarms = 0;
    for (unsigned i = 0; i < 1'000'000; ++i) {
        // A refused tag sets no bit, so the load stays. Accepted tags are removed by restoring the
        // copy now and then.
        alarms += filter.insert(tag(random)) ? 0 : 1;
        if (i % 500 == 499) std::copy(full.begin(), full.end(), memory.begin());
    }
    CHECK(alarms <= 3);
}

TEST_CASE("replay filter: the false alarm rate follows the load as computed") {
    // At four times its load a line has 8 * 112 draws of its 512 bits. All 8 bits of a new tag are
    // set with probability (1 - e^-1.75)^8 = 0.22, in both lines with 0.048.
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
    CHECK(share == doctest::Approx(filter.false_alarm_rate()).epsilon(0.1));
    CHECK(share == doctest::Approx(0.048).epsilon(0.15));
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
    base::Bytes memory(ReplayFilter::bytes_for(512 * ReplayFilter::tags_of_line));
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
    base::Bytes memory(lines * ReplayFilter::line_size + 63);
    const base::ByteSpan whole{memory.data(), lines * ReplayFilter::line_size};
    ReplayFilter filter{memory};
    for (unsigned i = 0; i < lines * ReplayFilter::tags_of_line; ++i)
        filter.insert(tag(random));
    for (std::size_t at = 0; at < whole.size(); at += ReplayFilter::line_size) {
        CAPTURE(at);
        CHECK(set_in_line(memory, at) > 0);
    }
    CHECK(std::all_of(memory.end() - 63, memory.end(), [](auto byte) { return byte == 0; }));
    std::fill(memory.end() - 63, memory.end(), std::uint8_t{0xff});
    CHECK(filter.false_alarm_rate() == ReplayFilter{whole}.false_alarm_rate());
}

TEST_CASE("replay filter: its size is 4.6 bytes a packet, in whole lines") {
    CHECK(ReplayFilter::bytes_for(0) == 128);
    CHECK(ReplayFilter::bytes_for(29) == 192);
    CHECK(ReplayFilter::bytes_for(1'400) == 6'400);
    CHECK(ReplayFilter::bytes_for(140'000'000) == 640'000'000);
}

namespace {

std::vector<std::size_t> all_parts(std::uint64_t packets, std::vector<std::size_t> sizes = {}) {
    while (const auto next = ReplayFilter::next_part(packets, sizes))
        sizes.push_back(next);
    return sizes;
}

/// A filter that grows by itself. `late`: for so many calls the next part is not ready.
struct Growing final : ReplayFilter {
    Growing(base::Bytes& first, std::uint64_t packets) : ReplayFilter{first}, packets_{packets} {
        sizes.push_back(first.size());
    }
    void prepare_part() override {
        asked_at.push_back(tags());
        if (next.empty()) next.resize(next_part(packets_, sizes));
    }
    base::ByteSpan take_part() override {
        if (next.empty() || late > 0) {
            late -= late > 0 ? 1 : 0;
            return {};
        }
        sizes.push_back(next.size());
        taken_at.push_back(tags());
        return parts.emplace_back(std::move(next));
    }
    std::uint64_t packets_;
    std::vector<std::size_t> sizes;
    std::vector<std::uint64_t> asked_at;
    std::vector<std::uint64_t> taken_at;
    std::list<base::Bytes> parts;
    base::Bytes next;
    unsigned late = 0;
};

}  // namespace

TEST_CASE("replay filter: it starts small, and no chain is longer than five parts") {
    constexpr std::size_t mib = 1 << 20;
    // An hour at 6,600 packets a second: 110 MB.
    const auto usual = all_parts(6'600 * 3'675ull);
    REQUIRE(usual.size() == 5);
    CHECK(usual[0] < 1.3 * mib);
    CHECK(usual[1] == 4 * usual[0]);
    CHECK(usual[2] == 4 * usual[1]);
    const auto made_for = ReplayFilter::bytes_for(6'600 * 3'675ull);
    CHECK(usual[0] + usual[1] + usual[2] + usual[3] == made_for);
    CHECK(usual[4] == made_for);  // when it is full
    // A small one has no small parts.
    const auto small = ReplayFilter::bytes_for(1'000);
    CHECK(all_parts(1'000) == std::vector{small, small});
    CHECK(all_parts(4'000'000).front() == mib);
    CHECK(all_parts(4'000'000).size() == 4);
    // Whatever it was made for before a restart.
    for (const std::uint64_t before :
         {1ull, 1'000ull, 400'000ull, 4'000'000ull, 30'000'000ull, 1'000'000'000ull}) {
        for (const std::uint64_t now :
             {1ull, 1'000ull, 400'000ull, 4'000'000ull, 30'000'000ull, 1'000'000'000ull}) {
            const auto had = all_parts(before);
            for (std::size_t kept = 1; kept <= had.size(); ++kept) {
                CAPTURE(before);
                CAPTURE(now);
                CAPTURE(kept);
                const auto sizes =
                    all_parts(now, {had.begin(), had.begin() + std::ptrdiff_t(kept)});
                CHECK(sizes.size() <= ReplayFilter::parts_max);
                const auto sum = std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
                if (kept < ReplayFilter::parts_max) CHECK(sum >= 2 * ReplayFilter::bytes_for(now));
                for (const auto size : sizes)
                    CHECK(size % ReplayFilter::line_size == 0);
            }
        }
    }
}

TEST_CASE("replay filter: a chain refuses every tag that any of its parts holds") {
    constexpr std::uint64_t packets = 1'000'000;
    base::SeededRandom random{9};
    base::Bytes first(ReplayFilter::next_part(packets, {}));
    Growing filter{first, packets};
    std::vector<packet::ReplayTag> seen;
    unsigned alarms = 0;
    for (std::uint64_t i = 0; i < packets; ++i) {
        seen.push_back(tag(random));
        alarms += filter.insert(seen.back()) ? 0 : 1;
        if (i % 101 == 0) REQUIRE_FALSE(filter.insert(seen[i / 2]));
    }
    CHECK(filter.sizes.size() == 2);
    CHECK(alarms <= 3);
    CHECK(filter.tags() == packets - alarms);
    CHECK(filter.false_alarm_rate() < 4e-7);
    for (const auto& one : seen)
        REQUIRE_FALSE(filter.insert(one));
    CHECK(filter.tags() == packets - alarms);

    // The parts are the whole state.
    ReplayFilter after{first};
    for (auto& part : filter.parts)
        after.add_part(part);
    for (const auto& one : seen)
        REQUIRE_FALSE(after.insert(one));
}

TEST_CASE("replay filter: a chain that is full takes as many tags again, and then no part") {
    constexpr std::uint64_t packets = 20'000;
    base::SeededRandom random{10};
    base::Bytes first(ReplayFilter::next_part(packets, {}));
    Growing filter{first, packets};
    unsigned alarms = 0;
    for (std::uint64_t i = 0; i < 2 * packets; ++i)
        alarms += filter.insert(tag(random)) ? 0 : 1;
    CHECK(filter.sizes.size() == 2);
    CHECK(alarms <= 1);
    CHECK(filter.false_alarm_rate() < 1e-6);
    CHECK_FALSE(filter.overfull());
    for (std::uint64_t i = 0; i < packets; ++i)
        filter.insert(tag(random));
    CHECK(filter.sizes.size() == 2);
    CHECK(filter.overfull());
}

TEST_CASE("replay filter: the next part is asked for in time, and taken when it is needed") {
    constexpr std::uint64_t packets = 14 * 800;
    base::SeededRandom random{11};
    base::Bytes first(ReplayFilter::next_part(packets, {}));
    Growing filter{first, packets};
    const auto load = first.size() / ReplayFilter::line_size * ReplayFilter::tags_of_line;
    REQUIRE(load == packets);
    while (filter.taken_at.empty())
        filter.insert(tag(random));
    CHECK(filter.asked_at.front() == load - load / 8);
    CHECK(filter.taken_at.front() == load);
}

TEST_CASE("replay filter: a part that comes late loses nothing, and is asked for again") {
    constexpr std::uint64_t packets = 14 * 800;
    base::SeededRandom random{12};
    base::Bytes first(ReplayFilter::next_part(packets, {}));
    Growing filter{first, packets};
    filter.late = packets / 2;
    std::vector<packet::ReplayTag> seen;
    while (filter.taken_at.empty()) {
        seen.push_back(tag(random));
        filter.insert(seen.back());
        if (filter.tags() == packets * 9 / 8) CHECK_FALSE(filter.overfull());
        if (filter.tags() == packets * 11 / 8) CHECK(filter.overfull());
    }
    // At 7, 8, 9, 10, 11 and 12 eighths of its load.
    CHECK(filter.asked_at.size() == 6);
    CHECK(filter.taken_at.front() >= packets * 3 / 2);
    CHECK_FALSE(filter.overfull());
    for (const auto& one : seen)
        REQUIRE_FALSE(filter.insert(one));
}

TEST_CASE("replay filter: the bits of a part tell about how many tags it holds") {
    base::SeededRandom random{13};
    base::Bytes memory(ReplayFilter::bytes_for(100'000));
    CHECK(ReplayFilter::tags_in(memory) == 0);
    ReplayFilter filter{memory};
    for (unsigned tags = 1; tags <= 200'000; ++tags) {
        filter.insert(tag(random));
        if (tags == 1'000 || tags == 50'000 || tags == 100'000 || tags == 200'000)
            CHECK(double(ReplayFilter::tags_in(memory)) == doctest::Approx(tags).epsilon(0.01));
    }
    std::fill(memory.begin(), memory.end(), std::uint8_t{0xff});
    CHECK(ReplayFilter::tags_in(memory) > 200'000);
    // A filter over the parts of an earlier run asks for the next one as if it had never stopped.
    base::Bytes again(ReplayFilter::bytes_for(1'400));
    ReplayFilter{again}.insert(tag(random));
    CHECK(ReplayFilter{again, 1'399}.tags() == 1'399);
}
