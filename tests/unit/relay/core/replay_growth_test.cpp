// The sizes of a replay filter's parts after a restart with another rate.
#include <doctest/doctest.h>

#include <vector>

#include "relay/core/replay_filter.hpp"

using nightjar::relay::core::ReplayFilter;

namespace {

std::vector<std::size_t> all_parts(std::uint64_t packets, std::vector<std::size_t> sizes) {
    while (const auto next = ReplayFilter::next_part(packets, sizes))
        sizes.push_back(next);
    return sizes;
}

}  // namespace

TEST_CASE(
    "replay filter: no part is so small that it is full at once, whatever the rate was before") {
    constexpr std::uint64_t key_time = 3694;  // seconds
    for (const std::uint64_t rate : {500, 1'000, 2'000, 6'600, 20'000}) {
        const auto packets = rate * key_time;
        const auto least = ReplayFilter::bytes_for(packets) / 64;
        for (const std::uint64_t before : {rate / 2, rate * 19 / 20, rate, rate * 2, rate * 3}) {
            const auto made = all_parts(before * key_time, {});
            for (std::size_t count = 1; count <= made.size(); ++count) {
                const auto parts = all_parts(packets, {made.begin(), made.begin() + count});
                CAPTURE(rate);
                CAPTURE(before);
                for (std::size_t i = count; i < parts.size(); ++i)
                    CHECK(parts[i] >= least);
            }
        }
    }
}
