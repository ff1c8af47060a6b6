#include "relay/authority/core/loop_losses.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace nightjar::relay::authority::core {

namespace {

constexpr double share_first = 0.02;
constexpr double share_least = 1e-6;
constexpr int steps_max = 2000;
constexpr double step_least = 1e-4;        // of the log-likelihood
constexpr std::size_t looked_at_max = 16;  // relays with the largest shares
/// For each relay of the widest layer. More loops would show little more.
constexpr std::size_t loops_for_each = 400;

/// What one lost loop adds: the probability that it was lost, and for each hop that of its arrival
/// there and of its loss there, if it was lost.
struct Lost {
    double probability = 0;
    std::array<double, 5> arrived{}, here{};
};

template <class Loop>
Lost explain(const Loop& loop, const std::vector<double>& shares) {
    Lost lost;
    double passes = 1;
    for (std::size_t i = 0; i < loop.hops; ++i) {
        lost.here[i] = passes * shares[loop.at[i]];
        passes *= 1 - shares[loop.at[i]];
    }
    lost.probability = 1 - passes;
    double left = 1;
    for (std::size_t i = 0; i < loop.hops; ++i) {
        lost.here[i] /= lost.probability;
        lost.arrived[i] = left;
        left -= lost.here[i];
    }
    return lost;
}

}  // namespace

// --- what was seen ---

void LoopLosses::begin_sweep() {
    sweeps_.emplace_back();
    if (sweeps_.size() > sweeps_kept) sweeps_.pop_front();
    forget_unused_places();
}

/// Relays leave the network. Their places are forgotten with the last loop through them.
void LoopLosses::forget_unused_places() {
    auto old = std::exchange(relays_, {});
    places_.clear();
    for (auto& sweep : sweeps_)
        for (auto& loop : sweep)
            for (std::size_t i = 0; i < loop.hops; ++i)
                loop.at[i] = place(old[loop.at[i]]);
}

std::uint32_t LoopLosses::place(const base::NodeId& relay) {
    const auto [at, added] = places_.try_emplace(relay, relays_.size());
    if (added) relays_.push_back(relay);
    return at->second;
}

void LoopLosses::record(const Way& way, bool returned) {
    assert(!way.empty() && way.size() <= way_max);
    if (sweeps_.empty() || sweeps_.back().size() >= loops_a_sweep) return;
    Loop loop;
    for (const auto& relay : way)
        loop.at[loop.hops++] = place(relay);
    loop.returned = returned;
    sweeps_.back().push_back(loop);
}

void LoopLosses::forget(const base::NodeId& relay) {
    const auto found = places_.find(relay);
    if (found == places_.end()) return;
    for (auto& sweep : sweeps_)
        std::erase_if(sweep, [&](const Loop& loop) {
            return std::find(loop.at.begin(), loop.at.begin() + loop.hops, found->second) !=
                   loop.at.begin() + loop.hops;
        });
}

std::vector<const LoopLosses::Loop*> LoopLosses::all() const {
    std::vector<const Loop*> loops;
    for (const auto& sweep : sweeps_)
        for (const auto& loop : sweep)
            loops.push_back(&loop);
    return loops;
}

// --- the likeliest shares ---

/// By expectation and maximisation: each lost loop is divided among its relays by the shares of the
/// step before. `from`: where to begin. `bounded`: this relay's share is loss_limit at most.
LoopLosses::Fit LoopLosses::fit(const std::vector<const Loop*>& loops, const Fit* from,
                                std::optional<std::uint32_t> bounded,
                                const std::stop_token& stop) const {
    std::vector<double> passed(relays_.size());
    std::vector<const Loop*> lost;
    for (const auto* loop : loops) {
        if (!loop->returned) {
            lost.push_back(loop);
            continue;
        }
        for (std::size_t i = 0; i < loop->hops; ++i)
            passed[loop->at[i]] += 1;
    }
    Fit best;
    best.shares = from ? from->shares : std::vector<double>(relays_.size(), share_first);
    if (bounded) best.shares[*bounded] = std::min(best.shares[*bounded], loss_limit);
    double before = 0;
    for (int step = 0; step < steps_max && !stop.stop_requested(); ++step) {
        auto& likelihood = best.log_likelihood = 0;
        auto arrivals = passed;
        std::vector<double> losses(relays_.size());
        for (std::size_t relay = 0; relay < relays_.size(); ++relay)
            likelihood += passed[relay] * std::log1p(-best.shares[relay]);
        for (const auto* loop : lost) {
            const auto seen = explain(*loop, best.shares);
            likelihood += std::log(seen.probability);
            for (std::size_t i = 0; i < loop->hops; ++i) {
                arrivals[loop->at[i]] += seen.arrived[i];
                losses[loop->at[i]] += seen.here[i];
            }
        }
        if (step > 0 && likelihood - before < step_least) break;
        before = likelihood;
        for (std::size_t relay = 0; relay < relays_.size(); ++relay) {
            const auto share = arrivals[relay] > 0 ? losses[relay] / arrivals[relay] : 0.0;
            const auto most = relay == bounded ? loss_limit : 1 - share_least;
            best.shares[relay] = std::clamp(share, share_least, most);
        }
    }
    return best;
}

// --- what is stated ---

