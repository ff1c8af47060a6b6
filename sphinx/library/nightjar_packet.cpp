// The C interface over sphinx/packet. Each function checks its pointers, translates its arguments,
// and stops every exception. building.cpp has the part that builds packets.
#include "sphinx/library/nightjar_packet.h"

#include "sphinx/library/translate.hpp"
#include "sphinx/packet/packet.hpp"
#include "sphinx/packet/surb.hpp"

using namespace nightjar;

struct nightjar_key {
    packet::SecretKey secret;
};
struct nightjar_surb {
    packet::HeldSurb held;
};
struct nightjar_recovery {
    packet::SurbKeys keys;
};

static_assert(NIGHTJAR_MAX_HOPS == packet::max_hops);
static_assert(NIGHTJAR_KEY_SIZE == packet::SecretKey::size());
static_assert(NIGHTJAR_KEY_SIZE == packet::PublicKey::size());
static_assert(NIGHTJAR_ADDRESS_SIZE == packet::node_address_size);
static_assert(NIGHTJAR_DESTINATION_SIZE == packet::destination_size);
static_assert(NIGHTJAR_IDENTIFIER_SIZE == packet::identifier_size);
static_assert(NIGHTJAR_TAG_SIZE == packet::ReplayTag::size());
static_assert(NIGHTJAR_FINAL_PADDING_SIZE == packet::final_padding_size_max);
static_assert(NIGHTJAR_HEADER_SIZE == packet::header_size);
static_assert(NIGHTJAR_PAYLOAD_OVERHEAD == packet::payload_overhead);
static_assert(NIGHTJAR_PAYLOAD_SIZE_MIN == packet::payload_size_min);
static_assert(NIGHTJAR_SURB_SIZE == packet::surb_size);
static_assert(NIGHTJAR_RECOVERY_SIZE_MAX ==
              packet::identifier_size + packet::max_hops * packet::key_size);
static_assert(NIGHTJAR_MESSAGE_SIZE == packet::message_size);
static_assert(NIGHTJAR_PAYLOAD_SIZE == packet::payload_size);
static_assert(NIGHTJAR_PACKET_SIZE == packet::packet_size);

namespace nightjar::library {
namespace {

nightjar_opened opened_of(const packet::Opened& opened) {
    nightjar_opened out{};
    write(out.replay_tag, opened.replay_tag.bytes);
    if (const auto* forward = std::get_if<packet::Forward>(&opened.what)) {
        write(out.next, forward->next.bytes);
        out.delay_ns = forward->delay_ns;
        return out;
    }
    const auto& end = std::get<packet::Final>(opened.what);
    out.is_final = 1;
    write(out.destination, end.destination.bytes);
    write(out.identifier, end.identifier.bytes);
    return out;
}

}  // namespace
}  // namespace nightjar::library

using namespace nightjar::library;

uint32_t nightjar_interface(void) {
    return NIGHTJAR_INTERFACE;
}

const char* nightjar_error_name(int error) {
    switch (error) {
        case NIGHTJAR_OK:
            return "ok";
        case NIGHTJAR_BAD_ARGUMENT:
            return "bad_argument";
        case NIGHTJAR_SMALL_BUFFER:
            return "small_buffer";
        case NIGHTJAR_NO_MEMORY:
            return "no_memory";
        case NIGHTJAR_INTERNAL:
            return "internal";
        default:
            break;
    }
    for (int i = 0; i <= static_cast<int>(packet::Error::surb_spent); ++i)
        if (static_cast<int>(of(static_cast<packet::Error>(i))) == error)
            return packet::to_string(static_cast<packet::Error>(i));
    return "unknown";
}

nightjar_error nightjar_key_generate(nightjar_key** key) {
    return guarded([&] {
        if (!given(key)) return NIGHTJAR_BAD_ARGUMENT;
        base::SystemRandom random;
        *key = new nightjar_key{std::move(packet::generate_key_pair(random).secret)};
        return NIGHTJAR_OK;
    });
}

nightjar_error nightjar_key_from(const uint8_t* bytes, nightjar_key** key) {
    return guarded([&] {
        if (!given(bytes) || !given(key)) return NIGHTJAR_BAD_ARGUMENT;
        *key = new nightjar_key{secret(bytes)};
        return NIGHTJAR_OK;
    });
}

nightjar_error nightjar_key_secret(const nightjar_key* key, uint8_t* bytes) {
    return guarded([&] {
        if (!given(key) || !given(bytes)) return NIGHTJAR_BAD_ARGUMENT;
        write(bytes, key->secret.view());
        return NIGHTJAR_OK;
    });
}

nightjar_error nightjar_key_public(const nightjar_key* key, uint8_t* public_key) {
    return guarded([&] {
        if (!given(key) || !given(public_key)) return NIGHTJAR_BAD_ARGUMENT;
        write(public_key, packet::public_key_of(key->secret).bytes);
        return NIGHTJAR_OK;
    });
}

void nightjar_key_free(nightjar_key* key) {
    delete key;
}

nightjar_error nightjar_packet_unwrap(const nightjar_key* key, uint8_t* bytes, size_t packet_size,
                                      size_t network_packet_size, nightjar_opened* opened) {
    return guarded([&] {
        if (!given(key) || !given(opened) || !given(bytes)) return NIGHTJAR_BAD_ARGUMENT;
        const auto result = packet::unwrap({bytes, packet_size}, key->secret, network_packet_size);
        if (!result) return of(result.error());
        *opened = opened_of(*result);
        return NIGHTJAR_OK;
    });
}

