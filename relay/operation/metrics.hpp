// The text of a scrape (docs/metrics.md). relay/metrics declares each metric and decides what a
// window publishes; this file only finds the value of each declared metric. No label names a peer,
// a client, a session or a destination.
//
// The only part that uses prometheus-cpp. Pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "relay/core/counters.hpp"
#include "relay/metrics/publish.hpp"
#include "relay/operation/self_test.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::operation {

/// Class S: these values do not change with traffic.
struct StaticFacts {
    std::string version;
    core::State state = core::State::starting;
    bool lab = false;
    bool version_recommended = true;
    base::Epoch epoch;
    base::Wall process_start{};
    base::Wall directory_valid_until{};
    base::Wall mix_key_expiry{};  // of the newest key that this relay has made
    base::Wall config_last_reload_success{};
    bool config_last_reload_successful = true;
    base::Nanoseconds expected_loop_rtt{};
    /// By the median of the authorities' clocks. nullopt: none of them has said the time.
    std::optional<base::Milliseconds> clock_ahead;
    SelfTest self_test;  // at the start
    std::uint64_t max_fds = 0;
    core::LoopFacts loops;  // shown with the hour alone
    bool conflict = false;  // two valid documents of one epoch have come
};

/// Class W: what the last window has published.
struct WindowFacts {
    base::Seconds length{};                       // of a window, as it is set
    std::optional<metrics::Published> published;  // nullopt: no whole window has ended
    std::uint64_t bugs = 0;                       // at the end of the last window
    std::array<base::Wall, metrics::overload_count> overloads{};
};

/// Returns the text of one scrape. Pass `lab` only while the signed document says lab. A relay
/// outside a lab passes nullptr; then the same facts give the same bytes, whatever the traffic.
std::string metrics_text(const StaticFacts& fixed, const WindowFacts& windows,
                         const core::LabFacts* lab);

}  // namespace nightjar::relay::operation
