#include "relay/authority/core/layers.hpp"

#include <sodium.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace nightjar::relay::authority::core {

namespace {

/// A number that no one could know before the randomness.
base::ByteArray<32> draw(const Randomness& randomness, const base::NodeId& id) {
    base::ByteArray<32> drawn{};
    crypto_generichash(drawn.data(), drawn.size(), id.bytes.data(), id.bytes.size(),
                       randomness.data(), randomness.size());
    return drawn;
}

class Placement {
 public:
    Placement(std::vector<PlacedGroup>& groups, const Randomness& randomness) {
        std::uint64_t total = 0;
        for (auto& group : groups) {
            total += group.capacity;
            entries_.push_back({&group, draw(randomness, group.id)});
        }
        even_ = static_cast<double>(total) / 3;
        // The longest record first; among equal ones the randomness decides.
        std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
            return std::tie(a.group->since, a.drawn) < std::tie(b.group->since, b.drawn);
        });
    }

    void run() {
        for (auto& entry : entries_) {
            if (entry.group->layer == 0) entry.group->layer = outer_layer(entry);
            capacity_[entry.group->layer] += capacity(entry);
        }
        fill_middle();
        empty_middle();
        balance_outer();
    }

 private:
    struct Entry {
        PlacedGroup* group;
        base::ByteArray<32> drawn;
    };
    static double capacity(const Entry& entry) {
        return static_cast<double>(entry.group->capacity);
    }
    static std::uint8_t outer_layer(const Entry& entry) { return (entry.drawn[31] & 1) ? 1 : 3; }
    double low() const { return (1 - balance_band) * even_; }
    double high() const { return (1 + balance_band) * even_; }
    /// A group that is larger than a layer's gap would only change which layer is out of balance.
    bool better(double now, double then) const {
        return std::abs(then - even_) < std::abs(now - even_);
    }
    void move(Entry& entry, std::uint8_t layer) {
        capacity_[entry.group->layer] -= capacity(entry);
        capacity_[layer] += capacity(entry);
        entry.group->layer = layer;
    }

    void fill_middle() {
        auto& middle = capacity_[middle_layer];
        for (auto& entry : entries_) {
            if (middle >= low()) return;
            if (entry.group->layer != middle_layer && better(middle, middle + capacity(entry)))
                move(entry, middle_layer);
        }
    }
    void empty_middle() {
        auto& middle = capacity_[middle_layer];
        for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
            if (middle <= high()) return;
            if (entry->group->layer == middle_layer && better(middle, middle - capacity(*entry)))
                move(*entry, outer_layer(*entry));
        }
    }
    bool outer_balanced() const {
        const auto [light, heavy] = std::minmax(capacity_[1], capacity_[3]);
        return light >= low() && heavy <= high();
    }
    /// Each move brings the two nearer to each other, so it ends.
    void balance_outer() {
        auto order = entries_;
        std::sort(order.begin(), order.end(),
                  [](const Entry& a, const Entry& b) { return a.drawn < b.drawn; });
        for (bool moved = true; moved;) {
            moved = false;
            for (auto& entry : order) {
                if (outer_balanced()) return;
                const std::uint8_t heavy = capacity_[1] > capacity_[3] ? 1 : 3;
                const std::uint8_t light = heavy == 1 ? 3 : 1;
                if (entry.group->layer != heavy ||
                    capacity(entry) >= capacity_[heavy] - capacity_[light])
                    continue;
                move(entry, light);
                moved = true;
            }
        }
    }

    std::vector<Entry> entries_;
    double even_ = 0;
    std::array<double, 4> capacity_{};  // by layer
};

}  // namespace

void place(std::vector<PlacedGroup>& groups, const std::optional<Randomness>& randomness) {
    if (randomness) Placement{groups, *randomness}.run();
}

std::array<std::uint64_t, 3> layer_capacities(const std::vector<PlacedGroup>& groups) {
    std::array<std::uint64_t, 3> capacities{};
    for (const auto& group : groups)
        if (group.layer != 0) capacities[group.layer - 1u] += group.capacity;
    return capacities;
}

}  // namespace nightjar::relay::authority::core
