#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "sphinx/base/random.hpp"
#include "sphinx/stream/id_window.hpp"
#include "sphinx/stream/receive_half.hpp"
#include "sphinx/stream/send_half.hpp"

using namespace nightjar;
using stream::ByteRing;
using stream::Range;
using stream::RangeSet;
using stream::ReceiveHalf;
using stream::SendHalf;

namespace {

std::uint8_t byte_at(std::uint64_t offset) {
    return static_cast<std::uint8_t>(offset * 131 + offset / 251);
}

base::Bytes bytes_of(Range range) {
    base::Bytes bytes;
    for (auto at = range.begin; at < range.end; ++at)
        bytes.push_back(byte_at(at));
    return bytes;
}

}  // namespace

TEST_CASE("a ByteRing keeps every byte through growth, wrapping and dropping") {
    base::SeededRandom random{11};
    ByteRing ring;
    for (int i = 0; i < 3000; ++i) {
        const auto n = random.below(i % 100 == 0 ? 20'000 : 3000);
        ring.append(bytes_of({ring.end(), ring.end() + n}));
        const auto from = ring.begin() + random.below(ring.size() + 1);
        base::Bytes out(random.below(ring.end() - from + 1));
        ring.copy(from, out);
        CHECK(out == bytes_of({from, from + out.size()}));
        ring.drop_to(ring.begin() + random.below(ring.size() + 1));
    }
}

TEST_CASE("a RangeSet is the set of offsets that a plain set would be") {
    base::SeededRandom random{12};
    RangeSet ranges;
    std::set<std::uint64_t> model;
    for (int i = 0; i < 4000; ++i) {
        const auto begin = random.below(200);
        const Range range{begin, begin + random.below(20)};
        const bool add = random.below(2) == 0;
        if (add) {
            ranges.add(range);
        } else {
            ranges.remove(range);
        }
        for (auto at = range.begin; at < range.end; ++at) {
            if (add) {
                model.insert(at);
            } else {
                model.erase(at);
            }
        }
        const Range whole{random.below(100), 100 + random.below(150)};
        std::set<std::uint64_t> gaps;
        ranges.for_gaps(whole, [&](Range gap) {
            for (auto at = gap.begin; at < gap.end; ++at)
                CHECK(gaps.insert(at).second);
        });
        for (auto at = whole.begin; at < whole.end; ++at)
            REQUIRE(gaps.contains(at) != model.contains(at));
        REQUIRE(ranges.empty() == model.empty());
        if (!model.empty()) CHECK(ranges.front().begin == *model.begin());
        // Ranges that touch are one.
        REQUIRE(ranges.count() ==
                static_cast<std::size_t>(std::count_if(
                    model.begin(), model.end(), [&](auto at) { return !model.contains(at + 1); })));
    }
}

TEST_CASE("a ReceiveHalf puts pieces in order, whatever the order, and refuses bytes that differ") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        INFO("seed " << seed);
        base::SeededRandom random{seed};
        constexpr std::uint64_t window = 20'000;
        ReceiveHalf half{window};
        std::set<std::uint64_t> here;
        std::uint64_t read = 0;
        for (int i = 0; i < 600; ++i) {
            const auto begin = read + random.below(window) - std::min<std::uint64_t>(read, 500);
            const auto most = random.below(4) == 0 ? 3 : 2000;
            const Range range{begin, begin + 1 + random.below(most)};
            if (range.end > half.window_end()) {
                CHECK_FALSE(half.may_reach(range.end));
                continue;
            }
            REQUIRE(half.may_reach(range.end));
            auto bytes = bytes_of(range);
            const auto wrong_at = range.begin + random.below(bytes.size());
            if (wrong_at >= read && here.contains(wrong_at)) {
                auto wrong = bytes;
                wrong[wrong_at - range.begin] ^= 1;
                const auto readable = half.readable();
                CHECK_FALSE(half.insert(range.begin, wrong));
                CHECK(half.readable() == readable);
            }
            REQUIRE(half.insert(range.begin, bytes));
            for (auto at = range.begin; at < range.end; ++at)
                here.insert(at);
            auto in_order = read;
            while (here.contains(in_order))
                ++in_order;
            REQUIRE(half.readable() == in_order - read);
            base::Bytes out(random.below(5000));
            const auto n = half.read(out);
            out.resize(n);
            REQUIRE(out == bytes_of({read, read + n}));
            read += n;
            half.open_window_to(read + window);
        }
    }
}

