#include "sphinx/directory/document.hpp"

#include <algorithm>
#include <set>

#include "sphinx/directory/fields.hpp"
#include "sphinx/directory/parameter_fields.hpp"
#include "sphinx/directory/relay_fields.hpp"

namespace nightjar::directory {

namespace {

constexpr std::uint64_t seconds_max = 253'402'300'799;  // the end of the year 9999
constexpr std::size_t versions_max = 16;
constexpr std::size_t signatures_max = 64;

base::Wall take_time(FieldReader& reader, std::string_view name) {
    return base::Wall{
        base::Seconds{static_cast<base::Seconds::rep>(reader.number(name, 0, seconds_max))}};
}

void take_head(FieldReader& reader, Document& document) {
    reader.literal("nightjar-document", "2");
    document.network = reader.word("network");
    document.epoch.value = static_cast<std::uint32_t>(reader.number("epoch", 0, UINT32_MAX));
    document.valid_from = take_time(reader, "valid-from");
    document.valid_until = take_time(reader, "valid-until");
    if (document.valid_until <= document.valid_from) reader.fail("ends before it begins");
    document.parameters = take_parameters(reader);
}

void take_versions(FieldReader& reader, std::vector<std::string>& versions) {
    while (reader.next_is("recommended-version")) {
        const auto value = reader.take("recommended-version");
        if (!is_version(value)) reader.fail("not a version of at most 32 of [a-z0-9.+-]");
        if (!versions.empty() && value <= versions.back())
            reader.fail("a version that is out of order or given twice");
        if (versions.size() == versions_max) reader.fail("more than 16 recommended versions");
        versions.emplace_back(value);
    }
}

/// Checks that no key is used by two relays, or twice by one relay.
class Uniqueness {
 public:
    void check(FieldReader& reader, const Relay& relay) {
        if (!links_.insert(relay.link_key).second) reader.fail("a link key used twice");
        if (!mixes_.insert(relay.mix_key).second || !mixes_.insert(relay.next_mix_key).second)
            reader.fail("a mix key used twice");
    }

 private:
    std::set<base::LinkKey> links_;
    std::set<base::MixKey> mixes_;
};

void take_relays(FieldReader& reader, std::vector<Relay>& relays) {
    Uniqueness keys;
    while (reader.next_is("relay")) {
        auto relay = take_relay(reader, RelayForm::document);
        if (!reader.ok()) return;
        if (!relays.empty() && relay.identity <= relays.back().identity)
            reader.fail("a relay that is out of order or listed twice");
        keys.check(reader, relay);
        relays.push_back(std::move(relay));
    }
}

void take_signatures(FieldReader& reader, std::vector<Signature>& signatures) {
    while (reader.next_is("signature")) {
        const auto value = reader.take("signature");
        const auto space = std::min(value.find(' '), value.size());
        Signature signature;
        reader.into(signature.authority.bytes, value.substr(0, space));
        reader.into(signature.signature, value.substr(std::min(space + 1, value.size())));
        if (!signatures.empty() && signature.authority <= signatures.back().authority)
            reader.fail("a signature that is out of order or given twice");
        if (signatures.size() == signatures_max) reader.fail("more than 64 signatures");
        signatures.push_back(signature);
    }
}

}  // namespace

const Relay* Document::find(const base::NodeId& identity) const {
    const auto found = std::lower_bound(
        relays.begin(), relays.end(), identity,
        [](const Relay& relay, const base::NodeId& wanted) { return relay.identity < wanted; });
    return found != relays.end() && found->identity == identity ? &*found : nullptr;
}

const Relay* Document::find_by_link_key(const base::LinkKey& key) const {
    const auto found = std::find_if(relays.begin(), relays.end(),
                                    [&key](const Relay& relay) { return relay.link_key == key; });
    return found != relays.end() ? &*found : nullptr;
}

std::uint8_t Document::layers() const {
    std::uint8_t highest = 0;
    for (const auto& relay : relays) {
        highest = std::max(highest, relay.layer);
        if (highest >= layers_max) break;  // called for every packet
    }
    return highest;
}

const base::MixKey* Document::mix_key(const Relay& relay, base::Epoch at) const {
    if (at == epoch) return &relay.mix_key;
    if (at == epoch.next()) return &relay.next_mix_key;
    return nullptr;
}

void sort(Document& document) {
    std::sort(document.recommended_versions.begin(), document.recommended_versions.end());
    std::sort(document.relays.begin(), document.relays.end(),
              [](const Relay& a, const Relay& b) { return a.identity < b.identity; });
    for (auto& relay : document.relays) {
        std::sort(relay.addresses.begin(), relay.addresses.end());
        sort(relay.optional);
    }
    sort(document.optional);
    std::sort(document.signatures.begin(), document.signatures.end(),
              [](const Signature& a, const Signature& b) { return a.authority < b.authority; });
}

std::string signed_text(const Document& document) {
    std::string text;
    put_field(text, "nightjar-document", 2);
    put_field(text, "network", document.network);
    put_field(text, "epoch", document.epoch.value);
    put_field(text, "valid-from", base::unix_seconds(document.valid_from));
    put_field(text, "valid-until", base::unix_seconds(document.valid_until));
    put_parameters(text, document.parameters);
    for (const auto& version : document.recommended_versions)
        put_field(text, "recommended-version", version);
    put_optional(text, "optional.", document.optional);
    for (const auto& relay : document.relays)
        put_relay(text, relay, RelayForm::document);
    return text;
}

std::string to_text(const Document& document) {
    auto text = signed_text(document);
    for (const auto& [authority, signature] : document.signatures)
        put_field(text, "signature", base::to_hex(authority.bytes) + " " + base::to_hex(signature));
    return text;
}

base::Result<Document, ParseError> parse(std::string_view text) {
    FieldReader reader{text, document_text_max};
    Document document;
    take_head(reader, document);
    take_versions(reader, document.recommended_versions);
    document.optional = take_optional(reader, "optional.", optional_of_document);
    take_relays(reader, document.relays);
    take_signatures(reader, document.signatures);
    reader.finish();
    if (!reader.ok()) return base::Fail{reader.error()};
    return document;
}

}  // namespace nightjar::directory
