// Which of a target's addresses is tried when ("happy eyeballs", RFC 8305). The families take
// turns, the next attempt starts 250 ms after the last one or at once when one has failed, and
// earlier attempts go on meanwhile. The first that connects wins. Pure: the caller owns the sockets
// and reads the clock. One thread.
//
//   waiting ──> racing ──────> won     connected() was called
//      │           └─────────> lost    nothing is left to try, or the time is over: see reason()
//      └── first usable answer, then 50 ms for the other family's
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "relay/core/name_answers.hpp"
#include "sphinx/stream/frame.hpp"

namespace nightjar::relay::core {

/// What a client is told about a name without addresses.
stream::ResetReason reason_of(NameError error);

struct RaceLimits {
    base::Milliseconds total{20'000};     // from the request, with the time for the name
    base::Milliseconds other_family{50};  // what the first answer waits for the other one
    base::Milliseconds between{250};      // from one attempt to the next
    std::size_t attempts_max = 32;        // in all
    std::size_t parallel_max = 8;         // one more replaces the oldest
};

class AddressRace {
 public:
    using Attempt = std::size_t;  // counts up from 0

    AddressRace(std::uint16_t port, RaceLimits limits, base::Mono now);

    /// What may be done with an address: asked once for each, before any attempt.
    enum class Usable { yes, refused_by_policy, no_route };
    /// The answer of one family has arrived; each family answers once. `usable(endpoint)` judges
    /// each address. An answer that comes late joins the race.
    template <class Judge>
    void answered(Family family, const NameAnswer& answer, base::Mono now, Judge usable) {
        std::vector<base::IpEndpoint> good;
        if (answer) {
            for (const auto& address : answer->addresses) {
                const base::IpEndpoint endpoint{address, port_};
                const auto verdict = usable(endpoint);
                if (verdict == Usable::yes) good.push_back(endpoint);
                note(verdict);
            }
        }
        join(family, answer, good, now);
    }

    /// What the caller does now: give up an attempt, or start one. nullopt: nothing until due().
    /// Call it again after each step. `room`: there may be one more socket; the first attempt needs
    /// no room.
    struct Step {
        enum class Kind { start, give_up } kind;
        Attempt attempt;
        base::IpEndpoint target;  // for `start`
    };
    std::optional<Step> next(base::Mono now, bool room = true);
    base::Mono due() const;

    /// Results of an attempt that was started. Later results of one that was given up are ignored.
    void failed(Attempt attempt, stream::ResetReason reason, base::Mono now);
    void connected(Attempt attempt);

    /// True if the race is lost; reason() says why. Precondition of reason(): lost().
    bool lost(base::Mono now) const;
    stream::ResetReason reason(base::Mono now) const;

 private:
    bool all_answered() const;
    bool nothing_left() const;
    void note(Usable verdict);
    void join(Family family, const NameAnswer& answer, const std::vector<base::IpEndpoint>& good,
              base::Mono now);
    std::deque<base::IpEndpoint>& next_queue();

    std::uint16_t port_;
    RaceLimits limits_;
    base::Mono end_;
    base::Mono next_at_ = base::Mono::max();              // when the next attempt may start
    std::array<std::deque<base::IpEndpoint>, 2> queues_;  // by Family
    std::array<std::optional<stream::ResetReason>, 2> no_answer_;  // why a family has no address
    std::array<bool, 2> answered_{};
    bool no_such_name_ = false;          // so it has no IPv6 address either
    std::optional<Family> last_family_;  // of the last attempt
    std::deque<Attempt> running_;        // oldest first
    Attempt started_ = 0;
    bool won_ = false;
    bool no_route_ = false;               // some address had none
    bool refused_ = false;                // some address was refused by the policy
    std::optional<Attempt> last_failed_;  // the newest attempt that has failed
    stream::ResetReason failure_ = stream::ResetReason::unreachable;  // its reason
};

}  // namespace nightjar::relay::core