nightjar_error nightjar_packet_unwrap_many(nightjar_unwrap_job* jobs, size_t count,
                                           size_t network_packet_size) {
    return guarded([&] {
        if (jobs == nullptr && count != 0) return NIGHTJAR_BAD_ARGUMENT;
        const std::span all{jobs, count};
        for (const auto& job : all)
            if (!given(job.key) || !given(job.packet)) return NIGHTJAR_BAD_ARGUMENT;
        std::vector<packet::UnwrapJob> batch(count);
        for (std::size_t i = 0; i < count; ++i) {
            batch[i].packet = {all[i].packet, all[i].packet_size};
            batch[i].key = &all[i].key->secret;
        }
        packet::unwrap_batch(batch, network_packet_size);
        for (std::size_t i = 0; i < count; ++i) {
            const auto& outcome = batch[i].outcome;
            all[i].error = outcome ? NIGHTJAR_OK : of(outcome.error());
            if (outcome) all[i].opened = opened_of(*outcome);
        }
        return NIGHTJAR_OK;
    });
}

nightjar_error nightjar_message_read(const uint8_t* payload, size_t payload_size,
                                     const uint8_t** message, size_t* message_size) {
    return guarded([&] {
        if (!given(payload) || !given(message) || !given(message_size))
            return NIGHTJAR_BAD_ARGUMENT;
        const auto read = packet::read_message({payload, payload_size});
        if (!read) return of(read.error());
        *message = read->data();
        *message_size = read->size();
        return NIGHTJAR_OK;
    });
}

nightjar_error nightjar_surb_make(const nightjar_hop* route, size_t hops,
                                  const uint8_t* destination, const uint8_t* identifier,
                                  const nightjar_randomness* randomness, uint8_t* surb,
                                  nightjar_recovery** recovery) {
    return guarded([&] {
        if (!given(route) || !given(destination, identifier, surb) || !given(recovery))
            return NIGHTJAR_BAD_ARGUMENT;
        if (hops == 0 || hops > packet::max_hops) return NIGHTJAR_BAD_ROUTE;
        auto made = packet::make_surb(route_of(route, hops), id<base::Destination>(destination),
                                      id<base::SurbId>(identifier), randomness_of(randomness));
        if (!made) return of(made.error());
        *recovery = new nightjar_recovery{std::move(made->recovery)};
        write(surb, made->surb);
        return NIGHTJAR_OK;
    });
}

nightjar_error nightjar_surb_hold(const uint8_t* surb, size_t surb_size, nightjar_surb** held) {
    return guarded([&] {
        if (!given(surb) || !given(held)) return NIGHTJAR_BAD_ARGUMENT;
        auto taken = packet::HeldSurb::from({surb, surb_size});
        if (!taken) return of(taken.error());
        *held = new nightjar_surb{std::move(*taken)};
        return NIGHTJAR_OK;
    });
}

nightjar_error nightjar_surb_use(nightjar_surb* held, const uint8_t* message, size_t message_size,
                                 uint8_t* out, size_t packet_size, uint8_t* first_hop) {
    return guarded([&] {
        if (!given(held) || !given(out, first_hop) || !given_bytes(message, message_size))
            return NIGHTJAR_BAD_ARGUMENT;
        if (packet_size < packet::header_size) return NIGHTJAR_BAD_LENGTH;
        const auto reply =
            held->held.use({message, message_size}, packet_size - packet::header_size);
        if (!reply) return of(reply.error());
        write(out, reply->packet);
        write(first_hop, reply->first_hop.bytes);
        return NIGHTJAR_OK;
    });
}

void nightjar_surb_free(nightjar_surb* held) {
    delete held;
}

nightjar_error nightjar_recovery_read(const nightjar_recovery* recovery, const uint8_t* payload,
                                      size_t payload_size, uint8_t* message, size_t capacity,
                                      size_t* message_size) {
    return guarded([&] {
        if (!given(recovery) || !given(payload) || !given(message_size) ||
            !given_bytes(message, capacity))
            return NIGHTJAR_BAD_ARGUMENT;
        const auto read = packet::recover(recovery->keys, {payload, payload_size});
        if (!read) return of(read.error());
        *message_size = read->size();
        if (read->size() > capacity) return NIGHTJAR_SMALL_BUFFER;
        write(message, *read);
        return NIGHTJAR_OK;
    });
}

nightjar_error nightjar_recovery_save(const nightjar_recovery* recovery, uint8_t* bytes,
                                      size_t capacity, size_t* size) {
    return guarded([&] {
        if (!given(recovery) || !given(size) || !given_bytes(bytes, capacity))
            return NIGHTJAR_BAD_ARGUMENT;
        const auto seeds = recovery->keys.hops * packet::key_size;
        *size = packet::identifier_size + seeds;
        if (capacity < *size) return NIGHTJAR_SMALL_BUFFER;
        write(bytes, recovery->keys.identifier.bytes);
        write(bytes + packet::identifier_size, recovery->keys.seeds.view().first(seeds));
        return NIGHTJAR_OK;
    });
}

nightjar_error nightjar_recovery_load(const uint8_t* bytes, size_t size,
                                      nightjar_recovery** recovery) {
    return guarded([&] {
        if (!given(bytes) || !given(recovery)) return NIGHTJAR_BAD_ARGUMENT;
        if (size < packet::identifier_size + packet::key_size ||
            size > NIGHTJAR_RECOVERY_SIZE_MAX || size % packet::key_size != 0)
            return NIGHTJAR_BAD_LENGTH;
        packet::SurbKeys keys;
        keys.identifier = id<base::SurbId>(bytes);
        keys.hops = size / packet::key_size - 1;
        std::copy_n(bytes + packet::identifier_size, keys.hops * packet::key_size,
                    keys.seeds.data());
        *recovery = new nightjar_recovery{std::move(keys)};
        return NIGHTJAR_OK;
    });
}

void nightjar_recovery_free(nightjar_recovery* recovery) {
    delete recovery;
}
