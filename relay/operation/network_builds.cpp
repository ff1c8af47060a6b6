#include "relay/operation/network_builds.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "sphinx/directory/optional_lines.hpp"
#include "sphinx/directory/relay_fields.hpp"

namespace nightjar::relay::operation {

namespace {

using Verdict = RelayBuild::Verdict;

constexpr std::string_view program = "nightjar-relay";
constexpr std::string_view first_line = "nightjar-descriptor ";

/// In a manifest's path: PACKAGE_VERSION_ARCHITECTURE/usr/bin/PROGRAM. Debian's revision, if there
/// is one, is not part of the program's version.
std::string_view version_in_path(std::string_view path) {
    const auto folder = path.substr(0, path.find('/'));
    const auto begin = folder.find('_');
    if (begin == folder.npos) return {};
    const auto rest = folder.substr(begin + 1);
    return rest.substr(0, rest.find('_'));
}

bool has_version(const Manifest& manifest, std::string_view version) {
    return std::ranges::any_of(manifest, [&](const Packed& packed) {
        const std::string_view path{packed.path};
        if (path.substr(path.rfind('/') + 1) != program) return false;
        const auto its = version_in_path(path);
        return its == version || its.substr(0, its.rfind('-')) == version;
    });
}

Verdict verdict_of(const RelayBuild& relay, const std::optional<Manifest>& manifest) {
    if (!manifest) return Verdict::unknown;
    if (find_build(*manifest, program, relay.build) != nullptr) return Verdict::same;
    const bool comparable = !relay.version.empty() && has_version(*manifest, relay.version);
    return comparable ? Verdict::other : Verdict::unknown;
}

const char* word(Verdict verdict) {
    switch (verdict) {
        case Verdict::same:
            return "same";
        case Verdict::other:
            return "other";
        case Verdict::unknown:
            break;
    }
    return "unknown";
}

std::string padded(std::string text, std::size_t width) {
    text.resize(std::max(text.size(), width), ' ');
    return text;
}

}  // namespace

bool begins_like_published(std::string_view text) {
    return text.starts_with(first_line);
}

base::Result<std::vector<directory::Descriptor>, std::string> parse_published(
    std::string_view text) {
    if (text.size() > published_size_max) return base::Fail{std::string{"it is too long"}};
    if (!begins_like_published(text))
        return base::Fail{std::string{"it does not begin with a descriptor"}};
    std::vector<directory::Descriptor> all;
    const auto next_one = "\n" + std::string{first_line};
    while (!text.empty()) {
        const auto next = text.find(next_one);
        const auto one = text.substr(0, next == text.npos ? next : next + 1);
        auto parsed = directory::parse_descriptor(one);
        if (!parsed)
            return base::Fail{"descriptor " + std::to_string(all.size() + 1) + ", line " +
                              std::to_string(parsed.error().line) + ": " + parsed.error().reason};
        all.push_back(*std::move(parsed));
        text.remove_prefix(one.size());
    }
    return all;
}

std::vector<RelayBuild> judge_builds(std::vector<directory::Descriptor> descriptors,
                                     const std::optional<Manifest>& manifest) {
    std::map<base::NodeId, const directory::Descriptor*> newest;
    for (const auto& each : descriptors) {
        auto& held = newest[each.relay.identity];
        if (held == nullptr || std::tie(held->epoch, held->made) < std::tie(each.epoch, each.made))
            held = &each;
    }
    std::vector<RelayBuild> all;
    for (const auto& [identity, descriptor] : newest) {
        const auto& relay = descriptor->relay;
        RelayBuild made{relay.name.empty() ? base::to_hex(identity.bytes).substr(0, 8) : relay.name,
                        identity,
                        descriptor->epoch,
                        std::string{directory::version_in(relay.optional)},
                        descriptor->build,
                        Verdict::unknown};
        made.verdict = verdict_of(made, manifest);
        all.push_back(std::move(made));
    }
    std::ranges::sort(all, [](const auto& a, const auto& b) {
        return std::tie(a.name, a.relay) < std::tie(b.name, b.relay);
    });
    return all;
}

std::string builds_json(const std::vector<RelayBuild>& relays,
                        const std::optional<std::string>& manifest) {
    using Json = nlohmann::ordered_json;
    Json list = Json::array();
    for (const auto& relay : relays) {
        Json one{{"name", relay.name},
                 {"identity", base::to_hex(relay.relay.bytes)},
                 {"epoch", relay.epoch.value}};
        if (!relay.version.empty()) one["version"] = relay.version;
        one["sha256"] = base::to_hex(relay.build);
        one["verdict"] = word(relay.verdict);
        list.push_back(std::move(one));
    }
    Json json;
    json["relays"] = std::move(list);
    if (manifest) json["manifest"] = *manifest;
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string builds_text(const std::vector<RelayBuild>& relays) {
    std::size_t name = 5, version = 7;
    for (const auto& relay : relays) {
        name = std::max(name, relay.name.size());
        version = std::max(version, relay.version.size());
    }
    auto lines = padded("relay", name) + "  " + padded("version", version) + "  " +
                 padded("build", 16) + "  manifest\n";
    std::size_t same = 0, other = 0;
    for (const auto& relay : relays) {
        same += relay.verdict == Verdict::same ? 1 : 0;
        other += relay.verdict == Verdict::other ? 1 : 0;
        lines += padded(relay.name, name) + "  " +
                 padded(relay.version.empty() ? "-" : relay.version, version) + "  " +
                 base::to_hex(relay.build).substr(0, 16) + "  " + word(relay.verdict) + "\n";
    }
    return lines + std::to_string(relays.size()) + " relays: " + std::to_string(same) + " same, " +
           std::to_string(other) + " other, " + std::to_string(relays.size() - same - other) +
           " unknown\n";
}

}  // namespace nightjar::relay::operation
