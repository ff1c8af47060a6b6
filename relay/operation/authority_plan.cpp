#include "relay/operation/authority_plan.hpp"

#include <algorithm>
#include <utility>

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

std::optional<AuthorityPlan::Step> AuthorityPlan::to_send(base::Wall now) const {
    const bool missing = !documents_.contains(current_);
    if (missing && !settled_.contains(current_)) return Step{Step::What::send, current_, {}};
    if (!settled_.contains(current_.next()) && (missing || now >= send_from_))
        return Step{Step::What::send, current_.next(), {}};
    return std::nullopt;
}

std::optional<AuthorityPlan::Step> AuthorityPlan::to_fetch(base::Wall now) const {
    if (!documents_.contains(current_)) return Step{Step::What::fetch, current_, {}};
    if (!documents_.contains(current_.next()) && now >= fetch_from_)
        return Step{Step::What::fetch, current_.next(), {}};
    return std::nullopt;
}

AuthorityPlan::Step AuthorityPlan::next(base::Wall now) {
    turn(directory::epoch_at(now, epoch_length_));
    auto until = directory::epoch_start(current_.next(), epoch_length_);
    if (now < pause_until_) return {Step::What::wait, current_, std::min(until, pause_until_)};
    const auto send = to_send(now), fetch = to_fetch(now);
    // An authority that refuses the descriptor may have expelled the relay: the document tells.
    const bool fetch_first = fetch && std::exchange(send_failed_, false);
    if (const auto& step = fetch_first || !send ? fetch : send) {
        last_ = step->what;
        return *step;
    }
    if (!settled_.contains(current_.next())) until = std::min(until, send_from_);
    if (!documents_.contains(current_.next())) until = std::min(until, fetch_from_);
    return {Step::What::wait, current_, until};
}

void AuthorityPlan::failed(base::Wall now) {
    send_failed_ = last_ == Step::What::send;
    const auto most = documents_.contains(current_) ? pause_most : pause_most_waiting;
    const auto pause = std::clamp(base::Milliseconds{epoch_length_} / 40, pause_least, most);
    pause_until_ = now + pause / 2 + drawn(pause);
}

}  // namespace nightjar::relay::operation
