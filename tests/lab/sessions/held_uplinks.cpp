#include "tests/lab/sessions/held_uplinks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "sphinx/base/loss_watch.hpp"
#include "tests/lab/world/clear_packet.hpp"

namespace nightjar::lab::sessions {
namespace {

constexpr double settled = 12;  // seconds: the first session is open
constexpr double apart = 6;     // from one hold's end to the next one's begin, and as much again
// The exit's counts around a hold.
constexpr double bin = 0.05;    // seconds
constexpr double before = 0.2;  // from before the hold's begin
constexpr double behind = 1;    // to so long after its end
// The client's loops.
constexpr double time_bin = 0.02, longest = 4;  // seconds of a loop's round trip
constexpr double step = 0.02;                   // moments at which a hold may begin
constexpr double block = 1;                     // one hold in so long counts once

std::size_t bin_of(double time) {
    return static_cast<std::size_t>(std::clamp(time, 0.0, longest - time_bin) / time_bin);
}

std::vector<double> counts_around(const attacks::Trace& trace, double begin, double lasts) {
    const auto from = begin - before;
    std::vector<double> counts(static_cast<std::size_t>((before + lasts + behind) / bin));
    const auto first = std::lower_bound(
        trace.at_exit.begin(), trace.at_exit.end(), from,
        [](const attacks::Trace::AtExit& packet, double at) { return packet.at < at; });
    for (auto packet = first; packet != trace.at_exit.end(); ++packet) {
        const auto place = (packet->at - from) / bin;
        if (place >= static_cast<double>(counts.size())) break;
        ++counts[static_cast<std::size_t>(place)];
    }
    return counts;
}

}  // namespace

HeldUplinks::HeldUplinks(double lasts, attacks::CrowdOptions& options)
    : lasts_{lasts},
      seconds_{options.seconds},
      relays_{std::size_t{options.network.layers} * options.network.mixes_per_layer +
              options.network.gateways},
      begins_(options.clients),
      loops_(options.clients) {
    base::SeededRandom random{options.seed + 31};
    for (std::size_t client = 0; client < begins_.size(); ++client) {
        if (!held(client)) {
            begins_[client] = begins_[client - 1];
            continue;
        }
        auto at = settled + apart * random.unit();
        for (; at + lasts + 2 * apart < seconds_; at += lasts + apart * (1 + random.unit()))
            begins_[client].push_back(at);
    }
    options.tamper = [this](lab::world::OnWire& cell) { meddle(cell); };
    options.seen = [this](const lab::world::OnWire& cell) { see(cell); };
}

void HeldUplinks::meddle(lab::world::OnWire& cell) const {
    if (cell.from_number < relays_ || !held(cell.from_number - relays_)) return;
    const auto& begins = begins_[cell.from_number - relays_];
    const auto at = base::to_seconds(cell.sent - lab::world::World::begin);
    const auto next = std::upper_bound(begins.begin(), begins.end(), at);
    if (next == begins.begin()) return;
    const auto left = *(next - 1) + lasts_ - at;
    if (left > 0) cell.held_back = base::from_seconds(left);
}

void HeldUplinks::see(const lab::world::OnWire& cell) {
    const auto at = base::to_seconds(cell.sent - lab::world::World::begin);
    if (cell.cell.kind() != cell::Kind::packet) return;
    if (cell.from_number >= relays_) {
        const auto identifier = lab::world::read_clear(cell.cell.body()).identifier;
        if (!identifier.is_zero()) under_way_[identifier] = {cell.from_number - relays_, at};
    } else if (cell.to_number >= relays_) {
        const auto body = base::ByteView{cell.cell.body()};
        const auto found = under_way_.find(*base::SurbId::from(body.first(base::SurbId::size())));
        if (found == under_way_.end()) return;
        const auto [client, sent] = found->second;
        loops_[client].push_back({sent, at - sent});
        under_way_.erase(found);
    }
}

std::size_t HeldUplinks::holds() const {
    std::size_t sum = 0;
    for (std::size_t client = 0; client < begins_.size(); client += 2)
        sum += begins_[client].size();
    return sum;
}

HeldUplinks::ExitScores HeldUplinks::exit_scores(const std::vector<attacks::Trace>& traces) const {
    // What a hold does to the counts is learned from one half of the held clients, and tried on the
    // other half and its neighbours.
    std::array<std::vector<double>, 2> with, without;
    std::array<double, 2> learned{};
    const auto add = [](const std::vector<double>& counts, std::vector<double>& sum) {
        sum.resize(counts.size());
        std::transform(sum.begin(), sum.end(), counts.begin(), sum.begin(), std::plus{});
    };
    for (std::size_t client = 0; client + 1 < begins_.size(); client += 2)
        for (const auto begin : begins_[client]) {
            const auto half = client / 2 % 2;
            add(counts_around(traces[client], begin, lasts_), with[half]);
            add(counts_around(traces[client + 1], begin, lasts_), without[half]);
            ++learned[half];
        }
    ExitScores scores;
    for (std::size_t client = 0; client < begins_.size(); ++client) {
        const auto half = 1 - client / 2 % 2;
        for (const auto begin : begins_[client]) {
            const auto counts = counts_around(traces[client], begin, lasts_);
            double score = 0;
            constexpr double smoothed = 0.02;
            for (std::size_t i = 0; i < counts.size(); ++i)
                score += counts[i] * std::log((with[half][i] / learned[half] + smoothed) /
                                              (without[half][i] / learned[half] + smoothed));
            (held(client) ? scores.held : scores.other).push_back(score);
        }
    }
    return scores;
}

/// The density of round trips where no packet is held, by bins of time_bin.
std::vector<double> HeldUplinks::usual_times() const {
    std::vector<double> usual(bin_of(longest) + 1, 0.5);
    double all = 0.5 * static_cast<double>(usual.size());
    for (std::size_t client = 1; client < loops_.size(); client += 2)
        for (const auto& loop : loops_[client]) {
            ++usual[bin_of(loop.took)];
            ++all;
        }
    for (auto& share : usual)
        share /= all;
    return usual;
}

/// The log-likelihood ratio of a hold that begins at `begin`, from the loops that were sent in it.
double HeldUplinks::evidence(const std::vector<Loop>& loops, const std::vector<double>& usual,
                             double begin) const {
    double sum = 0;
    const auto first = std::lower_bound(loops.begin(), loops.end(), begin,
                                        [](const Loop& loop, double at) { return loop.sent < at; });
    for (auto loop = first; loop != loops.end() && loop->sent < begin + lasts_; ++loop) {
        const auto waited = begin + lasts_ - loop->sent;
        // A loop that was back sooner than the hold ended was not held.
        const auto less = loop->took - waited;
        sum += std::log((less < 0 ? usual.back() / 100 : usual[bin_of(less)]) /
                        usual[bin_of(loop->took)]);
    }
    return sum;
}

double HeldUplinks::seen_by_loops() const {
    const auto usual = usual_times();
    auto loops = loops_;
    for (auto& of_client : loops)
        std::sort(of_client.begin(), of_client.end(),
                  [](const Loop& a, const Loop& b) { return a.sent < b.sent; });
    const auto most = [&](std::size_t client, double from, double to) {
        double best = 0;
        for (auto at = from; at < to; at += step)
            best = std::max(best, evidence(loops[client], usual, at));
        return best;
    };
    std::vector<double> quiet, at_holds;
    for (std::size_t client = 0; client < loops.size(); ++client) {
        if (held(client))
            for (const auto begin : begins_[client])
                at_holds.push_back(most(client, begin - 5 * step, begin + 5.5 * step));
        else
            for (auto at = settled; at + block + 2 * apart < seconds_; at += block)
                quiet.push_back(most(client, at, at + block));
    }
    std::sort(quiet.begin(), quiet.end(), std::greater{});
    const auto false_ones =
        static_cast<std::size_t>(static_cast<double>(quiet.size()) * block / honest_stall_every);
    const auto limit = quiet.at(false_ones);
    const auto seen = std::count_if(at_holds.begin(), at_holds.end(),
                                    [&](double score) { return score > limit; });
    return static_cast<double>(seen) / static_cast<double>(at_holds.size());
}

std::vector<double> summed(const std::vector<double>& scores, std::size_t holds) {
    std::vector<double> sums;
    for (std::size_t i = 0; i + holds <= scores.size(); i += holds) {
        double sum = 0;
        for (std::size_t k = 0; k < holds; ++k)
            sum += scores[i + k];
        sums.push_back(sum);
    }
    return sums;
}

double holds_to_notice(double every, double seen) {
    constexpr double year = 365.25 * 86'400;
    seen = std::min(seen, 0.99);  // nothing is certain
    // A poll every so often shows a stall, or none. The line's own stalls look like the gateway's,
    // and as many stalls are none.
    const auto ordinary = 1 - std::exp(-(1 + seen) * every / honest_stall_every);
    const auto attacked = 1 - (1 - ordinary) * (1 - seen);
    const base::LossLaw law{
        .ordinary = ordinary, .withheld = attacked, .polls_between_alarms = year / every};
    return law.loops_to_notice(attacked);
}

}  // namespace nightjar::lab::sessions
