#include "sphinx/packet/payload.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "sphinx/base/check.hpp"
#include "sphinx/crypto/blake2b_batch.hpp"

#include "sphinx/packet/packet.hpp"

namespace nightjar::packet {

using base::ByteSpan;
using base::ByteView;

namespace {

// K1 (32) || K2 (64) || K3 (32) || K4 (64)
constexpr std::size_t left_size = 32;
constexpr std::size_t hash_key_size = 64;
constexpr std::size_t k1_offset = 0;
constexpr std::size_t k2_offset = k1_offset + left_size;
constexpr std::size_t k3_offset = k2_offset + hash_key_size;
constexpr std::size_t k4_offset = k3_offset + left_size;
static_assert(k4_offset + hash_key_size == payload_key_size);

/// The number of payloads per group: the lanes of the widest kernel. A group stays in the L1 cache
/// from round to round.
constexpr std::size_t group_max = 8;
using Group = std::span<const SealedPayload>;

/// R ^= S(L ^ K)
void stream_rounds(crypto::StreamCiphers& ciphers, Group group, std::size_t key_offset) {
    for (const auto& one : group) {
        base::Secret<left_size> stream_key;
        for (std::size_t i = 0; i < left_size; ++i)
            stream_key.data()[i] = one.payload[i] ^ one.key->data()[key_offset + i];
        ciphers.chacha20(stream_key, one.payload.subspan(left_size));
    }
}

/// L ^= H(K, R)
void hash_rounds(Group group, std::size_t key_offset) {
    std::array<base::Secret<left_size>, group_max> digests;
    std::array<crypto::KeyedHash, group_max> hashes;
    for (std::size_t i = 0; i < group.size(); ++i)
        hashes[i] = {group[i].key->data() + key_offset, group[i].payload.data() + left_size,
                     digests[i].data()};
    crypto::blake2b_keyed(std::span{hashes}.first(group.size()),
                          group[0].payload.size() - left_size);
    for (std::size_t i = 0; i < group.size(); ++i) {
        for (std::size_t b = 0; b < left_size; ++b)
            group[i].payload[b] ^= digests[i].data()[b];
    }
}

template <class Rounds>
void in_groups(std::span<const SealedPayload> batch, Rounds rounds) {
    while (!batch.empty()) {
        const auto group = batch.first(std::min(batch.size(), group_max));
        assert(group[0].payload.size() >= payload_size_min);
        rounds(group);
        batch = batch.subspan(group.size());
    }
}

}  // namespace

void lioness_encrypt(crypto::StreamCiphers& ciphers, std::span<const SealedPayload> batch) {
    in_groups(batch, [&](Group group) {
        stream_rounds(ciphers, group, k1_offset);
        hash_rounds(group, k2_offset);
        stream_rounds(ciphers, group, k3_offset);
        hash_rounds(group, k4_offset);
    });
}

void lioness_decrypt(crypto::StreamCiphers& ciphers, std::span<const SealedPayload> batch) {
    in_groups(batch, [&](Group group) {
        hash_rounds(group, k4_offset);
        stream_rounds(ciphers, group, k3_offset);
        hash_rounds(group, k2_offset);
        stream_rounds(ciphers, group, k1_offset);
    });
}

void lioness_encrypt(crypto::StreamCiphers& ciphers, const PayloadKey& key, ByteSpan payload) {
    const SealedPayload one{&key, payload};
    lioness_encrypt(ciphers, std::span{&one, 1});
}

void lioness_decrypt(crypto::StreamCiphers& ciphers, const PayloadKey& key, ByteSpan payload) {
    const SealedPayload one{&key, payload};
    lioness_decrypt(ciphers, std::span{&one, 1});
}

bool fits(std::size_t message_size, std::size_t payload_size) {
    return payload_size >= payload_size_min && payload_size <= payload_size_max &&
           message_size <= payload_size - payload_overhead;
}

void write_message(ByteSpan payload, ByteView message) {
    NIGHTJAR_CHECK(fits(message.size(), payload.size()));
    std::fill(payload.begin(), payload.end(), std::uint8_t{0});
    std::copy(message.begin(), message.end(), payload.begin() + payload_zeros);
    payload[payload_zeros + message.size()] = 0x01;
}

base::Result<ByteView, Error> read_message(ByteView payload) {
    if (payload.size() < payload_size_min) return base::Fail{Error::bad_length};
    const auto zeros = payload.first(payload_zeros);
    if (!std::all_of(zeros.begin(), zeros.end(), [](auto byte) { return byte == 0; }))
        return base::Fail{Error::bad_payload};
    const auto padded = payload.subspan(payload_zeros);
    const auto marker = std::find(padded.rbegin(), padded.rend(), std::uint8_t{0x01});
    if (marker == padded.rend()) return base::Fail{Error::bad_payload};
    return padded.first(static_cast<std::size_t>(padded.rend() - marker) - 1);
}

}  // namespace nightjar::packet
