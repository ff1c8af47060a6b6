// The metrics that a relay exports to Prometheus (docs/metrics.md). Every metric has a class.
// Static facts are always exported and reveal nothing about traffic. Lab counters are exact, and
// exported only while the signed document says lab. No label names a peer, a client, a session or a
// destination.
//
// The only part that uses prometheus-cpp. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "relay/core/counters.hpp"
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
    std::uint64_t max_fds = 0;
    core::LoopFacts loops;  // shown with the hour alone
};

/// Returns the text of one scrape. Pass `lab` only while the signed document says lab. A relay
/// outside a lab passes nullptr; then the same facts give the same bytes, whatever the traffic.
std::string metrics_text(const StaticFacts& fixed, const core::LabFacts* lab);

}  // namespace nightjar::relay::operation
