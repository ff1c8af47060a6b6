#include "relay/authority/core/layers.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <map>
#include <set>

#include "sphinx/base/random.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority::core;

namespace {

PlacedGroup new_group(base::Random& random, std::uint32_t epoch) {
    return {random.id<base::NodeId>(), 1 + random.below(20), {epoch}, 0};
}

std::vector<PlacedGroup> new_groups(base::Random& random, std::size_t count) {
    std::vector<PlacedGroup> groups;
    while (groups.size() < count)
        groups.push_back(new_group(random, static_cast<std::uint32_t>(random.below(50))));
    return groups;
}

Randomness drawn(base::Random& random) {
    Randomness bytes;
    random.fill(bytes);
    return bytes;
}

void check_balance(const std::vector<PlacedGroup>& groups) {
    const auto capacities = layer_capacities(groups);
    const auto even = static_cast<double>(capacities[0] + capacities[1] + capacities[2]) / 3;
    for (const auto capacity : capacities) {
        CHECK(static_cast<double>(capacity) >= 0.9 * even);
        CHECK(static_cast<double>(capacity) <= 1.1 * even);
    }
}

std::map<base::NodeId, std::uint8_t> layers_of(const std::vector<PlacedGroup>& groups) {
    std::map<base::NodeId, std::uint8_t> layers;
    for (const auto& group : groups)
        layers[group.id] = group.layer;
    return layers;
}

/// A day's churn: a part of the groups leaves and as many come.
void churn(std::vector<PlacedGroup>& groups, base::Random& random, std::size_t count,
           std::uint32_t epoch) {
    random.shuffle(groups);
    groups.resize(groups.size() - count);
    for (std::size_t i = 0; i < count; ++i)
        groups.push_back(new_group(random, epoch));
}

}  // namespace

TEST_CASE("layers: each has a third of the capacity to a tenth, through any churn") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        base::SeededRandom random{seed};
        auto groups = new_groups(random, 60 + random.below(300));
        for (std::uint32_t epoch = 100; epoch < 130; ++epoch) {
            place(groups, drawn(random));
            check_balance(groups);
            churn(groups, random, random.below(groups.size() / 3), epoch);
        }
    }
}

TEST_CASE("layers: a few relays are spread as evenly as their capacities allow") {
    base::SeededRandom random{1};
    for (std::size_t count = 3; count <= 12; ++count)
        for (int times = 0; times < 20; ++times) {
            auto groups = new_groups(random, count);
            for (auto& group : groups)
                group.capacity = 1;
            place(groups, drawn(random));
            const auto capacities = layer_capacities(groups);
            CAPTURE(count);
            for (const auto capacity : capacities) {
                CHECK(capacity >= count / 3);
                CHECK(capacity <= (count + 2) / 3);
            }
        }
}

TEST_CASE("layers: the same set gives the same layers, whatever its order") {
    base::SeededRandom random{2};
    auto groups = new_groups(random, 100);
    place(groups, drawn(random));
    churn(groups, random, 20, 200);
    const auto randomness = drawn(random);
    auto first = groups;
    place(first, randomness);
    for (int times = 0; times < 10; ++times) {
        auto other = groups;
        random.shuffle(other);
        place(other, randomness);
        CHECK(layers_of(other) == layers_of(first));
    }
}

TEST_CASE("layers: a balanced network moves no relay, and without randomness new ones wait") {
    base::SeededRandom random{3};
    auto groups = new_groups(random, 100);
    place(groups, drawn(random));
    const auto before = layers_of(groups);
    for (int epoch = 0; epoch < 50; ++epoch)
        place(groups, drawn(random));
    CHECK(layers_of(groups) == before);
    groups.push_back(new_group(random, 300));
    groups.front().capacity = 10'000;
    place(groups, std::nullopt);
    CHECK(groups.back().layer == 0);
    groups.pop_back();
    CHECK(layers_of(groups) == before);
}

TEST_CASE("layers: the middle has the longest records, and a new relay never begins there") {
    base::SeededRandom random{4};
    auto groups = new_groups(random, 300);
    for (std::uint32_t epoch = 100; epoch < 160; ++epoch) {
        place(groups, drawn(random));
        std::uint32_t newest_middle = 0, oldest_outer = UINT32_MAX;
        for (const auto& group : groups) {
            if (group.layer == middle_layer)
                newest_middle = std::max(newest_middle, group.since.value);
            else
                oldest_outer = std::min(oldest_outer, group.since.value);
        }
        CHECK(newest_middle <= oldest_outer);
        churn(groups, random, 6, epoch);
    }
}

TEST_CASE("layers: when other relays leave, the middle gives its newest back") {
    base::SeededRandom random{7};
    auto groups = new_groups(random, 300);
    place(groups, drawn(random));
    std::size_t left = 0;
    std::erase_if(groups, [&left](const PlacedGroup& group) {
        return group.layer != middle_layer && ++left % 2 == 0;
    });
    const auto before = groups;
    place(groups, drawn(random));
    check_balance(groups);
    std::uint32_t newest_kept = 0, oldest_given = UINT32_MAX;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (before[i].layer != middle_layer) continue;
        if (groups[i].layer == middle_layer)
            newest_kept = std::max(newest_kept, groups[i].since.value);
        else
            oldest_given = std::min(oldest_given, groups[i].since.value);
    }
    CHECK(newest_kept <= oldest_given);
    CHECK(oldest_given != UINT32_MAX);
}

TEST_CASE("layers: where a new relay begins follows from the randomness alone") {
    base::SeededRandom random{5};
    auto groups = new_groups(random, 90);
    place(groups, drawn(random));
    int first = 0;
    const int times = 2000;
    for (int i = 0; i < times; ++i) {
        auto with = groups;
        with.push_back(new_group(random, 300));
        with.back().id.bytes.fill(7);  // whatever key an operator searches for
        with.back().capacity = 1;
        place(with, drawn(random));
        CHECK(with.back().layer != middle_layer);
        if (with.back().layer == 1) ++first;
    }
    CHECK(std::abs(first - times / 2) < 5 * 23);  // five deviations
}

TEST_CASE("layers: at 2 % churn a day hardly a relay changes its layer") {
    base::SeededRandom random{6};
    auto groups = new_groups(random, 300);
    place(groups, drawn(random));
    std::size_t moved = 0, stayed = 0;
    std::map<base::NodeId, std::set<std::uint8_t>> seen;
    for (std::uint32_t day = 100; day < 190; ++day) {
        churn(groups, random, 6, day);
        const auto before = layers_of(groups);
        place(groups, drawn(random));
        for (const auto& group : groups) {
            seen[group.id].insert(group.layer);
            if (before.at(group.id) == 0) continue;
            ++(before.at(group.id) == group.layer ? stayed : moved);
        }
    }
    std::size_t all_layers = 0;
    for (const auto& group : groups)
        if (seen[group.id].size() == 3) ++all_layers;
    const auto share = static_cast<double>(moved) / static_cast<double>(moved + stayed);
    std::printf(
        "2 %% churn a day: %.2f %% of the relays change their layer in a day; of 300 that "
        "are there after 90 days %zu were in all three\n",
        100 * share, all_layers);
    CHECK(share < 0.02);
    CHECK(all_layers <= 15);
}
