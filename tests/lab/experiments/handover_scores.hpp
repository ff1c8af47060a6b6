// What the observer of `handovers` scores: at each event the exit whose totals, or whose beat,
// change most. Counts how often that is right. Pure.
#pragma once

#include <array>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "tests/lab/attacks/exit_totals.hpp"
#include "tests/lab/measure/beat.hpp"

namespace nightjar::lab::experiments::handover {

using attacks::ExitCover;
using What = attacks::ExitEvent::What;

/// What the exits' cover is. `of_product`: the room of 1 alone. The same run without its cover is
/// then the control: the laboratory knows which cells are cover.
enum class Covers { of_product, models_and_room_1, models_and_all_rooms };

/// A network in use: half of the clients are there from the start, the others come later, and a
/// client stays for as long as the observation on average.
struct Setting {
    std::string name;
    unsigned clients;
    unsigned exits;
    double lifetime;
    double seconds;
    Covers covers = Covers::models_and_room_1;

    /// A level lasts for an hour, and a client stays for many. Then a window can be longer, and an
    /// event counts although the next draw of levels is beyond the end of the run.
    bool is_long() const { return covers == Covers::of_product; }
};

struct Cover {
    const char* name;
    ExitCover law;
    double phase = 0;  // seconds from the beginning to a change of levels
};

/// What the mixes of layer 2 get. A session keeps one of them.
inline constexpr const char* middle_link = "middle mixes";

/// The three scores of measure::BeatChange.
struct Beat {
    const char* link;
    double measure::BeatChange::*score;
};
inline constexpr std::array beats{Beat{"beat, one train", &measure::BeatChange::line},
                                  Beat{"beat, whole pattern", &measure::BeatChange::pattern},
                                  Beat{"beat, cells on it", &measure::BeatChange::cells}};

// Seconds.
inline constexpr std::array windows{2.0, 4.0, 8.0, 30.0};
inline constexpr std::array beat_windows{2.0, 4.0, 8.0, 16.0};

using Key = std::tuple<std::string, What, const char*, double, bool>;
struct Count {
    std::size_t right = 0, events = 0;
};
struct Result {
    std::map<Key, Count> counts;
    std::map<std::string, double> cover;
};

/// Adds what the totals of exits and of kept mixes show of each event.
void look(const attacks::ExitTotals& totals, const std::vector<attacks::ExitEvent>& events,
          const Cover& cover, const Setting& setting, Result& result);
/// The same of the cells that exits send in each millisecond.
void look_at_beats(const attacks::Milliseconds& sent, const std::vector<attacks::ExitEvent>& events,
                   const Cover& cover, const Setting& setting, Result& result);

}  // namespace nightjar::lab::experiments::handover
