// Access lines that stall or break at times, and a score that finds whose line it was. An observer
// of a client's line sees each stall. The other end's counts of events may follow it: by a pause,
// by a burst behind it, or not at all. The score does not know how. It learns the mean response
// from half of the clients, and scores the other half's by it.
//
//   Stalls stalls{line, options};              // before the crowd is made: it takes `tamper`
//   Crowd crowd{options}; crowd.run();
//   const auto scores = score_by_stalls(stalls, flows, seconds);
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tests/lab/attacks/crowd.hpp"

namespace nightjar::lab::sessions {

struct Line {
    const char* name;
    double every = 0;  // seconds from one stall's end to the next one's begin, on average
    double lasts = 0;  // seconds
    bool cut = false;  // cells of that time are lost; else they arrive together at its end
};

/// When each client's line stalls. Drawn; both directions at once.
class Stalls {
 public:
    /// Precondition: `options` has no `tamper`. This object must outlive the crowd.
    Stalls(const Line& line, attacks::CrowdOptions& options);

    const Line& line() const { return line_; }
    /// The begin of each stall of this client, in seconds.
    const std::vector<double>& begins(std::size_t client) const { return begins_.at(client); }
    std::size_t clients() const { return begins_.size(); }

 private:
    void meddle(lab::world::OnWire& cell) const;

    Line line_;
    std::size_t relays_;
    std::vector<std::vector<double>> begins_;
};

/// What an adversary has of one client's session or stream at the other end.
struct FarEnd {
    unsigned client = 0;  // the truth
    const attacks::Times* times = nullptr;
};

struct StallScores {
    std::vector<double> own, foreign;
    std::size_t right = 0;  // far ends whose own client has the highest score of all
};

/// Compares each far end with the stalls of every client, from `from` to `to` seconds.
StallScores score_by_stalls(const Stalls& stalls, const std::vector<FarEnd>& ends, double from,
                            double to);

}  // namespace nightjar::lab::sessions
