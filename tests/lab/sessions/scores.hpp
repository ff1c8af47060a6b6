// Compares every session with every client, and sessions at two exits with each other, over whole
// sessions (spectral_score.hpp). Pure.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "sphinx/directory/parameters.hpp"
#include "tests/lab/sessions/flows.hpp"
#include "tests/lab/sessions/spectral_score.hpp"

namespace nightjar::lab::sessions {

inline constexpr const char* exit_and_link = "exit and link";
inline constexpr const char* exit_and_gateway = "exit and gateway";
inline constexpr const char* two_exits = "two exits";
/// The same adversary, if it learns how clients share out their slots (two_exits.hpp).
inline constexpr const char* two_exits_fitted = "two exits, fitted";
inline constexpr const char* two_exits_counts = "two exits, by counts";
/// In place of a kind of session: both sessions of a client that are at one exit.
inline constexpr const char* both_sessions = "both";

/// The log-likelihood ratios of one question.
struct Compared {
    std::vector<double> own;      // of the right answers
    std::vector<double> foreign;  // of the wrong ones
    double right = 0;             // sessions whose own client has the best score; ties in part
    double expected = 0;          // sum over sessions of the AUC that the model expects
    std::size_t of = 0;           // clients that a session is compared with
};
/// By adversary, kind of session (its share of the client's slots), and the segments that it has
/// watched.
using SessionScores = std::map<std::tuple<std::string, std::string, std::size_t>, Compared>;

/// Watches `segments` segments from `begin` (ms) on. Sessions of `law`, and all clients of the
/// network.
SessionScores score_sessions(const std::vector<ClientFlow>& clients,
                             const std::vector<SessionFlow>& sessions, std::uint32_t begin,
                             std::size_t segments, const directory::Parameters& law);

}  // namespace nightjar::lab::sessions
