#include "sphinx/base/prefix_rates.hpp"

#include <algorithm>
#include <cassert>

#include "sphinx/base/prefix_shares.hpp"

namespace nightjar::base {

namespace {

constexpr double rounding = 1e-9;  // of sums of parts; a billionth of a burst more does no harm

/// How many times the rate of the longest prefix this one has.
double multiple(const IpNetwork& prefix) {
    if (prefix.prefix == 56) return 2;
    return prefix.prefix == 24 || prefix.prefix == 48 ? 4 : 1;
}

}  // namespace

PrefixRates::PrefixRates(PrefixRate rate, Random& random) : rate_{rate}, hash_{random} {
    assert(rate_.per_second > 0 && rate_.burst > 0);
    for (auto& row : table_)
        row.resize(cells);
}

double PrefixRates::used(const Cell& cell, Mono now) const {
    const auto passed = std::max(to_seconds(now - cell.at), 0.0);
    return std::max(cell.used - passed * rate_.per_second / rate_.burst, 0.0);
}

bool PrefixRates::take(const IpAddress& from, Mono now) {
    struct Spend {
        std::array<Cell*, rows> found;
        double part;  // of the burst
    };
    std::vector<Spend> spends;
    for (const auto& prefix : source_prefixes(from)) {
        ByteArray<18> name{};
        std::copy(prefix.address.bytes.begin(), prefix.address.bytes.end(), name.begin());
        name[16] = prefix.address.v6 ? 1 : 0;
        name[17] = static_cast<std::uint8_t>(prefix.prefix);
        const auto hash = hash_(ByteView{name});
        Spend spend{{&table_[0][hash % cells], &table_[1][hash / cells % cells]},
                    1 / (rate_.burst * multiple(prefix))};
        const auto empty = [&](const Cell* cell) {
            return used(*cell, now) + spend.part > 1 + rounding;
        };
        if (std::all_of(spend.found.begin(), spend.found.end(), empty)) return false;
        spends.push_back(spend);
    }
    for (const auto& spend : spends)
        for (auto* cell : spend.found)
            *cell = {std::min(used(*cell, now) + spend.part, 1.0), std::max(now, cell->at)};
    return true;
}

void PrefixRates::forget(Mono now) {
    for (auto& row : table_)
        for (auto& cell : row)
            if (used(cell, now) == 0) cell = {};
}

std::size_t PrefixRates::remembered() const {
    std::size_t count = 0;
    for (const auto& row : table_)
        for (const auto& cell : row)
            count += cell.used > 0 || cell.at != Mono{} ? 1 : 0;
    return count;
}

}  // namespace nightjar::base
