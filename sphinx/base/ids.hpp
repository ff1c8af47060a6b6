// Identifiers used on the network. Each is a type of its own, so that the compiler rejects one in
// place of another.
#pragma once

#include <algorithm>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "sphinx/base/bytes.hpp"

namespace nightjar::base {

/// N public bytes that identify something. Ordered, so it can be the key of a std::map. Peers
/// choose many of these values: a tree has no hash collisions to exploit. (A hash table is safe
/// only with a keyed hash.)
template <class Tag, std::size_t N>
struct Id {
    ByteArray<N> bytes{};

    static constexpr std::size_t size() { return N; }
    /// nullopt if the length is not N.
    static std::optional<Id> from(ByteView view) {
        if (view.size() != N) return std::nullopt;
        Id id;
        std::copy(view.begin(), view.end(), id.bytes.begin());
        return id;
    }
    bool is_zero() const {
        return std::all_of(bytes.begin(), bytes.end(), [](auto byte) { return byte == 0; });
    }
    /// Byte order. Nearly all identifiers are keys, hashes or random, so the first words almost
    /// always decide, and a tree search needs no call of memcmp.
    friend std::strong_ordering operator<=>(const Id& a, const Id& b) {
        const auto of_a = a.first_word(), of_b = b.first_word();
        if (of_a != of_b) return of_a <=> of_b;
        return std::memcmp(a.bytes.data(), b.bytes.data(), N) <=> 0;
    }
    friend bool operator==(const Id& a, const Id& b) {
        return a.first_word() == b.first_word() &&
               std::memcmp(a.bytes.data(), b.bytes.data(), N) == 0;
    }

 private:
    /// The first word, big-endian: compares like the bytes.
    std::uint64_t first_word() const {
        static_assert(N >= sizeof(std::uint64_t));
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), sizeof word);
        return std::endian::native == std::endian::little ? __builtin_bswap64(word) : word;
    }
};

/// An X25519 public key: a relay's mix key for one epoch.
using MixKey = Id<struct MixKeyTag, 32>;
/// A relay's identity: its Ed25519 public key, also the next-hop address in a routing block.
using NodeId = Id<struct NodeIdTag, 32>;
/// The Ed25519 key in the certificate that one end of a link presents.
using LinkKey = Id<struct LinkKeyTag, 32>;
/// A client's mailbox at a gateway: the Ed25519 key of the client's certificate.
using MailboxId = Id<struct MailboxIdTag, 32>;
/// The 32-byte destination of a final routing block: a mailbox or the relay's own identity.
using Destination = Id<struct DestinationTag, 32>;
/// The 16-byte identifier in a final routing block: tells which SURB or loop has returned.
using SurbId = Id<struct IdentifierTag, 16>;
/// Identifies an exit session to its exit; not derived from anything else.
using SessionId = Id<struct SessionIdTag, 16>;
/// Identifies a network: a hash of its name and its authorities (docs/directory.md).
using NetworkId = Id<struct NetworkIdTag, 32>;

/// The period of a mix key, counted from the Unix epoch in units of the network's epoch length.
struct Epoch {
    std::uint32_t value = 0;

    /// The byte with which a cell names the key it needs.
    std::uint8_t low_byte() const { return static_cast<std::uint8_t>(value); }
    Epoch next() const { return {value + 1}; }
    auto operator<=>(const Epoch&) const = default;
};

}  // namespace nightjar::base
