#include "sphinx/packet/surb.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "sphinx/base/codec.hpp"
#include "sphinx/packet/draft.hpp"
#include "sphinx/packet/packet.hpp"
#include "sphinx/packet/payload.hpp"

namespace nightjar::packet {

base::Result<MadeSurb, Error> make_surb(std::span<const Hop> route,
                                        const base::Destination& destination,
                                        const base::SurbId& identifier,
                                        const HeaderRandomness& randomness) {
    if (identifier.is_zero()) return base::Fail{Error::zero_identifier};
    DraftJob job{.version = Version::v260,
                 .route = route,
                 .destination = destination,
                 .identifier = identifier,
                 .randomness = &randomness};
    draft_batch({&job, 1});
    if (!job.outcome) return base::Fail{job.outcome.error()};
    return to_surb(*job.outcome, identifier);
}

base::Result<Reply, Error> use_surb(base::ByteView surb, base::ByteView message,
                                    std::size_t payload_size) {
    // Check before allocating: payload_size might be huge.
    if (!fits(message.size(), payload_size)) return base::Fail{Error::bad_length};
    Reply reply{.first_hop = {}, .packet = base::Bytes(header_size + payload_size)};
    const auto first_hop = use_surb(surb, message, base::ByteSpan{reply.packet});
    if (!first_hop) return base::Fail{first_hop.error()};
    reply.first_hop = *first_hop;
    return reply;
}

base::Result<base::NodeId, Error> use_surb(base::ByteView surb, base::ByteView message,
                                           base::ByteSpan packet) {
    if (surb.size() != surb_size || packet.size() < header_size ||
        !fits(message.size(), packet.size() - header_size))
        return base::Fail{Error::bad_length};
    base::Reader reader{surb};
    reader.into(packet.first(header_size));
    base::NodeId first_hop;
    reader.into(first_hop.bytes);
    PayloadSeed seed;
    reader.into(seed.span());
    assert(reader.finished());

    const auto payload = packet.subspan(header_size);
    write_message(payload, message);
    crypto::StreamCiphers ciphers;
    lioness_encrypt(ciphers, payload_key(seed), payload);
    return first_hop;
}

base::Result<HeldSurb, Error> HeldSurb::from(base::ByteView surb) {
    if (surb.size() != surb_size) return base::Fail{Error::bad_length};
    HeldSurb held;
    std::copy(surb.begin(), surb.end(), held.bytes_.data());
    return held;
}

HeldSurb::HeldSurb(HeldSurb&& other) noexcept
    : bytes_{std::move(other.bytes_)}, spent_{std::exchange(other.spent_, true)} {}

HeldSurb& HeldSurb::operator=(HeldSurb&& other) noexcept {
    if (this != &other) {
        bytes_ = std::move(other.bytes_);
        spent_ = std::exchange(other.spent_, true);
    }
    return *this;
}

base::Result<Reply, Error> HeldSurb::use(base::ByteView message, std::size_t payload_size) {
    if (spent_) return base::Fail{Error::surb_spent};
    auto reply = use_surb(bytes_.view(), message, payload_size);
    if (reply) {
        spent_ = true;
        bytes_ = {};
    }
    return reply;
}

base::Result<base::Bytes, Error> recover(const SurbKeys& recovery, base::ByteView payload) {
    if (payload.size() < payload_size_min || recovery.hops == 0 || recovery.hops > max_hops)
        return base::Fail{Error::bad_length};
    // Every hop removed a layer, and the replier had added one: add the layers of the hops again,
    // then remove the replier's.
    base::SecretBytes opened{payload};
    crypto::StreamCiphers ciphers;
    const auto key_of = [&](std::size_t hop) {
        return payload_key(
            PayloadSeed{recovery.seeds.view().subspan(hop * key_size).first<key_size>()});
    };
    for (std::size_t i = recovery.hops; i-- > 0;)
        lioness_encrypt(ciphers, key_of(i), opened.span());
    lioness_decrypt(ciphers, key_of(recovery.hops - 1), opened.span());
    const auto message = read_message(opened.view());
    if (!message) return base::Fail{message.error()};
    return base::Bytes(message->begin(), message->end());
}

}  // namespace nightjar::packet
