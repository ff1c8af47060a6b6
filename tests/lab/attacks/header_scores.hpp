// Attacks by what a header says: how well a session's headers fit a client's link, or what the
// client's gateway delivers. A larger score is a better fit. Pure.
#pragma once

#include <functional>
#include <optional>

#include "tests/lab/attacks/flow_score.hpp"
#include "tests/lab/attacks/header_reads.hpp"

namespace nightjar::lab::attacks {

/// The packets that a score looks at: `count` consecutive ones in the order of slots.
using Reads = std::span<const HeaderRead>;

/// The lattice of send times on a client's link, for the fit of stamps. Times are on the
/// laboratory's ticks of 1 ms.
class SlotTimes {
 public:
    explicit SlotTimes(const Times& up);
    const std::vector<int>& ms() const { return ms_; }
    /// Squared distance to the nearest slot in ms, at most `capped`.
    float off(double at) const;
    static constexpr float capped = 2.25;

 private:
    std::vector<int> ms_;
    std::vector<float> off_;  // at every half millisecond
};

/// By send times: the best fit over all values of the unknown constant that the arrivals allow.
/// Empty if the headers hold no stamps, or stamps of several schedules.
std::optional<double> stamp_score(const SlotTimes& slots, Reads reads, const Route& route);

/// By packet numbers: the log-likelihood of the arrivals, given that blocks of `block` numbers are
/// in the order of slots. With blocks of one the score sums over all ways in which slots between
/// two packets may be loops or go to no session. With longer blocks each packet is at a uniform
/// slot of its block's. The mean latency is known. Empty if the link was not observed for long
/// enough.
std::optional<double> number_score(const SlotTimes& slots, Reads reads, const Route& route,
                                   stream::PacketNumber block);

/// The replies that arrived right before a packet's slot, as the packet reports them.
using ReplySignal = std::function<double(const HeaderRead&)>;
/// The lags from a slot to the deliveries that its packet reports, in seconds.
struct Lags {
    double from, to, step;
};
/// By replies: the largest correlation of what ten packets in a row tell with the number of
/// deliveries in their time, over `lags`. The slots' times are estimated from their neighbours'
/// arrivals.
/// `delivered`: when the client's gateway sent each delivery.
std::optional<double> reply_score(const Times& delivered, Reads reads, const Route& route,
                                  const ReplySignal& signal, const Lags& lags);

}  // namespace nightjar::lab::attacks
