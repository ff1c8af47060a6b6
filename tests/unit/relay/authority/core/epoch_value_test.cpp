// The form of the value on which authorities agree.
#include "relay/authority/core/epoch_value.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/relay/authority/core/network_of_values.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority::core;
using test::values::Network;

TEST_CASE("epoch value: the form has one encoding, and each rule of it refuses") {
    Network network{4};
    network.step();
    const auto sound = *parse_epoch_value(network.rules().build());
    const auto parses = [](const EpochValue& value) {
        const auto parsed = parse_epoch_value(encode(value));
        if (parsed) CHECK(*parsed == value);
        return parsed.has_value();
    };
    CHECK(parses(sound));
    CHECK(sound.lists.size() == 1);
    const auto bytes = encode(sound);
    for (std::size_t size = 0; size < bytes.size(); size += 7)
        CHECK_FALSE(parse_epoch_value(base::ByteView{bytes}.first(size)));
    auto value = sound;
    std::swap(value.reveals[0], value.reveals[1]);
    CHECK_FALSE(parses(value));
    value = sound;
    value.commitments[1] = value.commitments[0];
    CHECK_FALSE(parses(value));
    value = sound;
    std::swap(value.descriptors[0], value.descriptors[1]);
    CHECK_FALSE(parses(value));
    value = sound;
    value.descriptors[0].clear();
    CHECK_FALSE(parses(value));
    value = sound;
    value.lists.push_back({});  // no listing names it
    std::sort(value.lists.begin(), value.lists.end(), [](const auto& a, const auto& b) {
        return value_id(encode(a)) < value_id(encode(b));
    });
    CHECK_FALSE(parses(value));
    std::swap(value.listings[0].list, value.listings[1].list);
    value.listings[0].list = value_id(encode(Admissions{}));
    CHECK(parses(value));
    std::swap(value.lists[0], value.lists[1]);
    CHECK_FALSE(parses(value));
    value = sound;
    std::swap(value.listings[0], value.listings[1]);
    CHECK_FALSE(parses(value));
    value = sound;
    value.descriptors = {std::string(directory::descriptor_size_max, 'a')};
    CHECK(parses(value));
    value.descriptors[0] += 'a';
    CHECK_FALSE(parses(value));
    value.descriptors.clear();
    for (std::size_t i = 0; i <= descriptors_max; ++i)
        value.descriptors.push_back(std::to_string(10'000 + i));
    CHECK_FALSE(parses(value));
    value.descriptors.pop_back();
    CHECK(parses(value));
}
