#include "client/core/surb_supply.hpp"

#include <algorithm>
#include <cstring>

namespace nightjar::client::core {

std::size_t Outstanding::Hash::operator()(const base::SurbId& identifier) const {
    std::size_t word = 0;
    std::memcpy(&word, identifier.bytes.data(), sizeof word);
    return word;
}

void Outstanding::add(Expected expected) {
    auto& order = order_[expected.session];
    const auto identifier = expected.recovery.identifier;
    order.made.push_back({expected.made, expected.ends, identifier});
    next_end_ = std::min(next_end_, expected.ends);
    if (by_identifier_.try_emplace(identifier, std::move(expected)).second) ++order.live;
    while (order.live > per_session_max_)
        pop_front(order);
}

void Outstanding::pop_front(Order& order) {
    order.live -= by_identifier_.erase(order.made.front().identifier);
    order.made.pop_front();
    drop_taken(order);
}

void Outstanding::drop_taken(Order& order) {
    while (!order.made.empty() && !by_identifier_.contains(order.made.front().identifier))
        order.made.pop_front();
    if (!order.made.empty()) next_end_ = std::min(next_end_, order.made.front().ends);
}

std::optional<Expected> Outstanding::take(const base::SurbId& identifier) {
    const auto found = by_identifier_.find(identifier);
    if (found == by_identifier_.end()) return std::nullopt;
    std::optional<Expected> taken{std::move(found->second)};
    by_identifier_.erase(found);
    auto& order = order_[taken->session];
    --order.live;
    if (order.made.front().identifier == identifier) drop_taken(order);
    return taken;
}

std::size_t Outstanding::forget_before(SessionHandle session, base::Mono made) {
    const auto found = order_.find(session);
    if (found == order_.end()) return 0;
    const auto live = found->second.live;
    while (!found->second.made.empty() && found->second.made.front().made < made)
        pop_front(found->second);
    return live - found->second.live;
}

void Outstanding::forget_session(SessionHandle session) {
    const auto found = order_.find(session);
    if (found == order_.end()) return;
    while (!found->second.made.empty())
        pop_front(found->second);
    order_.erase(found);
}

void Outstanding::forget_ended(base::Wall now) {
    if (now <= next_end_) return;
    next_end_ = base::Wall::max();
    for (auto& [session, order] : order_) {
        while (!order.made.empty() && order.made.front().ends < now)
            pop_front(order);
        if (!order.made.empty()) next_end_ = std::min(next_end_, order.made.front().ends);
    }
}

void Outstanding::clear() {
    by_identifier_.clear();
    order_.clear();
    next_end_ = base::Wall::max();
}

void StockEstimate::on_reply(stream::PacketNumber number, std::uint32_t stock, base::Mono now) {
    heard_ = std::max(heard_, now);
    if (number <= newest_reply_) return;
    newest_reply_ = number;
    stock_ = stock;
}

void StockEstimate::ticking(double pace, base::Mono from) {
    pace_ = pace;
    ticking_from_ = from;
}

std::uint32_t StockEstimate::estimate(std::uint32_t in_flight, base::Mono now) const {
    if (pace_ <= 0 || !heard()) return stock_ + in_flight;
    const auto silent = now - std::max(heard_, ticking_from_);
    if (silent <= silence_allowed(pace_)) return stock_ + in_flight;
    const auto spent = static_cast<std::uint32_t>(std::min(1e6, base::to_seconds(silent) * pace_));
    return stock_ - std::min(stock_, spent) + in_flight;
}

std::uint32_t top_up(std::uint32_t estimate, std::uint32_t target) {
    return estimate >= target
               ? 0
               : std::min(target - estimate, static_cast<std::uint32_t>(stream::surbs_max));
}

base::Nanoseconds silence_allowed(double pace) {
    // Every gap has one tick, so 20 gaps without a reply mean at least 19 lost replies. The second
    // is for the reply's way back.
    return base::from_seconds(20.0 / std::max(pace, 0.01)) + base::Seconds{1};
}

}  // namespace nightjar::client::core
