// Reads an observation of the running product (deploy/demo --lab) and compares it with the
// simulation. A capture is a file of JSON lines. The first line describes the network:
//   {"observer": "tshark", "mixes": 2, "gateways": 2, "mean_delay_ms": 50, "main_slots": 50,
//    "client_loops": 5, "replies": 45, "down": 60, "relay_loops": 15}   rates: events per second
// Each further line is one second of a window in which the one client was idle or busy:
//   {"window": 0, "busy": true, "up": [0.012, ...], "down": [...], "links": [51, 3, ...]}
// up, down: the times of the cells on the client's link, in seconds from the slice's begin. links:
// the number of cells on each other link and direction, in the same order in the whole file.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <span>
#include <string>
#include <vector>

#include "sphinx/directory/parameters.hpp"
#include "tests/lab/attacks/features.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::experiments {

inline constexpr double slice_seconds = 1;
/// 99 % of a normal distribution lie within this many deviations.
inline constexpr double agreement_deviations = 2.58;

struct Slice {
    std::uint64_t window = 0;  // slices of one window are not independent
    bool busy = false;
    attacks::Times up{};    // seconds from the slice's begin
    attacks::Times down{};  // likewise
    std::vector<double> links{};
};

/// A capture's description of its network, from which the same network can be simulated.
struct Observed {
    bool every_link = false;  // tshark saw every link; else the recorder saw the gateways' links
    unsigned mixes = 0;       // in each layer
    unsigned gateways = 0;
    directory::Parameters parameters;
};

struct Capture {
    Observed observed;
    std::vector<Slice> slices;
    unsigned windows = 0;
};

/// Throws std::runtime_error, one line with the file and the line number, if the file does not have
/// the format above. Guarantees: each window is idle or busy as a whole, both kinds exist among the
/// even and among the odd windows, and all slices have the same number of links.
Capture read_capture(const std::string& file);
Capture read_capture(std::istream& lines, const std::string& name);

/// The features of a slice: the shape of both directions of the client's link in bins of a quarter
/// of a second, and the number of cells on each other link. The same for captures and simulations.
attacks::Row slice_features(const Slice& slice);
/// The slices without every `one_in`th cell of the client's link in busy windows, counted per
/// direction over all slices. Stands for a client that is slower than the traffic law demands.
std::vector<Slice> thinned_when_busy(std::vector<Slice> slices, unsigned one_in);

/// What slices show of whether the client was busy.
struct Shown {
    // Cells of the client's link in a window: the mean of the busy ones less that of the idle ones.
    double up = 0;
    double down = 0;
    // How well idle and busy slices can be distinguished. The classifier for each window is trained
    // on the windows of the other parity. The deviation is the larger of two: the bootstrap's over
    // windows, and that of the AUC when the labels idle and busy are drawn anew. With few windows
    // the bootstrap alone is too small: it ignores that other windows would train another
    // classifier.
    measure::Bound auc{};
    // The share of relabellings whose AUC is at least as large, the real labels among them: a
    // p-value, of a permutation test.
    double chance = 1;
};
Shown judge(std::span<const Slice> slices, base::Random& random);

/// How far the means of Shown may lie apart: a hundredth of the cells that the traffic law sends in
/// a window. Its
/// counts are exact to two cells in each window, and a mean over windows to less.
struct CountLimits {
    double up = 0;
    double down = 0;
};
CountLimits count_limits(const directory::Parameters& parameters, double window_seconds);
/// In one of a hundred runs `chance` is smaller than this although busy and idle do not differ.
inline constexpr double chance_least = 0.01;
/// Whether nothing is shown: both counts within their limits, and chance at least its least.
bool nothing_shown(const Shown& shown, const CountLimits& limits);

/// The difference of two AUCs in its deviations: |a - b| / sqrt(sa^2 + sb^2), s as in judge(). They
/// agree if it is at most `agreement_deviations`. Equal AUCs are 0 apart.
double deviations_apart(const measure::Bound& a, const measure::Bound& b);

/// Simulates windows of the same network in virtual time, one world per window. Half of them are
/// busy with a download or an upload for their whole length. They begin ten seconds after the
/// client has connected.
std::vector<Slice> simulate_slices(const Observed& observed, std::uint64_t first_seed,
                                   unsigned windows, unsigned slices_each,
                                   const std::function<void(unsigned done)>& progress = {});

}  // namespace nightjar::lab::experiments
