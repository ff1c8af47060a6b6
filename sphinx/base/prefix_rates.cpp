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

std::vector<PrefixRates::Bucket> PrefixRates::buckets(const IpAddress& from) {
    std::vector<Bucket> found;
    for (const auto& prefix : source_prefixes(from)) {
        ByteArray<18> name{};
        std::copy(prefix.address.bytes.begin(), prefix.address.bytes.end(), name.begin());
        name[16] = prefix.address.v6 ? 1 : 0;
        name[17] = static_cast<std::uint8_t>(prefix.prefix);
        const auto hash = hash_(ByteView{name});
        found.push_back({{&table_[0][hash % cells], &table_[1][hash / cells % cells]},
                         1 / (rate_.burst * multiple(prefix))});
    }
    return found;
}

/// The tokens in a bucket: as many as its fuller cell has.
double PrefixRates::left(const Bucket& bucket, Mono now) const {
    auto least = 1.0;
    for (const auto* cell : bucket.cells)
        least = std::min(least, used(*cell, now));
    return (1 - least) / bucket.part;
}

void PrefixRates::spend(const std::vector<Bucket>& buckets, double tokens, Mono now) {
    for (const auto& bucket : buckets)
        for (auto* cell : bucket.cells)
            *cell = {std::min(used(*cell, now) + tokens * bucket.part, 1.0),
                     std::max(now, cell->at)};
}

bool PrefixRates::take(const IpAddress& from, Mono now) {
    const auto its = buckets(from);
    for (const auto& bucket : its)
        if (left(bucket, now) < 1 - rounding / bucket.part) return false;
    spend(its, 1, now);
    return true;
}

double PrefixRates::take_up_to(const IpAddress& from, double tokens, Mono now) {
    assert(tokens >= 0);
    const auto its = buckets(from);
    for (const auto& bucket : its)
        tokens = std::min(tokens, left(bucket, now));
    spend(its, tokens, now);
    return tokens;
}

void PrefixRates::give_back(const IpAddress& from, double tokens, Mono now) {
    assert(tokens >= 0);
    spend(buckets(from), -tokens, now);
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
