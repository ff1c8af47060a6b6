#include "relay/core/surb_stock.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "sphinx/base/check.hpp"
#include "sphinx/directory/key_times.hpp"

namespace nightjar::relay::core {

namespace {

constexpr std::size_t reply_hops_max = 4;  // docs/packet-format.md section 6

}  // namespace

/// Relays keep an epoch's key for key_grace() after the epoch; the reply may take four delay caps
/// of that.
bool surb_usable(std::uint8_t epoch_low_byte, const directory::Parameters& parameters,
                 base::Wall wall) {
    const auto length = parameters.epoch_length;
    const auto now = directory::epoch_at(wall, length);
    const auto ahead = static_cast<std::int8_t>(epoch_low_byte - now.low_byte());
    if (ahead == 0) return true;
    if (ahead == 1)
        return wall + directory::KeyTimes::of(length).early >=
               directory::epoch_start(now.next(), length);
    const auto grace = parameters.key_grace() - reply_hops_max * parameters.delay_cap();
    return ahead == -1 && wall - directory::epoch_start(now, length) < grace;
}

std::size_t SurbStock::capacity_for(const directory::Parameters& parameters, std::size_t most) {
    const std::size_t target = parameters.surb_stock_target(parameters.replies);
    // A reply reports the stock in 16 bits.
    return std::min(
        {most, 2 * target + 64, std::size_t{std::numeric_limits<std::uint16_t>::max()}});
}

void SurbStock::push(base::ByteView surb, std::uint8_t epoch_low_byte, std::size_t capacity) {
    NIGHTJAR_CHECK(surb.size() == packet::surb_size && capacity > 0);
    if (surbs_.size() >= capacity) surbs_.pop_front();
    // A full buffer would overwrite its oldest SURB, so grow it first.
    const auto room = surbs_.capacity();
    if (surbs_.full()) surbs_.set_capacity(std::min(room + room / 2 + 4, capacity));
    surbs_.push_back();
    auto& newest = surbs_.back();
    std::copy(surb.begin(), surb.end(), newest.bytes.data());
    newest.epoch = epoch_low_byte;
}

std::optional<StoredSurb> SurbStock::pop_usable(const directory::Parameters& parameters,
                                                base::Wall wall) {
    while (!surbs_.empty() && !surb_usable(surbs_.front().epoch, parameters, wall))
        surbs_.pop_front();
    std::optional<StoredSurb> oldest;
    if (!surbs_.empty()) {
        oldest = std::move(surbs_.front());
        surbs_.pop_front();
    }
    // Release half of the room that spent and expired SURBs have left.
    if (surbs_.size() < surbs_.capacity() / 4) surbs_.set_capacity(surbs_.capacity() / 2);
    return oldest;
}

std::size_t SurbStock::bytes() const {
    return surbs_.capacity() * sizeof(StoredSurb);
}

}  // namespace nightjar::relay::core
