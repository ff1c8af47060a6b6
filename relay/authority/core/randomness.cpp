#include "relay/authority/core/randomness.hpp"

#include <sodium.h>

#include <algorithm>

#include "sphinx/directory/fields.hpp"
#include "sphinx/directory/signature.hpp"

namespace nightjar::relay::authority::core {

namespace {

base::ByteArray<32> hash_of(std::string_view text) {
    base::ByteArray<32> hash{};
    const auto bytes = base::as_bytes(text);
    crypto_generichash(hash.data(), hash.size(), bytes.data(), bytes.size(), nullptr, 0);
    return hash;
}

/// Names its purpose, network and epoch: nothing of it is valid elsewhere.
std::string heading(std::string_view purpose, const Council& council, base::Epoch epoch) {
    std::string text;
    directory::put_field(text, purpose, 1);
    directory::put_field(text, "network-id", base::to_hex(council.network.bytes));
    directory::put_field(text, "epoch", epoch.value);
    return text;
}

std::string opening(const Council& council, base::Epoch epoch, const base::NodeId& authority,
                    const base::ByteArray<32>& secret) {
    auto text = heading("nightjar-reveal", council, epoch);
    directory::put_field(text, base::to_hex(authority.bytes), base::to_hex(secret));
    return text;
}

std::string signed_part(const Commitment& commitment, const Council& council, base::Epoch epoch) {
    auto text = heading("nightjar-commitment", council, epoch);
    directory::put_field(text, "hash", base::to_hex(commitment.hash));
    return text;
}

}  // namespace

void write(base::Writer& writer, const Commitment& commitment) {
    writer.bytes(commitment.authority.bytes);
    writer.bytes(commitment.hash);
    writer.bytes(commitment.signature);
}

void write(base::Writer& writer, const Reveal& reveal) {
    writer.bytes(reveal.authority.bytes);
    writer.bytes(reveal.secret);
}

void read(base::Reader& reader, Commitment& commitment) {
    reader.into(commitment.authority.bytes);
    reader.into(commitment.hash);
    reader.into(commitment.signature);
}

void read(base::Reader& reader, Reveal& reveal) {
    reader.into(reveal.authority.bytes);
    reader.into(reveal.secret);
}

Commitment commit(const Council& council, base::Epoch epoch, const base::ByteArray<32>& secret,
                  const base::Secret<32>& seed) {
    Commitment made;
    made.authority = directory::sign_text({}, seed).authority;
    made.hash = hash_of(opening(council, epoch, made.authority, secret));
    made.signature = directory::sign_text(signed_part(made, council, epoch), seed).signature;
    return made;
}

Reveal own_reveal(const Council& council, base::Epoch epoch, const base::Secret<32>& seed) {
    Reveal own{directory::sign_text({}, seed).authority, {}};
    const auto text = heading("nightjar-secret", council, epoch);
    const auto bytes = base::as_bytes(text);
    crypto_generichash(own.secret.data(), own.secret.size(), bytes.data(), bytes.size(),
                       seed.data(), seed.size());
    return own;
}

Commitment own_commitment(const Council& council, base::Epoch epoch, const base::Secret<32>& seed) {
    return commit(council, epoch, own_reveal(council, epoch, seed).secret, seed);
}

bool verifies(const Commitment& commitment, const Council& council, base::Epoch epoch) {
    return council.index_of(commitment.authority) &&
           directory::verifies(signed_part(commitment, council, epoch),
                               {commitment.authority, commitment.signature});
}

bool opens(const Reveal& reveal, const Commitment& commitment, const Council& council,
           base::Epoch epoch) {
    return reveal.authority == commitment.authority &&
           hash_of(opening(council, epoch, reveal.authority, reveal.secret)) == commitment.hash;
}

SharedRandomness combine(const Council& council, base::Epoch epoch,
                         std::vector<Commitment> commitments, const std::vector<Reveal>& reveals) {
    std::sort(commitments.begin(), commitments.end(),
              [](const auto& a, const auto& b) { return a.authority < b.authority; });
    SharedRandomness shared;
    std::size_t revealed = 0;
    auto text = heading("nightjar-randomness", council, epoch);
    for (const auto& commitment : commitments) {
        const auto found = std::find_if(reveals.begin(), reveals.end(), [&](const Reveal& reveal) {
            return opens(reveal, commitment, council, epoch);
        });
        if (found == reveals.end()) {
            shared.missing.push_back(commitment.authority);
            continue;
        }
        ++revealed;
        directory::put_field(text, base::to_hex(found->authority.bytes),
                             base::to_hex(found->secret));
    }
    if (revealed >= council.one_honest()) shared.value = hash_of(text);
    return shared;
}

}  // namespace nightjar::relay::authority::core
