#include "relay/operation/authority_plan.hpp"

#include <algorithm>

#include "sphinx/directory/parameters.hpp"

namespace nightjar::relay::operation {

namespace {

constexpr base::Milliseconds pause_least{1000};
constexpr base::Milliseconds pause_most{20'000};
constexpr base::Milliseconds pause_most_waiting{5000};  // for the document of this epoch

}  // namespace

AuthorityPlan::AuthorityPlan(base::Seconds epoch_length, base::Random& random)
    : epoch_length_{epoch_length}, random_{random} {}

base::Milliseconds AuthorityPlan::drawn(base::Milliseconds most) {
    return base::Milliseconds{static_cast<base::Milliseconds::rep>(
        random_.below(static_cast<std::uint64_t>(most.count()) + 1))};
}

void AuthorityPlan::turn(base::Epoch current) {
    if (turned_ && current == current_) return;
    const auto begin = directory::epoch_start(current, epoch_length_);
    const base::Milliseconds length{epoch_length_};
    // A relay that has just started, or was asleep, does not wait for its moment.
    const bool in_turn = turned_ && current == current_.next();
    send_from_ = in_turn ? begin + drawn(length / 8) : begin;
    fetch_from_ = begin + length / 2 + drawn(length / 8);
    current_ = current;
    turned_ = true;
    settled_.erase(settled_.begin(), settled_.lower_bound(current));
    documents_.erase(documents_.begin(), documents_.lower_bound(current));
}

AuthorityPlan::Step AuthorityPlan::next(base::Wall now) {
    using What = Step::What;
    const auto current = directory::epoch_at(now, epoch_length_);
    turn(current);
    auto until = directory::epoch_start(current.next(), epoch_length_);
    if (now < pause_until_) return {What::wait, current, std::min(until, pause_until_)};
    const bool missing = !documents_.contains(current);
    if (missing && !settled_.contains(current)) return {What::send, current, {}};
    if (!settled_.contains(current.next())) {
        if (missing || now >= send_from_) return {What::send, current.next(), {}};
        until = std::min(until, send_from_);
    }
    if (missing) return {What::fetch, current, {}};
    if (!documents_.contains(current.next())) {
        if (now >= fetch_from_) return {What::fetch, current.next(), {}};
        until = std::min(until, fetch_from_);
    }
    return {What::wait, current, until};
}

void AuthorityPlan::failed(base::Wall now) {
    const auto most = documents_.contains(current_) ? pause_most : pause_most_waiting;
    const auto pause = std::clamp(base::Milliseconds{epoch_length_} / 40, pause_least, most);
    pause_until_ = now + pause / 2 + drawn(pause);
}

}  // namespace nightjar::relay::operation
