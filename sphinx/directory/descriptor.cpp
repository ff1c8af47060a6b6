#include "sphinx/directory/descriptor.hpp"

#include <sodium.h>

#include <stdexcept>

#include "sphinx/directory/fields.hpp"
#include "sphinx/directory/possession.hpp"
#include "sphinx/directory/relay_fields.hpp"
#include "sphinx/directory/signature.hpp"

namespace nightjar::directory {

namespace {

constexpr std::uint64_t seconds_max = 253'402'300'799;  // the end of the year 9999

struct Proofs {
    LinkProof link{};
    MixProof mix{}, next_mix{};
};

/// Reads the lines behind the relay's. The reason why a descriptor's maker does not hold its keys.
const char* take_proofs(FieldReader& reader, const Relay& relay) {
    const auto proven = reader.consumed();
    Proofs proofs;
    reader.into(proofs.link, reader.take("link-proof"));
    reader.into(proofs.mix, reader.take("mix-proof"));
    reader.into(proofs.next_mix, reader.take("next-mix-proof"));
    const auto signed_part = reader.consumed();
    base::ByteArray<64> signature{};
    reader.into(signature, reader.take("signature"));
    reader.finish();
    if (!reader.ok()) return nullptr;
    // The signature first: it is one check, and a stranger's text fails it.
    if (!verifies(signed_part, {relay.identity, signature}))
        return "the signature is not the relay's";
    if (!proves_link_key(proven, relay.link_key, proofs.link))
        return "the relay does not prove that it holds its link key";
    if (!proves_mix_key(proven, relay.mix_key, proofs.mix) ||
        !proves_mix_key(proven, relay.next_mix_key, proofs.next_mix))
        return "the relay does not prove that it holds its mix keys";
    return nullptr;
}

}  // namespace

std::string sign_descriptor(std::string lines, const DescriptorKeys& keys) {
    const auto proven = lines;
    const auto hex = [](const auto& bytes) { return base::to_hex(bytes); };
    put_field(lines, "link-proof", hex(prove_link_key(proven, keys.link_seed)));
    put_field(lines, "mix-proof", hex(prove_mix_key(proven, keys.mix_secret)));
    put_field(lines, "next-mix-proof", hex(prove_mix_key(proven, keys.next_mix_secret)));
    put_field(lines, "signature", hex(sign_text(lines, keys.identity_seed).signature));
    return lines;
}

std::string make_descriptor(const Descriptor& descriptor, const DescriptorKeys& keys) {
    if (const auto fault = relay_fault(descriptor.relay, RelayForm::descriptor))
        throw std::invalid_argument("the relay's description is impossible: " + *fault);
    if (descriptor.build == BuildHash{})
        throw std::invalid_argument("a descriptor names the build of its relay's program");
    if (descriptor.capacity < 1 || descriptor.capacity > capacity_max)
        throw std::invalid_argument("a descriptor's capacity is 1 to 1000000 packets a second");
    std::string text;
    put_field(text, "nightjar-descriptor", 4);
    put_field(text, "epoch", descriptor.epoch.value);
    put_field(text, "made", base::unix_seconds(descriptor.made));
    put_field(text, "build", base::to_hex(descriptor.build));
    put_field(text, "capacity", descriptor.capacity);
    put_relay(text, descriptor.relay, RelayForm::descriptor);
    text = sign_descriptor(std::move(text), keys);
    if (const auto parsed = parse_descriptor(text); !parsed)
        throw std::invalid_argument("a key is another relay's: " + parsed.error().reason);
    return text;
}

base::Result<Descriptor, ParseError> parse_descriptor(std::string_view text) {
    FieldReader reader{text, descriptor_size_max};
    Descriptor descriptor;
    reader.literal("nightjar-descriptor", "4");
    descriptor.epoch.value = static_cast<std::uint32_t>(reader.number("epoch", 0, UINT32_MAX));
    descriptor.made = base::Wall{
        base::Seconds{static_cast<base::Seconds::rep>(reader.number("made", 0, seconds_max))}};
    reader.into(descriptor.build, reader.take("build"));
    descriptor.capacity = static_cast<std::uint32_t>(reader.number("capacity", 1, capacity_max));
    descriptor.relay = take_relay(reader, RelayForm::descriptor);
    const auto* fault = take_proofs(reader, descriptor.relay);
    if (!reader.ok()) return base::Fail{reader.error()};
    if (fault != nullptr) return base::Fail{ParseError{0, fault}};
    return descriptor;
}

}  // namespace nightjar::directory
