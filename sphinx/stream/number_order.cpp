#include "sphinx/stream/number_order.hpp"

namespace nightjar::stream {

std::optional<PacketNumber> NumberOrder::next() {
    const auto at = last_ % block;
    if (at == 0) {
        auto& fresh = blocks_.emplace_back();
        for (std::size_t i = 0; i < block; ++i)
            fresh.number_at[i] = static_cast<std::uint8_t>(i);
        random_.shuffle(fresh.number_at);
        unused_ = unused_max * random_.unit();
        for (std::size_t i = 0; i < block; ++i)
            fresh.position_of[fresh.number_at[i]] = static_cast<std::uint8_t>(i);
    }
    const auto first = last_ - at;
    ++last_;
    if (random_.unit() < unused_) return std::nullopt;
    return first + blocks_.back().number_at[at] + 1;
}

PacketNumber NumberOrder::position_of(PacketNumber number) const {
    if (number == 0) return 0;
    const auto index = (number - 1) / block;
    if (index < forgot_ || index - forgot_ >= blocks_.size()) return 0;
    return index * block + blocks_[index - forgot_].position_of[(number - 1) % block] + 1;
}

void NumberOrder::forget_before(PacketNumber position) {
    for (; blocks_.size() > 1 && (forgot_ + 1) * block < position; ++forgot_)
        blocks_.pop_front();
}

}  // namespace nightjar::stream
