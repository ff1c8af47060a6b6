// Names of things on the network, each a type of its own so that none can stand for another.
#pragma once

#include <algorithm>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "sphinx/base/bytes.hpp"

namespace nightjar::base {

/// N public bytes that name something. Ordered, so it keys a std::map: many of these values are
/// chosen by peers, and a tree cannot be flooded with colliding hashes. (Nor can a table under
/// relay::KeyedHash.)
template <class Tag, std::size_t N>
struct Id {
    ByteArray<N> bytes{};

    static constexpr std::size_t size() { return N; }
    /// Nothing if the length is not N.
    static std::optional<Id> from(ByteView view) {
        if (view.size() != N) return std::nullopt;
        Id id;
        std::copy(view.begin(), view.end(), id.bytes.begin());
        return id;
    }
    bool is_zero() const {
        return std::all_of(bytes.begin(), bytes.end(), [](auto byte) { return byte == 0; });
    }
    /// By the bytes. Nearly all names are keys, hashes or drawn: their first words decide, and a
    /// tree of them is searched without a call.
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
    /// In the order of the bytes.
    std::uint64_t first_word() const {
        static_assert(N >= sizeof(std::uint64_t));
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), sizeof word);
        return std::endian::native == std::endian::little ? __builtin_bswap64(word) : word;
    }
};

/// An X25519 public key: a relay's mix key of one epoch.
using MixKey = Id<struct MixKeyTag, 32>;
/// A relay's identity: its Ed25519 key, and the next-hop address of a routing block.
using NodeId = Id<struct NodeIdTag, 32>;
/// The Ed25519 key in the certificate that one end of a link shows.
using LinkKey = Id<struct LinkKeyTag, 32>;
/// Where a gateway delivers: the Ed25519 key of a client's certificate.
using MailboxId = Id<struct MailboxIdTag, 32>;
/// The 32-byte destination of a final routing block: a mailbox or the relay's own identity.
using Destination = Id<struct DestinationTag, 32>;
/// The 16-byte identifier of a final routing block: which SURB or loop came back.
using Identifier = Id<struct IdentifierTag, 16>;
/// Names an exit session to the exit; bound to nothing else.
using SessionId = Id<struct SessionIdTag, 16>;
/// Which network: hash of its name and authorities (docs/directory.md).
using NetworkId = Id<struct NetworkIdTag, 32>;

/// The period of a mix key, counted from the Unix epoch in units of the network's epoch length.
struct Epoch {
    std::uint32_t value = 0;

    /// What a cell carries to say which key it needs.
    std::uint8_t low_byte() const { return static_cast<std::uint8_t>(value); }
    Epoch next() const { return {value + 1}; }
    auto operator<=>(const Epoch&) const = default;
};

}  // namespace nightjar::base
