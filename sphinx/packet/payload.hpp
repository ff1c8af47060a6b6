// The payload of a packet (docs/packet-format.md section 5): LIONESS over the whole of it, zeros
// and a marker around the message.
#pragma once

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/packet/error.hpp"
#include "sphinx/packet/keys.hpp"
#include "sphinx/packet/stream_ciphers.hpp"

namespace nightjar::packet {

/// A payload and the key of the layer to put on or take off.
struct SealedPayload {
    const PayloadKey* key;
    base::ByteSpan payload;
};
/// LIONESS in place, of several payloads in step. Precondition: payloads of one length, at least
/// payload_size_min bytes.
void lioness_encrypt(StreamCiphers& ciphers, std::span<const SealedPayload> batch);
void lioness_decrypt(StreamCiphers& ciphers, std::span<const SealedPayload> batch);
void lioness_encrypt(StreamCiphers& ciphers, const PayloadKey& key, base::ByteSpan payload);
void lioness_decrypt(StreamCiphers& ciphers, const PayloadKey& key, base::ByteSpan payload);

/// Whether a message of this length fits a payload of that size, itself at least the least.
bool fits(std::size_t message_size, std::size_t payload_size);

/// Fills `payload` with zeros, message, marker and zeros. Precondition: fits().
void write_message(base::ByteSpan payload, base::ByteView message);

}  // namespace nightjar::packet
