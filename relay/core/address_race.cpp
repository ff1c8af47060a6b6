#include "relay/core/address_race.hpp"

#include <algorithm>
#include <cassert>

namespace nightjar::relay::core {

using stream::ResetReason;

namespace {

std::size_t index(Family family) {
    return static_cast<std::size_t>(family);
}

Family other(Family family) {
    return family == Family::v4 ? Family::v6 : Family::v4;
}

}  // namespace

ResetReason reason_of(NameError error) {
    switch (error) {
        case NameError::bad_name:
        case NameError::not_found:
        case NameError::no_address:
            return ResetReason::unresolvable;
        case NameError::failed:
            return ResetReason::timed_out;
        case NameError::overload:
        case NameError::no_descriptors:
            return ResetReason::overload;
    }
    return ResetReason::unresolvable;
}

AddressRace::AddressRace(std::uint16_t port, RaceLimits limits, base::Mono now)
    : port_{port}, limits_{limits}, end_{now + limits.total} {
    assert(limits.parallel_max > 0 && limits.attempts_max > 0);
}

void AddressRace::note(Usable verdict) {
    no_route_ = no_route_ || verdict == Usable::no_route;
    refused_ = refused_ || verdict == Usable::refused_by_policy;
}

void AddressRace::join(Family family, const NameAnswer& answer,
                       const std::vector<base::IpEndpoint>& good, base::Mono now) {
    assert(!answered_[index(family)]);
    answered_[index(family)] = true;
    if (!answer) {
        no_answer_[index(family)] = reason_of(answer.error());
        // Some servers deny the name when it has no IPv6 address (RFC 4074), so only what they say
        // about IPv4 counts.
        if (family == Family::v4) no_such_name_ = answer.error() == NameError::not_found;
    }
    auto& queue = queues_[index(family)];
    for (const auto& endpoint : good) {
        if (std::find(queue.begin(), queue.end(), endpoint) == queue.end())
            queue.push_back(endpoint);
    }
    if (started_ > 0) return;  // it joins the race at its next attempt
    const bool some = !queues_[0].empty() || !queues_[1].empty();
    if (!some) return;
    next_at_ = all_answered() ? now : std::min(next_at_, now + limits_.other_family);
}

bool AddressRace::all_answered() const {
    return no_such_name_ || (answered_[0] && answered_[1]);
}

bool AddressRace::nothing_left() const {
    return started_ >= limits_.attempts_max || (queues_[0].empty() && queues_[1].empty());
}

/// The families take turns, IPv6 first.
std::deque<base::IpEndpoint>& AddressRace::next_queue() {
    const auto wanted = last_family_ ? other(*last_family_) : Family::v6;
    auto& queue = queues_[index(wanted)];
    return queue.empty() ? queues_[index(other(wanted))] : queue;
}

std::optional<AddressRace::Step> AddressRace::next(base::Mono now, bool room) {
    if (won_ || nothing_left() || now < next_at_ || now >= end_) return std::nullopt;
    if (!room && !running_.empty()) {
        next_at_ = now + limits_.between;
        return std::nullopt;
    }
    if (running_.size() >= limits_.parallel_max) {
        const auto oldest = running_.front();
        running_.pop_front();
        return Step{Step::Kind::give_up, oldest, {}};
    }
    auto& queue = next_queue();
    const auto target = queue.front();
    queue.pop_front();
    last_family_ = target.address.v6 ? Family::v6 : Family::v4;
    const auto attempt = started_++;
    running_.push_back(attempt);
    next_at_ = now + limits_.between;
    return Step{Step::Kind::start, attempt, target};
}

base::Mono AddressRace::due() const {
    if (won_) return base::Mono::max();
    return nothing_left() ? end_ : std::min(next_at_, end_);
}

void AddressRace::failed(Attempt attempt, ResetReason reason, base::Mono now) {
    const auto found = std::find(running_.begin(), running_.end(), attempt);
    if (found == running_.end()) return;
    running_.erase(found);
    next_at_ = std::min(next_at_, now);
    if (last_failed_ && *last_failed_ > attempt) return;
    last_failed_ = attempt;
    failure_ = reason;
}

void AddressRace::connected(Attempt) {
    won_ = true;
    running_.clear();
}

bool AddressRace::lost(base::Mono now) const {
    if (won_) return false;
    return now >= end_ || (all_answered() && nothing_left() && running_.empty());
}

/// What the last address said counts most, then what became of the addresses, then of the name.
ResetReason AddressRace::reason(base::Mono now) const {
    assert(lost(now));
    if (now >= end_) return ResetReason::timed_out;
    if (last_failed_) return failure_;
    if (no_route_) return ResetReason::unreachable;
    if (refused_) return ResetReason::refused_by_policy;
    // A family about which no server spoke may have an address: "unresolvable" would say too much.
    for (const auto& reason : no_answer_)
        if (reason && *reason != ResetReason::unresolvable) return *reason;
    return ResetReason::unresolvable;
}

}  // namespace nightjar::relay::core
