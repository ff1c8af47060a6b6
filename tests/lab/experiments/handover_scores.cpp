#include "tests/lab/experiments/handover_scores.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace nightjar::lab::experiments::handover {
namespace {

constexpr double long_window = 100;
constexpr double exit_follows = 0.3;  // seconds; an exit hears of a change by packets
constexpr double settled = 60;        // seconds; the network fills

/// What the observer counts, and in which sense it looks for a change.
struct Seen {
    const char* link;
    const attacks::Bins* bins;
    bool reversed;
};

/// From the event to the next draw of levels, in seconds.
double next_level(const attacks::ExitEvent& event, const Cover& cover) {
    const auto since = event.at - cover.phase;
    return (std::floor(since / cover.law.every) + 1) * cover.law.every - since;
}

template <std::size_t N>
std::vector<double> windows_of(const std::array<double, N>& usual, const Setting& setting) {
    std::vector<double> all(usual.begin(), usual.end());
    if (setting.is_long()) all.push_back(long_window);
    return all;
}

bool in_view(const attacks::ExitEvent& event, const Cover& cover, double window,
             const Setting& setting, bool at_next) {
    const auto later = at_next || !setting.is_long() ? next_level(event, cover) : 0;
    return event.at >= settled + window && event.at + later + window + 2 <= setting.seconds;
}

}  // namespace

void look(const attacks::ExitTotals& totals, const std::vector<attacks::ExitEvent>& events,
          const Cover& cover, const Setting& setting, Result& result) {
    for (const auto& event : events) {
        const auto next = next_level(event, cover);
        for (const auto window : windows_of(windows, setting)) {
            if (!in_view(event, cover, window, setting, false)) continue;
            for (const auto& seen :
                 {Seen{"sent", &totals.sent, false}, Seen{"got", &totals.got, false},
                  Seen{"got, reversed", &totals.got, true}})
                for (const bool at_next : {false, true}) {
                    if (!in_view(event, cover, window, setting, at_next)) continue;
                    auto& count =
                        result.counts[{cover.name, event.what, seen.link, window, at_next}];
                    const auto after = at_next ? next + 1 : exit_follows;
                    count.right += attacks::most_changed(*seen.bins, event, window, after,
                                                         seen.reversed) == event.exit;
                    ++count.events;
                }
            auto& count = result.counts[{cover.name, event.what, middle_link, window, false}];
            count.right += attacks::most_changed_middle(totals.middle, event, window,
                                                        exit_follows) == event.middle;
            ++count.events;
        }
    }
}

namespace {

std::size_t to_milliseconds(double seconds) {
    return static_cast<std::size_t>(std::lround(seconds * 1000));
}

/// Of the exits that the client could use, the best by each score.
std::array<unsigned, beats.size()> most_changed_beat(const attacks::Milliseconds& sent,
                                                     const attacks::ExitEvent& event, double window,
                                                     std::uint32_t whole_milli) {
    const bool falls = event.what == What::leaves;
    // The replies of a client that leaves end at about that time.
    auto before = to_milliseconds(event.at - window - (falls ? exit_follows : 0));
    auto after = to_milliseconds(event.at + exit_follows);
    if (falls) std::swap(before, after);
    // A client's first session has the whole pace from its first cell on.
    const auto trains =
        event.what == What::connects ? measure::Trains::whole : measure::Trains::any;
    std::array<unsigned, beats.size()> best{};
    std::array<double, beats.size()> most;
    most.fill(-HUGE_VAL);
    for (unsigned exit = 0; exit < sent.size(); ++exit) {
        if (exit == event.gateway) continue;
        const auto change = measure::beat_change(sent[exit], before, after, to_milliseconds(window),
                                                 whole_milli, trains);
        for (std::size_t i = 0; i < beats.size(); ++i) {
            if (change.*beats[i].score <= most[i]) continue;
            most[i] = change.*beats[i].score;
            best[i] = exit;
        }
    }
    return best;
}

}  // namespace

void look_at_beats(const attacks::Milliseconds& sent, const std::vector<attacks::ExitEvent>& events,
                   const Cover& cover, const Setting& setting, Result& result) {
    for (const auto& event : events)
        for (const auto window : windows_of(beat_windows, setting)) {
            if (!in_view(event, cover, window, setting, false)) continue;
            const auto best =
                most_changed_beat(sent, event, window, directory::Parameters{}.replies.milli);
            for (std::size_t i = 0; i < beats.size(); ++i) {
                auto& count = result.counts[{cover.name, event.what, beats[i].link, window, false}];
                count.right += best[i] == event.exit;
                ++count.events;
            }
        }
}

}  // namespace nightjar::lab::experiments::handover