TEST_CASE("a ReceiveHalf holds to the first final offset") {
    ReceiveHalf half{100};
    CHECK(half.insert(10, bytes_of({10, 20})));
    CHECK_FALSE(half.finish(19));
    CHECK_FALSE(half.finish(101));
    CHECK(half.finish(30));
    CHECK(half.finish(30));
    CHECK_FALSE(half.finish(31));
    CHECK(half.may_reach(30));
    CHECK_FALSE(half.may_reach(31));
    CHECK(half.insert(0, bytes_of({0, 30})));
    CHECK_FALSE(half.finished());
    base::Bytes out(30);
    CHECK(half.read(out) == 30);
    CHECK(half.finished());
}

TEST_CASE("a ReceiveHalf takes memory for what arrived, not for the distance to it") {
    constexpr std::uint64_t window = 900 * 1024;
    ReceiveHalf half{window};
    CHECK(half.memory() == 0);
    CHECK(half.insert(window - 1, bytes_of({window - 1, window})));
    CHECK(half.memory() >= 512);
    CHECK(half.memory() <= 1024);
    CHECK(half.insert(0, bytes_of({0, window})));
    CHECK(half.memory() >= window);
    CHECK(half.memory() <= window * 5 / 4);
    base::Bytes out(window);
    CHECK(half.read(base::ByteSpan{out}.first(window - 10)) == window - 10);
    CHECK(half.memory() <= 1024);
    CHECK(half.read(out) == 10);
    CHECK(half.memory() == 0);
}

TEST_CASE("a SendHalf resends what was lost, and only that") {
    SendHalf half{100};
    half.append(bytes_of({0, 150}));
    CHECK(half.next(40) == Range{0, 40});
    half.sent({0, 40});
    CHECK(half.next(30) == Range{40, 70});
    half.sent({40, 70});
    CHECK(half.next(400) == Range{70, 100});
    half.sent({70, 100});
    CHECK(half.next(400) == Range{100, 100});

    half.acknowledged({40, 70});
    CHECK(half.buffered() == 150);
    half.lost({0, 40});
    half.lost({0, 70});
    CHECK(half.next(30) == Range{0, 30});
    half.sent({0, 30});
    CHECK(half.next(30) == Range{30, 40});
    half.sent({30, 40});
    CHECK_FALSE(half.all_sent());
    half.acknowledged({0, 40});
    CHECK(half.buffered() == 80);
    half.allow(150);
    half.allow(120);
    CHECK(half.next(400) == Range{100, 150});
    half.sent({100, 150});
    CHECK(half.all_sent());
    half.lost({70, 100});
    half.acknowledged({70, 100});
    CHECK(half.all_sent());
    half.acknowledged({100, 150});
    CHECK(half.all_acknowledged());
}

TEST_CASE("lost bytes are sent again before new ones") {
    SendHalf half{100};
    half.append(bytes_of({0, 80}));
    half.sent({0, 40});
    half.lost({10, 20});
    CHECK(half.next(100) == Range{10, 20});
    half.sent({10, 20});
    CHECK(half.next(100) == Range{40, 80});
}

TEST_CASE("an id is used once, and none far above the oldest that is not") {
    stream::IdWindow ids;
    CHECK_FALSE(ids.use(0));
    for (stream::StreamId id = 2; id <= 1024; ++id)
        CHECK(ids.use(id));
    CHECK_FALSE(ids.use(1025));
    CHECK_FALSE(ids.use(77));
    CHECK(ids.use(1));
    CHECK_FALSE(ids.use(1));
    CHECK_FALSE(ids.use(1024));
    CHECK(ids.use(2048));
    CHECK_FALSE(ids.use(2049));
    CHECK(ids.use(1025));
    CHECK(ids.use(2049));
}
