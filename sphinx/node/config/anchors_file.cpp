#include "sphinx/node/config/anchors_file.hpp"

#include <algorithm>

#include "sphinx/directory/fields.hpp"
#include "sphinx/node/config/strict_yaml.hpp"
#include "sphinx/node/files/atomic_file.hpp"

namespace nightjar::node::config {

namespace {

constexpr std::size_t authorities_max = 64;

std::string load_network(YamlMap& map) {
    const auto value = map.at("network");
    const auto name = value.as<std::string>();
    if (!directory::is_word(name))
        value.fail("not a valid network name", "use at most 32 of a-z, 0-9 and -");
    return name;
}

std::vector<base::NodeId> load_authorities(YamlMap& map) {
    std::vector<base::NodeId> authorities;
    const auto list = map.at("authorities");
    for (const auto& value : list.list()) {
        const auto key = value.as<base::NodeId>();
        if (key.is_zero()) value.fail("a key of all zeros", "give the authority's public key");
        if (std::find(authorities.begin(), authorities.end(), key) != authorities.end())
            value.fail("an authority is listed twice", "keep one of the two");
        authorities.push_back(key);
    }
    if (authorities.empty()) list.fail("no authority", "list the network's authorities");
    if (authorities.size() > authorities_max) list.fail("more than 64 authorities", "list fewer");
    std::sort(authorities.begin(), authorities.end());
    return authorities;
}

std::vector<directory::Anchors::Gateway> load_gateways(YamlMap& map) {
    std::vector<directory::Anchors::Gateway> gateways;
    for (const auto& value : map.at("gateways").list()) {
        auto entry = value.map();
        directory::Anchors::Gateway gateway;
        gateway.identity = entry.required<base::NodeId>("identity");
        gateway.address = entry.required<directory::Endpoint>("address");
        gateway.link_key = entry.required<base::LinkKey>("link_key");
        entry.done();
        if (gateway.identity.is_zero() || gateway.link_key.is_zero())
            value.fail("a key of all zeros",
                       "copy the gateway's keys from the network's anchors file");
        gateways.push_back(gateway);
    }
    return gateways;
}

std::vector<Service> load_services(YamlMap& map) {
    std::vector<Service> services;
    for (const auto& value : map.list("services")) {
        auto entry = value.map();
        Service service;
        service.address = entry.required<directory::Endpoint>("address");
        service.key = entry.required<base::LinkKey>("key");
        entry.done();
        if (services.size() == authorities_max) value.fail("more than 64 services", "list fewer");
        services.push_back(service);
    }
    return services;
}

[[noreturn]] void refuse_without_gateway(YamlMap& map) {
    map.fail("gateways", "no gateway", "list at least one to fetch the document from");
}

AnchorsFile load(YamlMap map, bool without_gateway) {
    AnchorsFile content;
    auto& anchors = content.anchors;
    anchors.network = load_network(map);
    anchors.authorities = load_authorities(map);
    anchors.gateways = load_gateways(map);
    content.services = load_services(map);
    if (map.find("epoch_length"))
        content.epoch_length = map.required<base::Seconds>(
            "epoch_length", {base::Seconds{1}, base::Seconds{7 * 86400}});
    map.done();
    if (anchors.gateways.empty() && !(without_gateway && !content.services.empty()))
        refuse_without_gateway(map);
    return content;
}

}  // namespace

AnchorsFile load_anchors_file(const std::filesystem::path& file) {
    return load(YamlFile::load(file).map(), true);
}

directory::Anchors load_anchors(const std::filesystem::path& file) {
    return load(YamlFile::load(file).map(), false).anchors;
}

void save_anchors(const std::filesystem::path& file, const directory::Anchors& anchors) {
    save_anchors_file(file, {anchors, {}, std::nullopt});
}

void save_anchors_file(const std::filesystem::path& file, const AnchorsFile& content) {
    const auto& anchors = content.anchors;
    std::string text = "network: \"" + anchors.network + "\"\nauthorities:\n";
    for (const auto& authority : anchors.authorities)
        text += "  - \"" + base::to_hex(authority.bytes) + "\"\n";
    text += anchors.gateways.empty() ? "gateways: []\n" : "gateways:\n";
    for (const auto& gateway : anchors.gateways) {
        text += "  - identity: \"" + base::to_hex(gateway.identity.bytes) + "\"\n";
        text += "    address: \"" + directory::to_text(gateway.address) + "\"\n";
        text += "    link_key: \"" + base::to_hex(gateway.link_key.bytes) + "\"\n";
    }
    if (!content.services.empty()) text += "services:\n";
    for (const auto& service : content.services) {
        text += "  - address: \"" + directory::to_text(service.address) + "\"\n";
        text += "    key: \"" + base::to_hex(service.key.bytes) + "\"\n";
    }
    if (content.epoch_length)
        text += "epoch_length: " + std::to_string(content.epoch_length->count()) + "s\n";
    replace_file(file, text, files::Durability::disk);
}

}  // namespace nightjar::node::config
