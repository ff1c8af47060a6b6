// The metrics that a relay exports to Prometheus (docs/metrics.md). Every metric has a class.
// Static facts are always exported and reveal nothing about traffic. Lab counters are exact, and
// exported only while the signed document says lab. No label names a peer, a client, a session or a
// destination.
//
// The only part that uses prometheus-cpp. I/O thread only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "relay/counters.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay {

/// The state of the relay, as shown to the operator.
enum class State : std::uint8_t {
    starting,
    active,
    not_listed,        // the document in use does not list this relay, or lists other keys of it
    document_expired,  // and no newer one has been found
    document_early,    // the clock was set back to before the document begins: no key is accepted
    draining,
};
inline constexpr std::size_t state_count = 6;
inline constexpr std::array<const char*, state_count> state_names{
    "starting", "active", "not_listed", "document_expired", "document_early", "draining"};

/// Class S: these values do not change with traffic.
struct StaticFacts {
    std::string version;
    State state = State::starting;
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
};

/// Class L: exact values. Exported only in a network whose signed document says lab.
struct LabFacts {
    Counters counters;
    base::Nanoseconds loop_round_trips{};  // sum over the loops that returned
    std::uint64_t unwrap_refused = 0;      // packets refused because the workers' intake was full
};

class Metrics {
 public:
    Metrics();
    ~Metrics();

    /// Returns the text of one scrape. Pass `lab` only while the signed document says lab. A relay
    /// outside a lab passes nullptr; then the same facts give the same bytes, whatever the traffic.
    std::string text(const StaticFacts& facts, const LabFacts* lab);

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::relay
