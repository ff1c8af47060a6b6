#include "relay/authority/introduction.hpp"

#include <sodium.h>

#include <algorithm>

#include "relay/authority/core/council.hpp"
#include "sphinx/directory/announcement.hpp"
#include "sphinx/directory/fields.hpp"
#include "sphinx/directory/signature.hpp"
#include "sphinx/node/files/atomic_file.hpp"
#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/files/text_file.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::authority {

namespace fs = std::filesystem;
using node::process::ConfigError;

namespace {

constexpr std::size_t size_max = 2048;

base::ByteArray<32> hash_of(const Settings& settings) {
    auto text = directory::to_text(settings.terms.document_of({}));
    if (const auto& change = settings.terms.change)
        directory::put_field(
            text, "change",
            directory::to_line({change->from, directory::parameters_hash(change->parameters)})
                .value);
    if (settings.open.open()) {
        directory::put_field(text, "open-per-prefix", settings.open.per_prefix);
        directory::put_field(text, "open-relays", settings.open.relays);
    }
    base::ByteArray<32> hash{};
    const auto bytes = base::as_bytes(text);
    crypto_generichash(hash.data(), hash.size(), bytes.data(), bytes.size(), nullptr, 0);
    return hash;
}

Introduction own_introduction(const fs::path& folder, const base::Secret<32>& seed) {
    const auto settings = load_settings(folder);
    const auto service =
        node::files::read_key(folder / "service.key", node::files::KeyKind::service);
    return {settings.terms.network,
            settings.authorities,
            hash_of(settings),
            {node::files::ed25519_public(seed)},
            {settings.announce, {node::files::ed25519_public(service)}}};
}

base::Secret<32> read_seed(const fs::path& folder) {
    return node::files::read_key(folder / "authority.key", node::files::KeyKind::authority);
}

Introduction load(const fs::path& file) {
    const auto text = node::files::read_file(file, size_max);
    if (!text)
        throw ConfigError{file.string() + ": " + text.error().message() +
                          "; name the file of another authority's introduction"};
    const auto parsed = parse_introduction(*text);
    if (!parsed)
        throw ConfigError{file.string() + ":" + std::to_string(parsed.error().line) + ":1: " +
                          parsed.error().reason + "; ask its authority for the file again"};
    return *parsed;
}

/// Why another authority's introduction does not fit this one's; empty: it does.
std::string misfit(const Introduction& own, const Introduction& other) {
    if (other.network != own.network)
        return "it is of the network " + other.network + ", and this authority is of " +
               own.network;
    if (other.authorities != own.authorities)
        return "it counts " + std::to_string(other.authorities) + " authorities, and this one " +
               std::to_string(own.authorities) + ": agree on `authorities` in authority.yaml";
    if (other.terms != own.terms)
        return "its parameters or recommended versions differ from this authority's, or a change "
               "of "
               "parameters, or who is admitted: make both authority.yaml alike, run `introduce`, "
               "and exchange the files again";
    return {};
}

}  // namespace

std::string to_text(const Introduction& introduction, const base::Secret<32>& seed) {
    std::string text;
    directory::put_field(text, "nightjar-introduction", 1);
    directory::put_field(text, "network", introduction.network);
    directory::put_field(text, "authorities", introduction.authorities);
    directory::put_field(text, "terms", base::to_hex(introduction.terms));
    directory::put_field(text, "authority", base::to_hex(introduction.authority.bytes));
    directory::put_field(text, "service.address", directory::to_text(introduction.service.address));
    directory::put_field(text, "service.key", base::to_hex(introduction.service.key.bytes));
    const auto signature = directory::sign_text(text, seed);
    directory::put_field(text, "signature", base::to_hex(signature.signature));
    return text;
}

base::Result<Introduction, directory::ParseError> parse_introduction(std::string_view text) {
    directory::FieldReader reader{text, size_max};
    Introduction read;
    reader.literal("nightjar-introduction", "1");
    read.network = reader.word("network");
    read.authorities = reader.number("authorities", 2, core::authorities_max);
    reader.into(read.terms, reader.take("terms"));
    read.authority = reader.id<base::NodeId>("authority");
    const auto address = directory::parse_endpoint(reader.take("service.address"));
    if (reader.ok() && (!address || address->port == 0)) reader.fail("not an address and a port");
    if (address) read.service.address = *address;
    read.service.key = reader.id<base::LinkKey>("service.key");
    const auto signed_part = reader.consumed();
    directory::Signature signature{read.authority, {}};
    reader.into(signature.signature, reader.take("signature"));
    if (reader.ok() && !directory::verifies(signed_part, signature))
        reader.fail("the signature is not the authority's");
    reader.finish();
    if (!reader.ok()) return base::Fail{reader.error()};
    return read;
}

void write_introduction(const fs::path& folder) {
    const auto seed = read_seed(folder);
    node::files::replace_file(folder / "introduction",
                              to_text(own_introduction(folder, seed), seed),
                              node::files::Durability::disk);
}

base::NetworkId assemble(const fs::path& folder, const std::vector<fs::path>& files) {
    const auto own = own_introduction(folder, read_seed(folder));
    std::vector<Introduction> all{own};
    for (const auto& file : files) {
        const auto other = load(file);
        if (other.authority == own.authority) continue;
        if (const auto why = misfit(own, other); !why.empty())
            throw ConfigError{file.string() + ": " + why};
        for (const auto& known : all)
            if (known.authority == other.authority || known.service.key == other.service.key ||
                known.service.address == other.service.address)
                throw ConfigError{file.string() +
                                  ": another file has the same key or address; give the "
                                  "introduction of each authority once"};
        all.push_back(other);
    }
    if (all.size() != own.authorities)
        throw ConfigError{"these are " + std::to_string(all.size()) +
                          " authorities with this one, and authority.yaml says " +
                          std::to_string(own.authorities) +
                          "; give the introduction of each of the others"};
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a.authority < b.authority; });
    node::config::AnchorsFile anchors;
    anchors.anchors.network = own.network;
    for (const auto& each : all) {
        anchors.anchors.authorities.push_back(each.authority);
        anchors.services.push_back(each.service);
    }
    anchors.epoch_length = load_settings(folder).terms.parameters.epoch_length;
    node::config::save_anchors_file(folder / "network.yaml", anchors);
    return directory::network_id(anchors.anchors);
}

}  // namespace nightjar::relay::authority
