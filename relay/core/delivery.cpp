#include "relay/core/delivery.hpp"

#include <algorithm>

#include "sphinx/packet/geometry.hpp"

namespace nightjar::relay::core {

static_assert(packet::identifier_size + packet::payload_size + delivery_zeros == cell::body_size);
static_assert(packet::packet_size == cell::body_size);

FinalAction final_action(const packet::Final& final, const base::NodeId& self, bool from_client,
                         bool is_exit, bool is_gateway) {
    if (from_client) return DropReason::misrouted;
    const bool own = final.destination.bytes == self.bytes;
    const bool zero = final.identifier.is_zero();
    if (own && !zero) return OwnLoop{final.identifier};
    if (own) return is_exit ? FinalAction{ToExit{}} : FinalAction{DropReason::misrouted};
    if (!is_gateway) return DropReason::misrouted;
    if (zero && final.destination.is_zero()) return Nowhere{};
    if (zero) return DropReason::misrouted;
    return ToMailbox{base::MailboxId{final.destination.bytes}};
}

void make_delivery(cell::Cell& cell, const base::SurbId& identifier) {
    const auto body = cell.body();
    const auto payload = body.subspan(packet::header_size, packet::payload_size);
    // The source and target ranges overlap. The payload moves towards the front, so a forward copy
    // is correct.
    const auto behind =
        std::copy(payload.begin(), payload.end(), body.begin() + packet::identifier_size);
    std::copy(identifier.bytes.begin(), identifier.bytes.end(), body.begin());
    std::fill(behind, body.end(), std::uint8_t{0});
    cell.set_epoch(0);
}

base::ByteView final_payload(const cell::Cell& cell) {
    return cell.body().subspan(packet::header_size, packet::payload_size);
}

}  // namespace nightjar::relay::core
