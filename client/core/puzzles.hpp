// Solves the puzzles of a client's sessions, a little with each slot (docs/decisions/0062). So how
// far a search has come depends on the slots alone: a solution says nothing about the machine, and
// no slot waits for one.
//
// The next shared session is likely to be at the exit of this one. So its id is drawn and its
// puzzle begun a session lifetime ahead.
//
// Pure; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "client/core/surb_supply.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"
#include "sphinx/stream/puzzle.hpp"

namespace nightjar::client::core {

/// Hashes a second for each puzzle that is not solved: 0.5 % of a core (virtual EPYC, 2026-11-29).
inline constexpr double tries_per_second = 25'000;
/// For one slot and puzzle at most: a millisecond.
inline constexpr double tries_max = 5'000;
std::uint32_t tries_per_slot(const directory::Parameters& parameters);

class Puzzles {
 public:
    /// Solves puzzles of so many bits from now on. Before, this object does nothing.
    void solve(unsigned bits) { bits_ = bits; }
    bool solves() const { return bits_ > 0; }

    /// Begins the puzzle of a new session at this exit. Returns the id that it must have: the one
    /// that prepare() has drawn, else `fresh`.
    base::SessionId begin(SessionHandle session, const base::NodeId& exit,
                          const base::SessionId& fresh, base::Wall now);
    /// Begins the puzzle of the session that will be next at this exit. It replaces another such.
    void prepare(const base::NodeId& exit, base::Random& random, base::Wall now);
    struct Solved {
        SessionHandle session = 0;
        stream::Solution solution{};
    };
    /// Tries so many strings for each puzzle, so that no session's solution depends on other
    /// sessions. Returns those that are solved now, each once.
    std::vector<Solved> step(std::uint32_t tries);
    /// The session has ended.
    void ended(SessionHandle session);

 private:
    struct OfSession {
        SessionHandle session;
        stream::PuzzleSearch search;
    };
    unsigned bits_ = 0;
    std::vector<OfSession> sessions_;            // not solved yet; one for each session at most
    std::optional<stream::PuzzleSearch> ahead_;  // for the next shared session
};

}  // namespace nightjar::client::core
