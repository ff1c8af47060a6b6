#include "sphinx/directory/descriptor.hpp"

#include <sodium.h>

#include <cassert>
#include <stdexcept>

#include "sphinx/directory/fields.hpp"
#include "sphinx/directory/relay_fields.hpp"
#include "sphinx/directory/signature.hpp"

namespace nightjar::directory {

std::string make_descriptor(const Relay& relay, base::Epoch epoch,
                            const base::Secret<32>& identity_seed) {
    if (const auto fault = relay_fault(relay, RelayForm::descriptor))
        throw std::invalid_argument("the relay's description is impossible: " + *fault);
    std::string text;
    put_field(text, "nightjar-descriptor", 1);
    put_field(text, "epoch", epoch.value);
    put_relay(text, relay, RelayForm::descriptor);
    const auto signature = sign_text(text, identity_seed);
    if (signature.authority != relay.identity)
        throw std::invalid_argument("the identity key is another relay's");
    put_field(text, "signature", base::to_hex(signature.signature));
    return text;
}

base::Result<Descriptor, ParseError> parse_descriptor(std::string_view text) {
    FieldReader reader{text, descriptor_size_max};
    Descriptor descriptor;
    reader.literal("nightjar-descriptor", "1");
    descriptor.epoch.value = static_cast<std::uint32_t>(reader.number("epoch", 0, UINT32_MAX));
    descriptor.relay = take_relay(reader, RelayForm::descriptor);
    const auto signed_part = reader.consumed();
    reader.into(descriptor.signature, reader.take("signature"));
    reader.finish();
    if (!reader.ok()) return base::Fail{reader.error()};
    if (!verifies(signed_part, {descriptor.relay.identity, descriptor.signature}))
        return base::Fail{ParseError{0, "the signature is not the relay's"}};
    return descriptor;
}

}  // namespace nightjar::directory
