// Assigns each main slot to a session, or to none (docs/traffic-law.md section 1).
//
// A client has one slot in every gap. If every slot went to a session, a session that has more
// packets than usual would leave fewer to the others, and two exits that work together would link
// the sessions of a client by their counts. So each session asks for slots at moments of its own:
// the next one follows after a random multiple of its mean gap. The sessions ask for fewer slots
// than there are. A slot for which none asks carries a filler, a packet that its exit ignores.
// Figures, and the laws that were not taken:
// docs/decisions/0041-sessions-ask-for-slots-at-moments-of-their-own.md.
//
// Pure, one thread.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "client/core/slot_packet.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::client::core {

/// The share of the main slots that no session asks for.
inline constexpr double spare_share = 1.0 / 16;
/// A session's time between two requests, in its mean gaps: uniform in 1 - request_spread to
/// 1 + request_spread.
inline constexpr double request_spread = 1.0 / 3;

/// A session and its part of the sessions' slots.
struct SlotWeight {
    SessionHandle session = loops_handle;
    double weight = 0;  // > 0; only its ratio to the other weights counts
};

class SlotShares {
 public:
    /// Draws the key of its own random stream from `random` here, and nothing later.
    explicit SlotShares(base::Random& random) : random_{random} {}

    /// The session that gets the main slot of law time `nominal`; empty if none asks for one. Call
    /// it for all main slots, in order of time. Time in which slots were lost counts for at most
    /// three gaps (a slot, and two loops before it), so it is not made up.
    /// Precondition: `weights` is not empty.
    std::optional<SessionHandle> next(const std::vector<SlotWeight>& weights, base::Mono nominal,
                                      const directory::Parameters& parameters);

 private:
    /// In packets of the session.
    struct Request {
        double waited = 0;  // since the last request
        double asks_at = 0;
    };
    double draw_gap() { return 1 + request_spread * (2 * random_.unit() - 1); }

    base::ForkedRandom random_;
    base::Mono last_ = base::Mono::min();
    std::map<SessionHandle, Request> requests_;
};

}  // namespace nightjar::client::core