std::vector<const LoopLosses::Loop*> LoopLosses::without_worst_neighbours(
    const std::vector<const Loop*>& loops, std::uint32_t relay) const {
    struct Count {
        double loops = 0, lost = 0;
    };
    using Side = std::map<std::uint32_t, Count>;
    std::array<Side, 2> sides;  // before the relay, and after it
    const auto each_neighbour = [&](const Loop& loop, const auto& what) {
        for (std::size_t i = 0; i < loop.hops; ++i) {
            if (loop.at[i] != relay) continue;
            if (i > 0) what(0, loop.at[i - 1]);
            if (i + 1 < loop.hops) what(1, loop.at[i + 1]);
        }
    };
    for (const auto* loop : loops)
        each_neighbour(*loop, [&](std::size_t side, std::uint32_t neighbour) {
            auto& count = sides[side][neighbour];
            count.loops += 1;
            count.lost += loop->returned ? 0 : 1;
        });
    std::array<std::set<std::uint32_t>, 2> worst;
    for (std::size_t side = 0; side < 2; ++side) {
        std::vector<std::pair<double, std::uint32_t>> order;
        for (const auto& [neighbour, count] : sides[side])
            order.emplace_back(count.lost / count.loops, neighbour);
        std::sort(order.rbegin(), order.rend());
        const auto out = (order.size() + neighbours_left_out - 1) / neighbours_left_out;
        for (std::size_t i = 0; i < out; ++i)
            worst[side].insert(order[i].second);
    }
    std::vector<const Loop*> rest;
    for (const auto* loop : loops) {
        bool kept = true;
        each_neighbour(*loop, [&](std::size_t side, std::uint32_t neighbour) {
            kept = kept && !worst[side].contains(neighbour);
        });
        if (kept) rest.push_back(loop);
    }
    return rest;
}

/// True if in each of the last sweeps_needed sweeps more than loss_limit of its loops were lost.
bool LoopLosses::lost_lately(std::uint32_t relay) const {
    if (sweeps_.size() < sweeps_needed) return false;
    return std::all_of(sweeps_.end() - sweeps_needed, sweeps_.end(), [&](const auto& sweep) {
        std::size_t loops = 0, lost = 0;
        for (const auto& loop : sweep) {
            const auto end = loop.at.begin() + loop.hops;
            if (std::find(loop.at.begin(), end, relay) == end) continue;
            ++loops;
            lost += loop.returned ? 0 : 1;
        }
        return static_cast<double>(lost) > loss_limit * static_cast<double>(loops);
    });
}

std::vector<std::uint32_t> LoopLosses::candidates(const Fit& whole) const {
    std::vector<std::uint32_t> found;
    for (std::uint32_t relay = 0; relay < relays_.size(); ++relay)
        if (whole.shares[relay] > loss_limit && lost_lately(relay)) found.push_back(relay);
    std::sort(found.begin(), found.end(),
              [&](auto a, auto b) { return whole.shares[a] > whole.shares[b]; });
    if (found.size() > looked_at_max) found.resize(looked_at_max);
    return found;
}

std::map<base::NodeId, LoopLosses::Loss> LoopLosses::stated(const directory::Document& document,
                                                            const std::stop_token& stop) const {
    const auto loops = all();
    std::map<base::NodeId, Loss> found;
    using Position = std::pair<directory::Role, std::uint8_t>;
    std::map<Position, std::size_t> failed, listed;
    for (const auto& relay : document.relays)
        ++listed[{relay.role, relay.layer}];
    const auto whole = fit(loops, nullptr, std::nullopt, stop);
    for (const auto relay : candidates(whole)) {
        if (stop.stop_requested()) return {};
        const auto* its = document.find(relays_[relay]);
        if (its == nullptr) continue;
        const auto rest = without_worst_neighbours(loops, relay);
        const auto free = fit(rest, &whole, std::nullopt, stop);  // near it: fewer steps
        const auto bounded = fit(rest, &free, relay, stop);
        if (2 * (free.log_likelihood - bounded.log_likelihood) < loss_evidence) continue;
        const auto passed = std::count_if(loops.begin(), loops.end(), [&](const auto* loop) {
            const auto end = loop->at.begin() + loop->hops;
            return std::find(loop->at.begin(), end, relay) != end;
        });
        found[its->identity] = {free.shares[relay], static_cast<std::size_t>(passed)};
        ++failed[{its->role, its->layer}];
    }
    if (stop.stop_requested()) return {};
    std::erase_if(found, [&](const auto& each) {
        const auto* its = document.find(each.first);
        const Position position{its->role, its->layer};
        return 2 * failed[position] > listed[position];
    });
    return found;
}

// --- what is sent ---

std::vector<LoopTurn> plan_sweep(const directory::Document& document, base::Random& random) {
    std::vector<LoopTurn> turns;
    std::map<std::uint8_t, std::size_t> relays;
    for (const auto& relay : document.relays) {
        ++relays[relay.layer];
        if (relay.role == directory::Role::gateway) turns.push_back({relay.identity, 0});
    }
    std::size_t widest = 0;
    for (const auto& [layer, count] : relays)
        widest = std::max(widest, count);
    const auto loops = std::min(loops_a_sweep, widest * loops_for_each);
    for (auto& turn : turns)
        turn.loops = std::max<std::size_t>(loops / turns.size(), 1);
    random.shuffle(turns);
    return turns;
}

}  // namespace nightjar::relay::authority::core
