// Which relays several operators admit together.
#include "relay/authority/core/listing.hpp"

#include <doctest/doctest.h>

#include "tests/support/council.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority::core;

namespace {

base::NodeId relay_id(std::uint8_t number) {
    base::NodeId id;
    id.bytes.fill(number);
    return id;
}

}  // namespace

TEST_CASE("listing: more than half of the lists admit a relay, and say whose it is") {
    const Admission wren{relay_id(1), "alice", "", 4};
    auto bigger = wren, stolen = wren, huge = wren;
    bigger.capacity = 6;
    huge.capacity = 1'000'000;
    stolen.operator_name = "mallory";
    const Admission other{relay_id(2), "bob", "birds", 1};
    CHECK(combine({{wren}, {wren}, {wren}}, 3) == Admissions{wren});
    CHECK(combine({{wren}, {wren}, {}}, 3) == Admissions{wren});
    CHECK(combine({{wren}, {wren}, {}, {}}, 3).empty());
    CHECK(combine({{wren}, {}, {}}, 3).empty());
    CHECK(combine({{wren, other}, {wren}, {stolen}}, 3) == Admissions{wren});
    CHECK(combine({{wren}, {stolen}, {}}, 3).empty());
    CHECK(combine({{bigger}, {wren}, {huge}}, 3) == Admissions{bigger});
    CHECK(combine({{bigger}, {wren}, {wren}, {huge}}, 3) == Admissions{wren});
    CHECK(combine({}, 3).empty());
}

TEST_CASE("listing: a relay is unreachable when a quorum of lists say so") {
    const Admission wren{relay_id(1), "alice", "", 4};
    auto lost = wren, stolen = wren;
    lost.unreachable = stolen.unreachable = true;
    stolen.operator_name = "mallory";
    CHECK(combine({{lost}, {lost}, {lost}}, 3) == Admissions{lost});
    CHECK(combine({{lost}, {lost}, {lost}, {wren}}, 3) == Admissions{lost});
    CHECK(combine({{lost}, {lost}, {wren}, {wren}}, 3) == Admissions{wren});
    CHECK(combine({{lost}, {lost}, {wren}}, 3) == Admissions{wren});
    CHECK(combine({{lost}, {lost}, {}}, 3) == Admissions{wren});
    // Whose it is plays no part in whether it can be reached.
    CHECK(combine({{lost}, {lost}, {lost}, {stolen}}, 4) == Admissions{lost});
    CHECK(combine({{lost}}, 1) == Admissions{lost});
}

TEST_CASE("listing: a list has one encoding, and each rule of it refuses") {
    const Admissions sound{{relay_id(1), "alice", "", 4},
                           {relay_id(2), "bob", "birds", 1'000'000, true}};
    const auto parses = [](const Admissions& list) {
        const auto parsed = parse_admissions(encode(list));
        if (parsed) CHECK(*parsed == list);
        return parsed.has_value();
    };
    CHECK(parses(sound));
    CHECK(parses({}));
    auto list = sound;
    std::swap(list[0], list[1]);
    CHECK_FALSE(parses(list));
    list = sound;
    list[1] = list[0];
    CHECK_FALSE(parses(list));
    for (const char* name : {"", "Alice", "a b", "012345678901234567890123456789012"}) {
        list = sound;
        list[0].operator_name = name;
        CHECK_FALSE(parses(list));
    }
    for (const std::uint32_t capacity : {0u, 1'000'001u}) {
        list = sound;
        list[1].capacity = capacity;
        CHECK_FALSE(parses(list));
    }
    auto bytes = encode(sound);
    bytes.back() = 2;  // neither reachable nor unreachable
    CHECK_FALSE(parse_admissions(bytes));
    bytes = encode(sound);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(parse_admissions(base::ByteView{bytes}.first(size)));
    list.assign(admissions_max, {{}, std::string(32, 'a'), std::string(32, 'b'), 1});
    for (std::size_t i = 0; i < list.size(); ++i) {
        list[i].identity.bytes[0] = static_cast<std::uint8_t>(i / 256);
        list[i].identity.bytes[1] = static_cast<std::uint8_t>(i % 256);
    }
    CHECK(encode(list).size() == list_size_max);
    CHECK(parses(list));
}

TEST_CASE("listing: only an authority's own statement for this network and epoch is valid") {
    const auto made = test::make_council(4, 5);
    const auto sound =
        make_listing(made.council, {7}, 1000, value_id(base::ByteView{}), made.seeds[1]);
    CHECK(verifies(sound, made.council, {7}));
    CHECK_FALSE(verifies(sound, made.council, {8}));
    auto changed = sound;
    changed.made = 1001;
    CHECK_FALSE(verifies(changed, made.council, {7}));
    changed = sound;
    changed.list.bytes[3] ^= 1;
    CHECK_FALSE(verifies(changed, made.council, {7}));
    auto other = made.council;
    other.network.bytes[0] ^= 1;
    CHECK_FALSE(verifies(sound, other, {7}));
    other = made.council;
    other.authorities.erase(other.authorities.begin() + 1);
    CHECK_FALSE(verifies(sound, other, {7}));
}

TEST_CASE("listing: who is expelled or cannot be reached, and one encoding for each statement") {
    base::NodeId id;
    id.bytes.fill(3);
    const Admission wren{id, "alice", "", 4};
    const Admission expelled{id, "", "", 1, false, Standing::expelled};
    const Admission lost{id, "", "", 1, true, Standing::unlisted};
    CHECK(combine({{expelled}, {expelled}, {wren}}, 3) == Admissions{expelled});
    CHECK(combine({{expelled}, {expelled}, {wren}, {wren}}, 3).empty());
    CHECK(combine({{expelled}, {}, {}}, 3).empty());
    CHECK(combine({{lost}, {lost}, {lost}, {}}, 3) == Admissions{lost});
    CHECK(combine({{lost}, {lost}, {}, {}}, 3).empty());
    CHECK(combine({{lost}, {wren}, {wren}}, 3) == Admissions{wren});
    for (const auto& each : {wren, expelled, lost})
        CHECK(parse_admissions(encode(Admissions{each})) == Admissions{each});
    const auto refused = [](Admission bad) {
        return !parse_admissions(encode(Admissions{std::move(bad)}));
    };
    auto bad = expelled;
    bad.unreachable = true;
    CHECK(refused(bad));
    bad = expelled;
    bad.operator_name = "alice";
    CHECK(refused(bad));
    bad = expelled;
    bad.family = "birds";
    CHECK(refused(bad));
    bad = expelled;
    bad.capacity = 2;
    CHECK(refused(bad));
    bad = lost;
    bad.unreachable = false;
    CHECK(refused(bad));
    bad.standing = static_cast<Standing>(3);
    CHECK(refused(bad));
}
