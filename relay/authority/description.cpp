#include "relay/authority/description.hpp"

#include "relay/authority/core/weights.hpp"
#include "relay/authority/terms.hpp"
#include "sphinx/directory/descriptor.hpp"
#include "sphinx/directory/lint.hpp"
#include "sphinx/directory/relay_fields.hpp"
#include "sphinx/node/config/strict_yaml.hpp"
#include "sphinx/node/files/text_file.hpp"

namespace nightjar::relay::authority {

namespace fs = std::filesystem;
using node::config::YamlValue;

namespace {

directory::Descriptor load_descriptor(const fs::path& file, const YamlValue& where) {
    if (!fs::is_regular_file(file))
        where.fail("there is no descriptor file " + file.string(),
                   "fetch the one that `nightjar-relay init` wrote");
    const auto text = node::files::read_file(file, directory::descriptor_size_max);
    if (!text)
        where.fail(
            "the descriptor file " + file.string() + " cannot be read: " + text.error().message(),
            "check who may read it");
    auto parsed = directory::parse_descriptor(*text);
    if (!parsed)
        throw node::process::ConfigError{file.string() + ":" + std::to_string(parsed.error().line) +
                                         ":1: " + parsed.error().reason +
                                         "; fetch the file again from the relay that wrote it"};
    return *std::move(parsed);
}

/// The relay's descriptor for `epoch`. Both files may have been fetched before an epoch ended: what
/// was the next epoch's descriptor is this epoch's then.
directory::Descriptor descriptor_for(base::Epoch epoch, EpochChoice which, const fs::path& file,
                                     const YamlValue& place) {
    auto next = file;
    next += ".next";
    const auto named = which == EpochChoice::next ? next : file;
    const auto descriptor = load_descriptor(named, place);
    if (descriptor.epoch == epoch) return descriptor;
    if (which == EpochChoice::current && fs::exists(next)) {
        const auto later = load_descriptor(next, place);
        if (later.epoch == epoch) return later;
    }
    place.fail("the descriptor " + named.string() + " is of epoch " +
                   std::to_string(descriptor.epoch.value) + ", the document of " +
                   std::to_string(epoch.value),
               "fetch a fresh one, or give the relay and the description the same epoch_length");
}

struct DescribedRelay {
    directory::Relay relay;  // its capacity is the bound that the description gives
    std::uint32_t announced;
};

DescribedRelay relay_of(const YamlValue& value, const fs::path& folder, EpochChoice which,
                        base::Epoch epoch) {
    auto map = value.map();
    const auto place = map.at("descriptor");
    const auto descriptor = descriptor_for(epoch, which, folder / place.as<std::string>(), place);
    auto relay = descriptor.relay;
    if (const auto name = map.find("operator")) relay.operator_name = word_of(*name);
    if (const auto name = map.find("family")) relay.family = word_of(*name);
    relay.capacity = map.optional<std::uint32_t>("capacity", directory::capacity_max,
                                                 {1, directory::capacity_max});
    map.done();
    return {std::move(relay), descriptor.capacity};
}

void refuse_problems(const fs::path& file, const directory::Document& document) {
    std::string line;
    for (const auto& problem : directory::lint(document))
        line += (line.empty() ? "" : "; ") + problem;
    if (!line.empty())
        throw node::process::ConfigError{file.string() +
                                         ": this network must not be signed: " + line};
}

}  // namespace

directory::Document read_description(const fs::path& file, EpochChoice which, base::Wall now) {
    const auto yaml = node::config::YamlFile::load(file);
    auto map = yaml.map();
    const auto terms = read_terms(map);
    const auto epoch = directory::epoch_at(now, terms.parameters.epoch_length);
    auto document = terms.document_of(which == EpochChoice::next ? epoch.next() : epoch);
    std::vector<DescribedRelay> described;
    for (const auto& value : map.at("relays").list())
        described.push_back(relay_of(value, file.parent_path(), which, document.epoch));
    map.done();
    std::vector<core::Offer> offers;
    for (auto& [relay, announced] : described)
        offers.push_back({&relay, announced});
    core::set_weights(offers);
    for (auto& [relay, announced] : described)
        document.relays.push_back(std::move(relay));
    directory::sort(document);
    refuse_problems(file, document);
    return document;
}

}  // namespace nightjar::relay::authority
