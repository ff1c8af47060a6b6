// Who loses when a pool is full: the holder that has paid least for what it holds. An exit knows
// nothing of its sessions but how many packets they send, and packets are what a client cannot have
// without end. So packets are the price of all that an exit has.
//
// The rule gives every payer its part: of holders that pay the same, none holds more than an equal
// part of a full pool, whatever it does, if each of them wants that much. One that pays k times as
// much may hold k times as much.
//
// And how a taker of a rate waits for its turn, so that a burst of one does not make others lose.
//
// Pure; one thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>

#include "sphinx/base/due_heap.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::base {

/// What a holder has paid lately: a payment counts e times less after each `memory`. All payments
/// decay alike, so their order never changes by time alone. That is why a time can stand for them.
class Paid {
 public:
    static constexpr Seconds memory{20};

    Paid() = default;  // nothing
    Paid(double amount, Mono now) { pay(amount, now); }

    /// Precondition: amount > 0.
    void pay(double amount, Mono now) {
        one_ = now + from_log(std::log(std::exp(to_seconds(one_ - now) / of_memory()) + amount));
    }
    /// When what was paid will have decayed to `amount`. The earlier, the less was paid for it.
    /// Precondition: amount > 0.
    Mono until(double amount) const { return one_ - from_log(std::log(amount)); }

 private:
    static double of_memory() { return to_seconds(memory); }
    static Nanoseconds from_log(double log) { return from_seconds(log * of_memory()); }

    Mono one_{Nanoseconds{INT64_MIN / 2}};  // until(1)
};

/// A Holder has `base::Paid paid() const`, `double held() const` and `share`, the Handle that
/// enter() returned. It must not move after enter(), and must outlive leave().
template <class Holder>
class PaidShares {
 public:
    using Handle = typename DueHeap<Holder>::Handle;

    void enter(Holder& holder) { holder.share = heap_.enter(holder); }
    void leave(Holder& holder) { heap_.leave(holder.share); }
    /// Call it when the holder holds more than before, or nothing any more.
    void changed(Holder& holder) {
        if (holder.held() > 0)
            heap_.set(holder.share, holder.paid().until(holder.held()));
        else
            heap_.unset(holder.share);
    }
    /// The holder that has paid least for what it holds; nullptr if none holds anything. Payments
    /// and smaller holdings only help a holder, so its place is corrected when it comes first.
    Holder* worst() {
        while (!heap_.empty()) {
            auto& first = heap_.first();
            const auto due = heap_.first_due();
            changed(first);
            if (!heap_.empty() && &heap_.first() == &first && heap_.first_due() <= due)
                return &first;
        }
        return nullptr;
    }
    /// The holder that must give something to one that holds nothing of it yet, or that will hold
    /// `held` with what it wants now. nullptr: no holder has paid less for what it holds, so the
    /// newcomer is refused. Among equals the newcomer is refused, so that none loses to another in
    /// turn.
    Holder* loser(const Paid& paid, double held) {
        auto* found = worst();
        return found && found->paid().until(found->held()) < paid.until(held) ? found : nullptr;
    }

 private:
    DueHeap<Holder> heap_;
};

/// A rate whose takers wait for their turn: `burst` turns at once after a rest, then one each
/// 1/rate. It says when a turn comes and keeps nothing that waits.
class Turns {
 public:
    /// `at_start`: turns at once at `now`. Precondition: per_second > 0, 1 <= at_start <= burst.
    Turns(double per_second, double burst, double at_start, Mono now)
        : gap_{from_seconds(1 / per_second)},
          ahead_{from_seconds((burst - 1) / per_second)},
          next_{now + from_seconds((burst - at_start) / per_second)} {}

    /// The time of the next turn, which is taken; nullopt if it comes later than `patience` from
    /// now, and then it stays. `now` never decreases.
    std::optional<Mono> take(Mono now, Nanoseconds patience) {
        next_ = std::max(next_, now);
        const auto turn = std::max(now, next_ - ahead_);
        if (turn - now > patience) return std::nullopt;
        next_ += gap_;
        return turn;
    }

 private:
    Nanoseconds gap_;
    Nanoseconds ahead_;
    Mono next_;  // the turn if there was no burst
};

}  // namespace nightjar::base
