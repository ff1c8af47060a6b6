#include "client/protocol/name_map.hpp"

#include <algorithm>
#include <cassert>

namespace nightjar::client::protocol {

namespace {

std::string spelling_of(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    std::string lower{name};
    for (auto& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    return lower;
}

std::uint32_t number_of(const base::IpAddress& address) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i)
        number = number << 8 | address.bytes[i];
    return number;
}

std::uint32_t addresses_in(const base::IpNetwork& range) {
    return range.prefix == 0 ? UINT32_MAX : std::uint32_t{1} << (32 - range.prefix);
}

}  // namespace

NameMap::NameMap(const base::IpNetwork& range, base::Random& random)
    : range_{range}, next_{1 + static_cast<std::uint32_t>(random.below(addresses_in(range) - 2))} {
    assert(!range.address.v6 && range.prefix <= prefix_max);
}

base::IpAddress NameMap::at(std::uint32_t offset) const {
    const std::uint32_t number = number_of(range_.address) + offset;
    base::IpAddress address;
    for (std::size_t i = 0; i < 4; ++i)
        address.bytes[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    return address;
}

std::optional<base::IpAddress> NameMap::address_of(std::string_view name, base::Mono now) {
    const auto spelling = spelling_of(name);
    if (const auto known = by_name_.find(spelling); known != by_name_.end()) {
        entries_.splice(entries_.end(), entries_, known->second);
        return at(known->second->offset);
    }
    if (!may_add(now)) return std::nullopt;
    if (entries_.size() >= names_max) forget_oldest();
    // Neither the first nor the last address of the range: they may be special to a kernel.
    const auto last = addresses_in(range_) - 2;
    while (by_offset_.contains(next_))
        next_ = next_ < last ? next_ + 1 : 1;
    const auto entry = entries_.insert(entries_.end(), {spelling, next_});
    by_offset_.emplace(next_, entry);
    by_name_.emplace(spelling, entry);
    next_ = next_ < last ? next_ + 1 : 1;
    return at(entry->offset);
}

bool NameMap::may_add(base::Mono now) {
    if (counted_)
        credit_ =
            std::min(new_names_burst, credit_ + new_names_rate * base::to_seconds(now - *counted_));
    counted_ = now;
    if (credit_ < 1) return false;
    --credit_;
    return true;
}

std::optional<std::string> NameMap::name_of(const base::IpAddress& address) {
    if (!contains(address)) return std::nullopt;
    const auto found = by_offset_.find(number_of(address) - number_of(range_.address));
    if (found == by_offset_.end()) return std::nullopt;
    entries_.splice(entries_.end(), entries_, found->second);
    return found->second->name;
}

void NameMap::forget_oldest() {
    by_offset_.erase(entries_.front().offset);
    by_name_.erase(entries_.front().name);
    entries_.pop_front();
}

}  // namespace nightjar::client::protocol
