// Networks whose packets an attacker tags, drops or sends twice on their way, and what an observer
// of every wire then sees: what tagging.cpp judges. The same seed and the same attack give the same
// run.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "sphinx/base/time.hpp"
#include "tests/simulation/world.hpp"

namespace nightjar::privacy {

/// What an observer of every wire sees.
struct SeenCell {
    base::Mono at;
    std::size_t from = 0;
    std::size_t to = 0;
    bool client_link = false;
    auto operator<=>(const SeenCell&) const = default;
};
using SeenCells = std::vector<SeenCell>;
using Hand = std::function<void(simulation::OnWire&)>;

/// Cells that are in one of the two and not in the other.
std::size_t differing(SeenCells a, SeenCells b);
SeenCells only(const SeenCells& trace, const std::function<bool(const SeenCell&)>& which);

// --- every packet, with cryptography ---

struct RealRun {
    SeenCells trace;
    std::size_t touched = 0;  // packets that the attacker's hands were on
};
/// Relays and a sender of loops and of messages to an exit. Nobody's hand: a calm run.
RealRun real_run(std::uint64_t seed, base::Seconds length, const Hand& hand);

// --- clients and their sessions, in clear ---

struct AttackedClients {
    SeenCells trace;
    std::size_t gateway = 0;  // of the first client
    std::size_t exit = 0;     // of its session
    std::size_t touched = 0;  // cells that the attacker's hands were on
    base::Mono attack_at;
    base::Mono first_end = base::Mono::max();  // when an attacked packet's route first ends
};

enum class Whose { nobodys, loops, session_some, session_all };
enum class What { tagged, dropped, twice };
/// Of all packets through relays, which are attacked, and how.
struct TagAttack {
    const char* name;
    Whose whose;
    What what;
};

constexpr double warm_up_s = 10;
constexpr double attack_s = 20;
constexpr unsigned one_in = 20;  // of a session's packets, for session_some

/// Two clients, the first of which downloads for attack_s, after warm_up_s in peace.
AttackedClients run_attacked(std::uint64_t seed, const TagAttack& attack);

}  // namespace nightjar::privacy
