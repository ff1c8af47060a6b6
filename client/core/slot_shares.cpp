#include "client/core/slot_shares.hpp"

#include <algorithm>
#include <cassert>

namespace nightjar::client::core {
namespace {

/// Between two main slots there are at most two loops: the last slot of one loop interval, and the
/// first of the next.
constexpr int slots_in_a_row = 3;

}  // namespace

std::optional<SessionHandle> SlotShares::next(const std::vector<SlotWeight>& weights,
                                              base::Mono nominal,
                                              const directory::Parameters& parameters) {
    assert(!weights.empty());
    const auto gap =
        directory::Rate{parameters.main_slots.milli + parameters.client_loops.milli}.mean_gap();
    const auto passed = last_ == base::Mono::min()
                            ? gap
                            : std::clamp<base::Nanoseconds>(nominal - last_, base::Nanoseconds{0},
                                                            slots_in_a_row * gap);
    last_ = nominal;
    double sum = 0;
    for (const auto& one : weights)
        sum += one.weight;
    std::erase_if(requests_, [&](const auto& known) {
        return std::none_of(weights.begin(), weights.end(),
                            [&](const SlotWeight& one) { return one.session == known.first; });
    });
    const auto asked_for =
        (1 - spare_share) * parameters.main_slots.per_second() * base::to_seconds(passed);

    // The request that has waited longest gets the slot.
    Request* first = nullptr;
    std::optional<SessionHandle> picked;
    double longest = 0;
    for (const auto& one : weights) {
        auto [known, is_new] = requests_.try_emplace(one.session);
        auto& request = known->second;
        if (is_new) {
            request.asks_at = draw_gap();
            request.waited = request.asks_at * random_.unit();
        }
        request.waited += asked_for * one.weight / sum;
        const auto waits = (request.waited - request.asks_at) / one.weight;
        if (waits < 0 || (first != nullptr && waits <= longest)) continue;
        first = &request;
        picked = one.session;
        longest = waits;
    }
    if (first == nullptr) return std::nullopt;
    first->waited -= first->asks_at;
    first->asks_at = draw_gap();
    return picked;
}

}  // namespace nightjar::client::core
