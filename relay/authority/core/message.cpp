#include "relay/authority/core/message.hpp"

#include <sodium.h>

#include "sphinx/base/codec.hpp"
#include "sphinx/directory/signature.hpp"

namespace nightjar::relay::authority::core {

namespace {

/// The first byte of a certificate: this and the kind of its votes.
constexpr std::uint8_t certificate_mark = 0x10;

bool is_vote(Kind kind) {
    return kind == Kind::prevote || kind == Kind::precommit;
}

/// Everything of a message but its signature.
void put_fields(base::Writer& writer, const Message& message) {
    writer.u8(static_cast<std::uint8_t>(message.kind));
    writer.u32(message.epoch.value);
    writer.u32(message.round);
    writer.u32(message.valid_round);
    writer.bytes(message.value.bytes);
    writer.bytes(message.authority.bytes);
}

/// What is signed. Its first line differs from that of a document and of a descriptor, so no
/// signature is valid for two of them; and it names the network.
std::string signed_text(const Message& message, const base::NetworkId& network) {
    base::ByteArray<message_size> bytes{};
    base::Writer writer{bytes};
    put_fields(writer, message);
    std::string text = "nightjar-agreement 1\n";
    text += base::as_text(network.bytes);
    text += base::as_text(base::ByteView{bytes}.first(writer.written()));
    return text;
}

bool well_formed(const Message& message) {
    if (message.round >= rounds_max) return false;
    if (is_vote(message.kind)) return message.valid_round == no_round;
    if (message.kind != Kind::proposal || message.value.is_zero()) return false;
    return message.valid_round == no_round || message.valid_round < message.round;
}

}  // namespace

ValueId value_id(base::ByteView value) {
    ValueId id;
    crypto_generichash(id.bytes.data(), id.bytes.size(), value.data(), value.size(), nullptr, 0);
    return id;
}

base::Bytes encode(const Message& message) {
    base::Bytes bytes(message_size);
    base::Writer writer{bytes};
    put_fields(writer, message);
    writer.bytes(message.signature);
    return bytes;
}

std::optional<Message> parse_message(base::ByteView bytes) {
    base::Reader reader{bytes};
    Message message;
    message.kind = static_cast<Kind>(reader.u8());
    message.epoch.value = reader.u32();
    message.round = reader.u32();
    message.valid_round = reader.u32();
    reader.into(message.value.bytes);
    reader.into(message.authority.bytes);
    reader.into(message.signature);
    if (!reader.finished() || !well_formed(message)) return std::nullopt;
    return message;
}

Message Certificate::vote(const Voter& voter) const {
    return {kind, epoch, round, no_round, value, voter.authority, voter.signature};
}

base::Bytes encode(const Certificate& certificate) {
    base::Bytes bytes(2 + 2 * 4 + 32 + certificate.voters.size() * 96);
    base::Writer writer{bytes};
    writer.u8(certificate_mark | static_cast<std::uint8_t>(certificate.kind));
    writer.u32(certificate.epoch.value);
    writer.u32(certificate.round);
    writer.bytes(certificate.value.bytes);
    writer.u8(static_cast<std::uint8_t>(certificate.voters.size()));
    for (const auto& voter : certificate.voters) {
        writer.bytes(voter.authority.bytes);
        writer.bytes(voter.signature);
    }
    return bytes;
}

std::optional<Certificate> parse_certificate(base::ByteView bytes) {
    base::Reader reader{bytes};
    Certificate certificate;
    const auto first = reader.u8();
    certificate.kind = static_cast<Kind>(first & ~certificate_mark);
    if ((first & certificate_mark) == 0 || !is_vote(certificate.kind)) return std::nullopt;
    certificate.epoch.value = reader.u32();
    certificate.round = reader.u32();
    reader.into(certificate.value.bytes);
    const std::size_t count = reader.u8();
    if (count == 0 || count > authorities_max || reader.remaining() != count * 96)
        return std::nullopt;
    if (certificate.round >= rounds_max || certificate.value.is_zero()) return std::nullopt;
    certificate.voters.resize(count);
    const Voter* before = nullptr;
    for (auto& voter : certificate.voters) {
        reader.into(voter.authority.bytes);
        reader.into(voter.signature);
        if (before != nullptr && !(before->authority < voter.authority)) return std::nullopt;
        before = &voter;
    }
    return certificate;
}

Signer::Signer(const Council& council, base::Secret<32> seed)
    : network_{council.network}, seed_{std::move(seed)} {
    authority_ = directory::sign_text({}, seed_).authority;
}

Message Signer::sign(Message message) const {
    message.authority = authority_;
    message.signature = directory::sign_text(signed_text(message, network_), seed_).signature;
    return message;
}

std::optional<CheckedMessage> CheckedMessage::check(const Message& message,
                                                    const Council& council) {
    const auto author = council.index_of(message.authority);
    if (!author || !well_formed(message)) return std::nullopt;
    // Only the authority whose turn it is proposes: a message of another one has no use.
    if (message.kind == Kind::proposal &&
        message.authority != council.proposer(message.epoch, message.round))
        return std::nullopt;
    if (!directory::verifies(signed_text(message, council.network),
                             {message.authority, message.signature}))
        return std::nullopt;
    return CheckedMessage{message, *author};
}

std::optional<CheckedCertificate> CheckedCertificate::check(const Certificate& certificate,
                                                            const Council& council) {
    if (certificate.voters.size() < council.quorum) return std::nullopt;
    const Voter* before = nullptr;
    for (const auto& voter : certificate.voters) {
        if (before != nullptr && !(before->authority < voter.authority)) return std::nullopt;
        if (!CheckedMessage::check(certificate.vote(voter), council)) return std::nullopt;
        before = &voter;
    }
    return CheckedCertificate{certificate};
}

}  // namespace nightjar::relay::authority::core
