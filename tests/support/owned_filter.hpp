// A replay filter that owns its memory, because a relay in a test has no tmpfs.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "relay/core/replay_filter.hpp"

namespace nightjar::test {

/// A separate base class, so that the memory is constructed before the filter that uses it.
struct FilterLines {
    struct alignas(relay::core::ReplayFilter::line_size) Line {
        std::array<std::uint8_t, relay::core::ReplayFilter::line_size> bytes{};
    };
    std::vector<Line> lines;
};

class OwnedFilter final : private FilterLines, public relay::core::ReplayFilter {
 public:
    explicit OwnedFilter(std::uint64_t packets = 10'000)
        : FilterLines{std::vector<Line>(relay::core::ReplayFilter::bytes_for(packets) /
                                        sizeof(Line))},
          relay::core::ReplayFilter{
              {reinterpret_cast<std::uint8_t*>(lines.data()), lines.size() * sizeof(Line)}} {}
};

}  // namespace nightjar::test
