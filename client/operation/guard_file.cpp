#include "client/operation/guard_file.hpp"

#include "sphinx/node/config/strict_yaml.hpp"

namespace nightjar::client::operation {

namespace {

constexpr std::uint64_t seconds_max = 253'402'300'799;  // the end of the year 9999

base::Wall wall_of(std::uint64_t seconds) {
    return base::Wall{base::Seconds{static_cast<base::Seconds::rep>(seconds)}};
}

void put(std::string& text, const std::string& name, const core::GuardList& list) {
    text += name + ":\n";
    text += "  kept: [";
    for (std::size_t i = 0; i < list.kept.size(); ++i)
        text += std::string{i == 0 ? "" : ","} + "\n    {relay: \"" +
                base::to_hex(list.kept[i].relay.bytes) +
                "\", until: " + std::to_string(base::unix_seconds(list.kept[i].until)) + "}";
    text += "]\n  drawn: [";
    for (std::size_t i = 0; i < list.drawn.size(); ++i)
        text += std::string{i == 0 ? "" : ", "} + std::to_string(base::unix_seconds(list.drawn[i]));
    text += "]\n";
}

core::GuardList take(node::config::YamlMap& file, const char* name, std::size_t most) {
    const auto value = file.at(name);
    auto map = value.map();
    core::GuardList list;
    const auto entries = map.at("kept").list();
    const auto drawn = map.at("drawn").list();
    if (entries.size() > most || drawn.size() > core::guard_draws_an_hour)
        value.fail("has too many entries", "remove the file");
    for (const auto& entry : entries) {
        auto fields = entry.map();
        const auto relay = fields.required<base::NodeId>("relay");
        const auto until = fields.required<std::uint64_t>("until", {0, seconds_max});
        fields.done();
        list.kept.push_back({relay, wall_of(until)});
    }
    for (const auto& entry : drawn) {
        const auto at = entry.as<std::uint64_t>();
        if (at > seconds_max) entry.fail("not a time", "remove the file");
        list.drawn.push_back(wall_of(at));
    }
    map.done();
    return list;
}

}  // namespace

std::string to_text(const core::GuardState& state) {
    std::string text = "version: 1\n";
    put(text, "exits", state.exits);
    put(text, "mixes", state.mixes);
    return text;
}

core::GuardState load_guards(const std::filesystem::path& file) {
    const auto yaml = node::config::YamlFile::load(file);
    auto map = yaml.map();
    const auto version = map.at("version");
    if (version.as<std::uint32_t>() != 1) version.fail("an unknown version", "remove the file");
    core::GuardState state;
    state.exits = take(map, "exits", core::guard_exits_max);
    state.mixes = take(map, "mixes", core::guard_mixes_max);
    map.done();
    return state;
}

}  // namespace nightjar::client::operation
