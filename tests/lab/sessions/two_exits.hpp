// Attacks of two exits that know no law of how a client shares out its slots. They learn it from
// other clients: half of the clients is fitted, the other half is scored, and the other way round.
//
//   by spectra  how the counts of a client's two sessions go together, frequency by frequency
//   by counts   where a session's packets lie in its beat: a session that keeps a fixed count of
//               its client's slots shows their phase
// Pure.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

#include "tests/lab/sessions/flows.hpp"
#include "tests/lab/sessions/spectral_score.hpp"

namespace nightjar::lab::sessions {

/// One client's two sessions, as two exits see them.
struct SessionPair {
    const SessionFlow* first = nullptr;
    const SessionFlow* second = nullptr;
};
/// [i][j]: the score of the first session of client i with the second session of client j. Clients
/// of different halves are not compared: their scores are empty.
using PairScores = std::vector<std::vector<double>>;
inline bool same_half(std::size_t i, std::size_t j) {
    return i % 2 == j % 2;
}

class CrossSpectra {
 public:
    /// Adds one segment: the spectra of each client's two sessions.
    void add(const std::vector<Spectrum>& first, const std::vector<Spectrum>& second);
    /// The log-likelihood ratios of all segments, under Gaussian noise with the fitted spectra.
    PairScores scores() const;

 private:
    using Values = std::vector<std::complex<float>>;
    std::vector<std::vector<Values>> first_, second_;  // by segment and client
};

/// Over [begin, end) in ms.
PairScores score_by_counts(const std::vector<SessionPair>& pairs, double begin, double end);

}  // namespace nightjar::lab::sessions
