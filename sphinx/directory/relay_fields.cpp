#include "sphinx/directory/relay_fields.hpp"

#include <algorithm>

#include "sphinx/directory/country.hpp"

namespace nightjar::directory {

namespace {

void put_word_unless_empty(std::string& text, std::string_view name, const std::string& value) {
    if (!value.empty()) put_field(text, name, value);
}

std::string word_if_next(FieldReader& reader, std::string_view name) {
    return reader.next_is(name) ? reader.word(name) : std::string{};
}

std::vector<Endpoint> take_addresses(FieldReader& reader) {
    std::vector<Endpoint> addresses;
    do {
        const auto endpoint = parse_endpoint(reader.take("relay.address"));
        if (!reader.ok()) break;
        if (!endpoint || endpoint->port == 0) {
            reader.fail("not a literal IP address and port in canonical form");
        } else if (!addresses.empty() && *endpoint <= addresses.back()) {
            reader.fail("an address that is out of order or given twice");
        } else if (addresses.size() == addresses_max) {
            reader.fail("more than 8 addresses");
        } else {
            addresses.push_back(*endpoint);
        }
    } while (reader.next_is("relay.address"));
    return addresses;
}

std::string take_exit_policy(FieldReader& reader) {
    if (!reader.next_is("relay.exit-policy")) return {};
    const auto value = reader.take("relay.exit-policy");
    if (!is_phrase(value)) reader.fail("not printable ASCII of at most 512, single-spaced");
    return std::string{value};
}

std::string take_country(FieldReader& reader) {
    if (!reader.next_is("relay.country")) return {};
    const auto value = reader.take("relay.country");
    if (!looks_like_country(value)) reader.fail("not two letters a to z");
    return std::string{value};
}

/// The layer comes before the role in the text, and the two must agree.
void take_role(FieldReader& reader, Relay& relay, std::uint8_t layer) {
    const auto role = reader.take("relay.role");
    if (!reader.ok()) return;
    if (role != "mix" && role != "gateway") return reader.fail("an unknown role");
    relay.role = role == "mix" ? Role::mix : Role::gateway;
    relay.layer = layer;
    if (relay.role == Role::mix && layer == 0) reader.fail("a mix without a layer");
    if (relay.role == Role::gateway && layer != 0) reader.fail("a gateway with a layer");
    if (relay.role == Role::mix && relay.is_exit()) reader.fail("a mix with an exit policy");
}

}  // namespace

void put_relay(std::string& text, const Relay& relay, RelayForm form) {
    put_field(text, "relay", base::to_hex(relay.identity.bytes));
    for (const auto& address : relay.addresses)
        put_field(text, "relay.address", to_text(address));
    if (form == RelayForm::document) put_field(text, "relay.capacity", relay.capacity);
    put_word_unless_empty(text, "relay.country", relay.country);
    put_word_unless_empty(text, "relay.exit-policy", relay.exit_policy);
    if (form == RelayForm::document) put_word_unless_empty(text, "relay.family", relay.family);
    if (relay.layer != 0) put_field(text, "relay.layer", relay.layer);
    put_field(text, "relay.link-key", base::to_hex(relay.link_key.bytes));
    put_field(text, "relay.mix-key", base::to_hex(relay.mix_key.bytes));
    put_word_unless_empty(text, "relay.name", relay.name);
    put_field(text, "relay.next-mix-key", base::to_hex(relay.next_mix_key.bytes));
    if (form == RelayForm::document)
        put_word_unless_empty(text, "relay.operator", relay.operator_name);
    put_field(text, "relay.role", relay.role == Role::mix ? "mix" : "gateway");
    put_optional(text, "relay.optional.", relay.optional);
}

Relay take_relay(FieldReader& reader, RelayForm form) {
    const bool full = form == RelayForm::document;
    Relay relay;
    relay.identity = reader.id<base::NodeId>("relay");
    relay.addresses = take_addresses(reader);
    if (full)
        relay.capacity =
            static_cast<std::uint32_t>(reader.number("relay.capacity", 1, capacity_max));
    relay.country = take_country(reader);
    relay.exit_policy = take_exit_policy(reader);
    if (full) relay.family = word_if_next(reader, "relay.family");
    std::uint8_t layer = 0;
    if (reader.next_is("relay.layer"))
        layer = static_cast<std::uint8_t>(reader.number("relay.layer", 1, layers_max));
    relay.link_key = reader.id<base::LinkKey>("relay.link-key");
    relay.mix_key = reader.id<base::MixKey>("relay.mix-key");
    relay.name = word_if_next(reader, "relay.name");
    relay.next_mix_key = reader.id<base::MixKey>("relay.next-mix-key");
    if (full) relay.operator_name = word_if_next(reader, "relay.operator");
    // One key in two epochs would outlive its replay filter.
    if (reader.ok() && relay.mix_key == relay.next_mix_key)
        reader.fail("the same mix key in two epochs");
    take_role(reader, relay, layer);
    relay.optional = take_optional(reader, "relay.optional.", optional_of_relay);
    return relay;
}

std::optional<std::string> relay_fault(const Relay& relay, RelayForm form) {
    auto expected = relay;
    if (form == RelayForm::descriptor) {
        expected.operator_name.clear();
        expected.family.clear();
        expected.capacity = 1;
    }
    std::string text;
    put_relay(text, expected, form);
    FieldReader reader{text, text.size()};
    const auto parsed = take_relay(reader, form);
    reader.finish();
    if (!reader.ok()) return reader.error().reason;
    if (parsed != expected) return "a text that a document cannot contain";
    return std::nullopt;
}

std::string called(const Relay& relay) {
    if (!relay.name.empty()) return "relay " + relay.name;
    return "relay " + base::to_hex(relay.identity.bytes).substr(0, 8);
}

}  // namespace nightjar::directory
