// A bad gateway, or a bad mix behind it, drops packets of a client. A bad exit that works with it
// knows when, and looks for a session that shows the gap.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::attacks {

enum class Way { up, down };  // packets to the exit, or replies

/// Which session the bad exit has: the only one of a client in its first hour, or one of the two
/// that it has ever after. Both are at one exit for most of the time; then it may know that they
/// are one client's, and adds up what they show.
enum class Seat { alone, main, lingering, both };

struct DropOptions {
    std::uint64_t seed = 1;
    Way way = Way::up;
    unsigned dropped = 1;  // packets in a row, from the moment of the attack
    double loss = 0;       // share of all packets, each way, that is lost anyway
    double seconds = 0;    // length of the attack; one every 2 * drop_every_s
};
inline constexpr double drop_every_s = 14;

/// What the exit reads of one session at moments at which its client's packets were dropped
/// (Observation::busy), and at as many other moments. Each is a row of features:
///   holes  numbers without a packet in the blocks of 64 that were in use then; for replies:
///   replies
///          of that moment that no packet acknowledges
///   step   packets missing in time: those that arrived after the moment, beside those before it,
///          in windows of each of step_spans_s
///   dip    SURBs missing from then until the client sends more
inline constexpr double step_spans_s[] = {0.3, 1, 3, 6};
inline constexpr const char* drop_features[] = {"holes",  "step_0", "step_1",
                                                "step_3", "step_6", "dip"};
/// One client is attacked, and each seat sees it. Returns them in the order of `seats`.
/// Precondition: `seats` is Seat::alone, or does not have it.
std::vector<std::vector<measure::Observation>> drop_observations(const DropOptions& options,
                                                                 std::span<const Seat> seats);

/// The seconds from the attack until the client's own watch says that loops are missing. Empty if
/// it does not within a minute.
std::optional<double> noticed_after(const DropOptions& options);

}  // namespace nightjar::lab::attacks
