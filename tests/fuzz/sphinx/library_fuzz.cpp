// The C interface: any bytes as a packet, a SURB, a payload and a saved recovery, and packets and
// replies of any size and route. The sanitizers watch the caller's buffers, which are exactly as
// large as the sizes that are passed.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "sphinx/base/codec.hpp"
#include "sphinx/library/nightjar_packet.h"
#include "tests/fuzz/depth.hpp"

using namespace nightjar;
using nightjar::fuzz::require;

namespace {
fuzz::Depth arrived{"a message read at the end of its route"};
fuzz::Depth answered{"a reply recovered"};
fuzz::Depth loaded{"bytes loaded as a recovery"};
fuzz::Depth held_raw{"bytes held as a SURB"};

using Buffer = std::vector<std::uint8_t>;

/// Always the same relays: their tables are made once.
struct Relays {
    Relays() {
        for (std::size_t i = 0; i < NIGHTJAR_MAX_HOPS; ++i) {
            Buffer secret(NIGHTJAR_KEY_SIZE, static_cast<std::uint8_t>(i + 1));
            require(nightjar_key_from(secret.data(), &keys[i]) == NIGHTJAR_OK);
            require(nightjar_key_public(keys[i], hops[i].key) == NIGHTJAR_OK);
        }
    }
    nightjar_key* keys[NIGHTJAR_MAX_HOPS] = {};
    nightjar_hop hops[NIGHTJAR_MAX_HOPS] = {};
};

/// Carries a packet as far as the relays know it. True if it ends at the last of `hops`.
bool carry(const Relays& relays, std::size_t hops, Buffer& packet) {
    for (std::size_t i = 0; i < hops; ++i) {
        nightjar_opened opened;
        if (nightjar_packet_unwrap(relays.keys[i], packet.data(), packet.size(), packet.size(),
                                   &opened) != NIGHTJAR_OK)
            return false;
        if (opened.is_final) return i + 1 == hops;
    }
    return false;
}

void take_any_bytes(const Relays& relays, const Buffer& input) {
    auto packet = input;
    carry(relays, NIGHTJAR_MAX_HOPS, packet);
    const std::uint8_t* message = nullptr;
    std::size_t size = 0;
    if (nightjar_message_read(input.data(), input.size(), &message, &size) == NIGHTJAR_OK)
        require(message + size <= input.data() + input.size());

    nightjar_recovery* recovery = nullptr;
    if (nightjar_recovery_load(input.data(), input.size(), &recovery) == NIGHTJAR_OK) {
        loaded.reach();
        Buffer saved(input.size()), answer(size);
        require(nightjar_recovery_save(recovery, saved.data(), saved.size(), &size) == NIGHTJAR_OK);
        require(saved == input);
        nightjar_recovery_read(recovery, input.data(), input.size(), answer.data(), answer.size(),
                               &size);
    }
    nightjar_recovery_free(recovery);

    nightjar_surb* held = nullptr;
    if (nightjar_surb_hold(input.data(), input.size(), &held) == NIGHTJAR_OK) {
        held_raw.reach();
        Buffer reply(NIGHTJAR_HEADER_SIZE + 64), first(NIGHTJAR_ADDRESS_SIZE);
        require(nightjar_surb_use(held, nullptr, 0, reply.data(), reply.size(), first.data()) ==
                NIGHTJAR_OK);
    }
    nightjar_surb_free(held);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    base::Reader reader{{data, size}};
    const std::size_t packet_size = 1 + reader.u16() % 1200;
    const std::size_t hops = reader.u8() % (NIGHTJAR_MAX_HOPS + 2);
    const std::uint16_t version = 256 + reader.u8() % 8;
    const auto rest = reader.bytes(reader.remaining());
    const Buffer input(rest.begin(), rest.end());
    static const Relays relays;
    take_any_bytes(relays, input);

    const Buffer destination(NIGHTJAR_DESTINATION_SIZE, 1), identifier(NIGHTJAR_IDENTIFIER_SIZE, 2);
    static const nightjar_randomness randomness{};
    const bool fits =
        hops >= 1 && hops <= NIGHTJAR_MAX_HOPS &&
        packet_size >= NIGHTJAR_HEADER_SIZE + NIGHTJAR_PAYLOAD_SIZE_MIN &&
        input.size() + NIGHTJAR_HEADER_SIZE + NIGHTJAR_PAYLOAD_OVERHEAD <= packet_size;
    Buffer packet(packet_size);
    const auto built =
        nightjar_packet_build(version, relays.hops, hops, destination.data(), identifier.data(),
                              input.data(), input.size(), &randomness, packet.data(), packet_size);
    require((built == NIGHTJAR_OK) == (fits && (version == 259 || version == 260)));
    if (built == NIGHTJAR_OK) {
        require(carry(relays, hops, packet));
        const std::uint8_t* message = nullptr;
        std::size_t message_size = 0;
        require(nightjar_message_read(packet.data() + NIGHTJAR_HEADER_SIZE,
                                      packet_size - NIGHTJAR_HEADER_SIZE, &message,
                                      &message_size) == NIGHTJAR_OK);
        require(std::equal(input.begin(), input.end(), message, message + message_size));
        arrived.reach();
    }

    Buffer surb(NIGHTJAR_SURB_SIZE), first(NIGHTJAR_ADDRESS_SIZE);
    nightjar_recovery* recovery = nullptr;
    nightjar_surb* held = nullptr;
    if (!fits || nightjar_surb_make(relays.hops, hops, destination.data(), identifier.data(),
                                    &randomness, surb.data(), &recovery) != NIGHTJAR_OK)
        return 0;
    require(nightjar_surb_hold(surb.data(), surb.size(), &held) == NIGHTJAR_OK);
    require(nightjar_surb_use(held, input.data(), input.size(), packet.data(), packet_size,
                              first.data()) == NIGHTJAR_OK);
    require(carry(relays, hops, packet));
    Buffer answer(input.size());
    std::size_t answer_size = 0;
    require(nightjar_recovery_read(recovery, packet.data() + NIGHTJAR_HEADER_SIZE,
                                   packet_size - NIGHTJAR_HEADER_SIZE, answer.data(), answer.size(),
                                   &answer_size) == NIGHTJAR_OK);
    require(answer == input);
    answered.reach();
    nightjar_surb_free(held);
    nightjar_recovery_free(recovery);
    return 0;
}
