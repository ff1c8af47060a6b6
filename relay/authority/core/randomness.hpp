// Random numbers that no authority chooses (docs/directory.md, "Layers"): each commits to a secret
// while it does not know the others', and reveals it an epoch later, when the relays' identities
// are fixed.
//
// An authority that sees all other secrets can still withhold its own. So each faulty one chooses
// between two outcomes, and is named.
#pragma once

#include <optional>
#include <vector>

#include "relay/authority/core/council.hpp"
#include "sphinx/base/codec.hpp"
#include "sphinx/base/secret.hpp"

namespace nightjar::relay::authority::core {

using Randomness = base::ByteArray<32>;

struct Commitment {
    base::NodeId authority;
    base::ByteArray<32> hash{};
    base::ByteArray<64> signature{};
    bool operator==(const Commitment&) const = default;
};

struct Reveal {
    base::NodeId authority;
    base::ByteArray<32> secret{};
    bool operator==(const Reveal&) const = default;
};

/// Their bytes in every message, value and file: the fields in this order.
void write(base::Writer& writer, const Commitment& commitment);
void write(base::Writer& writer, const Reveal& reveal);
void read(base::Reader& reader, Commitment& commitment);
void read(base::Reader& reader, Reveal& reveal);

/// The commitment to a secret for the randomness of `epoch`; `seed` is the authority's Ed25519
/// seed.
Commitment commit(const Council& council, base::Epoch epoch, const base::ByteArray<32>& secret,
                  const base::Secret<32>& seed);
/// An authority's commitment and reveal of an epoch. Its secret follows from its key, so a restart
/// loses nothing.
Commitment own_commitment(const Council& council, base::Epoch epoch, const base::Secret<32>& seed);
Reveal own_reveal(const Council& council, base::Epoch epoch, const base::Secret<32>& seed);
/// True if it is an authority's own, for this network and epoch.
bool verifies(const Commitment& commitment, const Council& council, base::Epoch epoch);
/// True if the reveal opens the commitment.
bool opens(const Reveal& reveal, const Commitment& commitment, const Council& council,
           base::Epoch epoch);

struct SharedRandomness {
    /// nullopt: too few have revealed for one of them to be honest.
    std::optional<Randomness> value;
    std::vector<base::NodeId> missing;  // committed and did not reveal; sorted
};

/// Precondition: the commitments verify; at most one for each authority. A reveal that opens no
/// commitment is ignored. The order of both lists does not matter.
SharedRandomness combine(const Council& council, base::Epoch epoch,
                         std::vector<Commitment> commitments, const std::vector<Reveal>& reveals);

}  // namespace nightjar::relay::authority::core
