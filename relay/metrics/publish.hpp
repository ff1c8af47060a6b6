// What one window publishes of a relay: rounded counts with noise, and what follows from those
// (docs/metrics.md R2). Noise is drawn once per window for each traffic fact; everything else about
// the same fact is derived from the noised value, because two draws could be averaged. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "relay/core/counters.hpp"
#include "relay/metrics/declarations.hpp"
#include "relay/metrics/discrete_laplace.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::metrics {

/// What had no room. `flood`: a listed relay far above the law, whose link was closed. Clients do
/// not count: any stranger could keep the alert alive.
enum class Overload : std::uint8_t { descriptors, intake, replay_filter, flood };
inline constexpr std::size_t overload_count = 4;
inline constexpr std::array<const char*, overload_count> overload_names{"descriptors", "intake",
                                                                        "replay_filter", "flood"};

/// What has become of a handshake: the links that came and those that the relay has dialled.
enum class Handshake : std::uint8_t {
    made,
    refused,      // its source comes too often, or no place was left for it
    unreachable,  // no connection to a next relay
    tls,          // no TLS, another protocol or another key
    hello,        // another network, version or role
    timed_out,
    other,
};
inline constexpr std::size_t handshake_count = 7;
inline constexpr std::array<const char*, handshake_count> handshake_names{
    "made", "refused", "unreachable", "tls", "hello", "timed_out", "other"};
using Handshakes = std::array<std::uint64_t, handshake_count>;

/// Exact counts since the process started, frozen at the end of a window. Never published.
struct Totals {
    std::uint64_t packets_in = 0;
    std::array<std::uint64_t, core::drop_reason_count> dropped{};
    Handshakes handshakes{};
    std::uint64_t loops_returned = 0;
    std::uint64_t loops_failed = 0;  // lost, or came back changed
    core::RoundTripCounts round_trips;
    base::Milliseconds cpu{};
    std::uint64_t directory_failures = 0;
    std::uint64_t bugs = 0;
    std::array<std::uint64_t, overload_count> overloads{};
    // These are of the moment.
    std::uint64_t resident_bytes = 0;
    std::uint64_t open_files = 0;
    std::size_t next_relays = 0;
    std::size_t next_relays_up = 0;
};

struct Published {
    base::Wall end{};
    base::Seconds length{};
    std::uint64_t packets_in = 0;
    std::uint64_t packets_out = 0;
    /// Of a reason that has at least `reason_least`; the others are in dropped_other.
    std::array<std::optional<std::uint64_t>, core::drop_reason_count> dropped{};
    std::uint64_t dropped_other = 0;
    Handshakes handshakes{};
    std::uint64_t cpu_seconds = 0;
    std::uint32_t capacity_percent = 0;
    std::optional<std::uint32_t> loop_success_percent;  // nullopt: no loop ended
    std::optional<base::Nanoseconds> round_trip_p50;    // nullopt: no loop came back
    std::optional<base::Nanoseconds> round_trip_p95;
    std::optional<std::uint32_t> peers_percent;  // nullopt: it dials no relay
    std::uint64_t directory_failures = 0;
    std::uint64_t resident_bytes = 0;
    std::uint64_t open_files = 0;
};

/// Below this noised count a reason is not shown, so that an attacker has to burn more than a
/// thousand packets for one bit (R6).
inline constexpr std::uint64_t reason_least = 1024;

/// What a relay's operator has set, and its network.
struct Terms {
    base::Seconds window = standard_window;  // as aligned_window() returns it
    std::uint64_t packets_per_second = 1;    // for which the relay is made
};

/// Quantum and sensitivity of a noised metric. With windows shorter than `window_least`, which only
/// a lab has, both shrink with the window.
struct Grain {
    std::uint64_t quantum;
    std::uint64_t sensitivity;

    LaplaceScale scale() const { return {sensitivity * epsilon_denominator, epsilon_numerator}; }
};
Grain grain(const Declaration& metric, base::Seconds window);

/// The next multiple of the quantum above the count, so that nothing and one thing look alike, plus
/// one draw of noise; not below 0.
std::uint64_t with_noise(std::uint64_t count, Grain grain, base::Random& random);

/// `begin` and `end` are the totals at the window's ends, which was `length` long. Draws the same
/// number of noise values whatever the counts are.
Published publish(const Totals& begin, const Totals& end, base::Wall ended, base::Seconds length,
                  const Terms& terms, base::Random& random);

}  // namespace nightjar::relay::metrics
