// The payload of a packet (docs/packet-format.md section 5): zeros, message and marker, encrypted
// as a whole with LIONESS.
#pragma once

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/crypto/stream_ciphers.hpp"
#include "sphinx/packet/error.hpp"
#include "sphinx/packet/keys.hpp"

namespace nightjar::packet {

/// The largest payload that is built. The format has no such bound. Without it a size that is a
/// negative difference would wrap around when the header's size is added, or take much memory.
inline constexpr std::size_t payload_size_max = std::size_t{1} << 20;

/// A payload, and the key of the layer to add or remove.
struct SealedPayload {
    const PayloadKey* key;
    base::ByteSpan payload;
};
/// Applies LIONESS in place to several payloads in parallel. Precondition: payloads of equal
/// length, at least payload_size_min bytes.
void lioness_encrypt(crypto::StreamCiphers& ciphers, std::span<const SealedPayload> batch);
void lioness_decrypt(crypto::StreamCiphers& ciphers, std::span<const SealedPayload> batch);
void lioness_encrypt(crypto::StreamCiphers& ciphers, const PayloadKey& key, base::ByteSpan payload);
void lioness_decrypt(crypto::StreamCiphers& ciphers, const PayloadKey& key, base::ByteSpan payload);

/// True if a message of this length fits into a payload of this size, and the payload size is
/// valid.
bool fits(std::size_t message_size, std::size_t payload_size);

/// Fills `payload` with zeros, message, marker and zeros. Precondition: fits().
void write_message(base::ByteSpan payload, base::ByteView message);

}  // namespace nightjar::packet
