#include "relay/authority/settings.hpp"

#include "relay/authority/admitted.hpp"
#include "relay/authority/core/council.hpp"
#include "relay/authority/introduction.hpp"
#include "relay/authority/signing.hpp"
#include "sphinx/directory/fields.hpp"
#include "sphinx/node/files/atomic_file.hpp"
#include "sphinx/node/files/key_file.hpp"

namespace nightjar::relay::authority {

namespace {

/// The two bounds are unknown keys where only admitted relays are listed.
core::OpenBounds open_bounds(node::config::YamlMap& map) {
    enum class Admission { listed, open };
    const auto admission = map.word<Admission>(
        "admission", {{"listed", Admission::listed}, {"open", Admission::open}}, Admission::listed);
    if (admission == Admission::listed) return {};
    return {map.optional<std::uint32_t>("open_per_prefix", 2, {1, core::open_relays_max}),
            map.optional<std::uint32_t>("open_relays", 50, {1, core::open_relays_max})};
}

}  // namespace

Settings load_settings(const fs::path& folder) {
    const auto yaml = node::config::YamlFile::load(folder / "authority.yaml");
    auto map = yaml.map();
    Settings settings;
    settings.terms = read_terms(map);
    settings.authorities =
        map.optional<std::uint32_t>("authorities", 1, {1, core::authorities_max});
    settings.open = open_bounds(map);
    settings.loops = map.optional<bool>("loops", false);
    settings.listen = map.required<node::config::ListenEndpoint>("listen");
    settings.announce = map.optional<directory::Endpoint>("announce", settings.listen);
    map.done();
    if (settings.announce.host == "0.0.0.0" || settings.announce.host == "::")
        map.fail("listen", "relays cannot reach an authority at 0.0.0.0 or [::]",
                 "add `announce` with the address that they can reach");
    return settings;
}

node::config::AnchorsFile anchors_of(const Settings& settings, const base::NodeId& authority,
                                     const base::LinkKey& service) {
    node::config::AnchorsFile anchors;
    anchors.anchors.network = settings.terms.network;
    anchors.anchors.authorities = {authority};
    anchors.services = {{settings.announce, service}};
    anchors.epoch_length = settings.terms.parameters.epoch_length;
    return anchors;
}

void init_network(const fs::path& folder, const NewNetwork& network) {
    if (!directory::is_word(network.name))
        throw node::process::UsageError{"--network: '" + network.name +
                                        "' is not a name; use at most 32 of a-z, 0-9 and -"};
    const auto authority = init(folder);
    const auto seed = node::files::new_key();
    node::files::write_key(folder / "service.key", node::files::KeyKind::service, seed);
    std::string text =
        "# A Nightjar authority (docs/directory.md). After a change, start `run` again.\n";
    text += "network: " + network.name + "\n";
    if (network.authorities > 1)
        text += "authorities: " + std::to_string(network.authorities) + "\n";
    text += "listen: \"" + directory::to_text(network.listen) + "\"\n";
    if (network.announce)
        text += "announce: \"" + directory::to_text(*network.announce) +
                "\"  # the address that relays connect to\n";
    text += "loops: true  # measures relays through the network, as one client sends\n";
    text += network.authorities > 1
                ? "parameters:  # docs/parameters.md; the same at every authority\n"
                : "parameters:  # docs/parameters.md\n";
    if (network.lab) text += "  lab: true\n";
    text += "  epoch_length: " + std::to_string(network.epoch_length.count()) + "s\n";
    text +=
        "  exit_room: 1  # cover, so that an exit's totals hardly show who connects or leaves\n";
    node::files::replace_file(folder / "authority.yaml", text, node::files::Durability::disk);
    node::files::replace_file(folder / "admitted", to_text(AdmittedList{}),
                              node::files::Durability::disk);
    const auto settings = load_settings(folder);
    if (network.authorities > 1) return write_introduction(folder);
    node::config::save_anchors_file(
        folder / "network.yaml",
        anchors_of(settings, authority, {node::files::ed25519_public(seed)}));
}

}  // namespace nightjar::relay::authority
