// How far this machine's clock is from the authorities' clocks. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sphinx/base/time.hpp"

namespace nightjar::relay::operation {

/// The answer to a question for an authority's time. An authority answers over a connection whose
/// key is in the trust anchors, so an attacker on the path can delay the time but not change it.
struct AuthorityTime {
    base::Wall said{};   // in whole seconds
    base::Wall asked{};  // by this machine's clock
    base::Wall answered{};
};
/// How far this machine's clock is ahead of the authority's at the least, and 0 if both may be
/// right: the answer was made at some moment of a second between the question and its arrival.
base::Milliseconds ahead(const AuthorityTime& time);

/// The middle one, so that a minority cannot move it beyond what the others say. Of two in the
/// middle, the one nearer to 0. Precondition: not empty.
base::Milliseconds median(std::vector<base::Milliseconds> offsets);

/// Clocks that are so close are alike: exits change their pace at whole seconds.
inline constexpr base::Milliseconds clocks_alike{2000};

/// A difference of two clocks for people, without its sign: "4.3 s", from two minutes on "61 min",
/// from two days on "3 days".
std::string difference_words(base::Milliseconds difference);

/// What the authorities' clocks say of this machine's.
struct ClockOpinion {
    base::Milliseconds ahead{};  // the median
    std::size_t agree = 0;       // authorities within clocks_alike of the median
    std::size_t heard = 0;       // authorities that have said the time
    bool operator==(const ClockOpinion&) const = default;
};
/// Precondition: not empty.
ClockOpinion opinion_of(std::vector<base::Milliseconds> offsets);

/// The last answer of each authority. A step of this machine's clock between two answers counts at
/// once. A drift of it counts with the next answer.
class ClockOffsets {
 public:
    explicit ClockOffsets(std::size_t authorities) : heard_(authorities) {}

    /// `difference`: the wall clock minus the boot clock when the question was asked, as in
    /// node::process::ClockReading. It changes only when the wall clock is stepped. Precondition:
    /// which < authorities.
    void hear(std::size_t which, const AuthorityTime& time, base::Milliseconds difference);
    /// How far this machine's clock is ahead, by the `difference` of now. nullopt: no authority has
    /// said the time.
    std::optional<ClockOpinion> opinion(base::Milliseconds difference) const;

 private:
    struct Heard {
        AuthorityTime time;
        base::Milliseconds difference;
    };
    std::vector<std::optional<Heard>> heard_;
};

}  // namespace nightjar::relay::operation
