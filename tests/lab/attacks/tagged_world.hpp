// Networks in which an attacker tags, drops or duplicates packets on the wire, and what an observer
// of every wire then sees. tagging.cpp evaluates it. The same seed and attack give the same run.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "sphinx/base/time.hpp"
#include "tests/lab/world/world.hpp"

namespace nightjar::lab::attacks {

/// What an observer of every wire sees.
struct SeenCell {
    base::Mono at;
    std::size_t from = 0;
    std::size_t to = 0;
    bool client_link = false;
    auto operator<=>(const SeenCell&) const = default;
};
using SeenCells = std::vector<SeenCell>;
using Hand = std::function<void(lab::world::OnWire&)>;

/// The number of cells that are in only one of the two traces.
std::size_t differing(SeenCells a, SeenCells b);
SeenCells only(const SeenCells& trace, const std::function<bool(const SeenCell&)>& which);

// --- attacks on every packet, with real packets ---

struct RealRun {
    SeenCells trace;
    std::size_t touched = 0;  // packets that the attacker has modified
};
/// Runs relays and one sender of loops and of messages to an exit. An empty `hand` is no attack.
RealRun real_run(std::uint64_t seed, base::Seconds length, const Hand& hand);

// --- attacks on clients and their sessions, with packets in clear ---

struct AttackedClients {
    SeenCells trace;
    std::size_t gateway = 0;  // the first client's gateway
    std::size_t exit = 0;     // the exit of its session
    std::size_t touched = 0;  // cells that the attacker has modified
    base::Mono attack_at;
    base::Mono first_end = base::Mono::max();  // when the first attacked packet's route ends
};

enum class Whose { nobodys, loops, session_some, session_all };
/// `answered` is `tagged` in a network that is broken: a relay at which a tagged packet ends sends
/// one packet too many.
enum class What { tagged, dropped, twice, answered };
/// Which packets are attacked, and how.
struct TagAttack {
    const char* name;
    Whose whose;
    What what;
};

constexpr double warm_up_s = 10;
constexpr double attack_s = 20;
constexpr unsigned one_in = 20;  // session_some attacks one in so many of a session's packets

/// Runs two clients. After warm_up_s without an attack, the first one downloads for attack_s.
AttackedClients run_attacked(std::uint64_t seed, const TagAttack& attack);

}  // namespace nightjar::lab::attacks
