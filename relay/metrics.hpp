// What a relay tells Prometheus (docs/metrics.md). Every metric has a class: static facts are
// always shown, and say nothing of traffic; lab counters are exact, and only shown while the
// signed document says lab. No label names a peer, a client, a session or a destination.
//
// The only place that knows prometheus-cpp. I/O thread only.
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

/// What the relay is doing, as an operator reads it.
enum class State : std::uint8_t {
    starting,
    active,
    not_listed,        // the document in use does not list this relay, or lists other keys
    document_expired,  // and no newer one has come
    document_early,    // the clock fell back behind its beginning: no packet's key is in its time
    draining,
};
inline constexpr std::size_t state_count = 6;
inline constexpr std::array<const char*, state_count> state_names{
    "starting", "active", "not_listed", "document_expired", "document_early", "draining"};

/// Class S: nothing here changes with traffic.
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

/// Class L: exact. Only for a network whose signed document says lab.
struct LabFacts {
    Counters counters;
    base::Nanoseconds loop_round_trips{};  // sum over the loops that came back
    std::uint64_t unwrap_refused = 0;      // packets that found the workers' intake full
};

class Metrics {
 public:
    Metrics();
    ~Metrics();

    /// The text of one scrape. `lab` only while the signed document says so: a relay outside a lab
    /// passes nullptr, and the same facts then give the same bytes whatever traffic does.
    std::string text(const StaticFacts& facts, const LabFacts* lab);

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::relay
