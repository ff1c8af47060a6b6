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

void StockEstimate::settled(stream::PacketNumber number, std::uint32_t stock) {
    newest_ = number;
    stock_ = stock;
    for (; !empty_.empty() && empty_.front().by <= number; empty_.pop_front())
        empty_sum_ -= empty_.front().ticks;
}

std::int64_t StockEstimate::balance(std::uint32_t in_flight, std::uint32_t ticks) const {
    return std::int64_t{stock_} + in_flight + newest_ + empty_sum_ - ticks;
}

std::uint32_t StockEstimate::estimate(std::uint32_t in_flight, std::uint32_t ticks) const {
    return static_cast<std::uint32_t>(std::max<std::int64_t>(0, balance(in_flight, ticks)));
}

void StockEstimate::pass(std::uint32_t in_flight, std::uint32_t ticks) {
    // Ticks that have not happened, because the exit's clock was put right, found no empty stock.
    for (; !empty_.empty() && empty_.back().by > ticks; empty_.pop_back())
        empty_sum_ -= empty_.back().ticks;
    const auto left = balance(in_flight, ticks);
    if (left >= 0) return;
    empty_.push_back({ticks, -left});
    empty_sum_ -= left;
}

std::uint32_t top_up(std::uint32_t estimate, std::uint32_t target) {
    return estimate >= target
               ? 0
               : std::min(target - estimate, static_cast<std::uint32_t>(stream::surbs_max));
}

}  // namespace nightjar::client::core
