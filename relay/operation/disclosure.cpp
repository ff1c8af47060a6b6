#include "relay/operation/disclosure.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "relay/operation/disclosed_files.hpp"
#include "relay/operation/disclosed_process.hpp"
#include "sphinx/directory/parameters.hpp"
#include "sphinx/node/process/control_socket.hpp"

namespace nightjar::relay::operation {

using Json = nlohmann::ordered_json;

namespace {

constexpr base::Seconds answer_patience{2};

const char* name(FileKind kind) {
    switch (kind) {
        case FileKind::known_public:
            return "public";
        case FileKind::long_lived_key:
            return "long-lived key";
        case FileKind::epoch_key:
            return "epoch key";
        case FileKind::replay_filter:
            return "replay filter";
        case FileKind::running:
            return "running";
        case FileKind::unknown:
            break;
    }
    return "unknown";
}

/// A number that follows the traffic, as this network may see it.
Json shown(std::size_t count, bool exact) {
    if (exact) return count;
    return count == 0 ? "none" : "some";
}

Json files_json(const std::vector<DisclosedFile>& files) {
    Json list = Json::array();
    for (const auto& file : files) {
        list.push_back({{"path", file.path.string()},
                        {"kind", name(file.kind)},
                        {"holds", file.holds},
                        {"size", file.size},
                        {"age_seconds", file.age.count()}});
    }
    return list;
}

/// When a mix key is wiped: then it is accepted no more.
base::Wall key_end(const DisclosureFacts& facts, base::Epoch epoch) {
    return directory::epoch_start(epoch.next(), facts.epoch_length) +
           std::chrono::ceil<base::Seconds>(facts.key_grace);
}

Json keys_json(const DisclosureFacts& facts, const std::vector<DisclosedFile>& files) {
    Json mix = Json::array();
    for (const auto epoch : facts.key_epochs) {
        mix.push_back(
            {{"epoch", epoch.value},
             {"begins", base::unix_seconds(directory::epoch_start(epoch, facts.epoch_length))},
             {"matters_until", base::unix_seconds(key_end(facts, epoch))},
             {"opens", "one layer of the packets of its epoch that were sent to this relay"}});
    }
    Json ended = Json::array();
    for (const auto& file : files) {
        if (file.kind == FileKind::epoch_key && key_end(facts, file.epoch) < facts.now)
            ended.push_back(file.epoch.value);
    }
    return {{"identity",
             {{"matters_until", "the operator makes a new relay"},
              {"opens", "nothing; its holder can pose as this relay from now on"}}},
            {"link",
             {{"matters_until", "the operator makes a new relay"},
              {"opens", "nothing recorded: each link has keys of its own, which end with it"}}},
            {"mix", mix},
            {"ended_and_still_on_disk", ended},
            {"locked_in_memory", facts.memory_locked}};
}

Json memory_json(const DisclosureFacts& facts) {
    Json list = Json::array();
    for (const auto& holding : facts.holdings) {
        list.push_back({{"table", holding.table},
                        {"about", holding.about},
                        {"entries", shown(holding.entries, facts.lab || !holding.by_traffic)},
                        {"shows", holding.shows}});
    }
    return list;
}

/// What a reader of all memory learns at this moment: the tables that hold something of peers.
Json dump_json(const DisclosureFacts& facts) {
    Json list = Json::array();
    for (const auto& holding : facts.holdings)
        if (holding.entries > 0 && holding.by_traffic) list.push_back(holding.shows);
    return list;
}

Json kernel_json(const DisclosureFacts& facts) {
    const auto open = open_descriptors();
    return {{"connections", shown(open.connections, facts.lab)},
            {"listeners", open.listeners},
            {"lookups", shown(open.datagrams, facts.lab)},
            {"local_sockets", shown(open.local, facts.lab)},
            {"files", open.files},
            {"looked_at", open.looked_at}};
}

/// The names of the series in the page.
Json metrics_json(const DisclosureFacts& facts) {
    std::set<std::string> names;
    std::istringstream lines{facts.metrics_page};
    for (std::string line; std::getline(lines, line);)
        if (!line.empty() && line[0] != '#') names.insert(line.substr(0, line.find_first_of("{ ")));
    Json json{{"served", facts.config.serves_metrics()}, {"series", names}};
    if (const auto& at = facts.config.metrics)
        json["listen"] = directory::to_text(*at);
    else if (facts.config.serves_metrics())
        json["listen"] = "unix:" + facts.config.metrics_rules.socket.string();
    json["kept_by_the_relay"] = 0;
    return json;
}

Json hoster_json(const DisclosureFacts& facts) {
    Json listen = Json::array();
    for (const auto& at : facts.config.listen)
        listen.push_back(directory::to_text(at));
    Json sees = {"when each connection begins and ends, its two addresses and its bytes",
                 "processor time and memory of this machine"};
    if (facts.config.is_exit())
        sees.push_back("the targets of this exit's connections, and the names that it looks up");
    if (facts.config.role == directory::Role::gateway)
        sees.push_back("the addresses of this gateway's clients");
    Json json{{"listens", listen}, {"sees", sees}};
    if (const auto swap = swap_bytes()) json["swap_bytes"] = *swap;
    return json;
}

std::string text_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

void files_text(const Json& files, std::ostream& out) {
    out << "files\n";
    for (const auto& file : files) {
        out << "  " << text_of(file["path"]) << "\n    " << text_of(file["kind"]) << ": "
            << text_of(file["holds"]) << "; " << file["size"] << " bytes, " << file["age_seconds"]
            << " s old\n";
    }
}

void keys_text(const Json& keys, std::ostream& out) {
    out << "keys\n";
    for (const auto* one : {"identity", "link"})
        out << "  " << one << ": opens " << text_of(keys[one]["opens"]) << "; matters until "
            << text_of(keys[one]["matters_until"]) << "\n";
    for (const auto& key : keys["mix"]) {
        const base::Seconds until{key["matters_until"].get<std::int64_t>()};
        out << "  mix key of epoch " << key["epoch"] << ": opens " << text_of(key["opens"])
            << "; wiped at " << base::utc_text(base::Wall{until}) << "\n";
    }
    out << "  ended and still on disk: " << keys["ended_and_still_on_disk"].dump() << "\n"
        << "  " << (keys["locked_in_memory"] == true ? "locked" : "NOT locked") << " in memory\n";
}

void memory_text(const Json& json, std::ostream& out) {
    out << "memory\n";
    for (const auto& one : json["memory"])
        out << "  " << text_of(one["table"]) << " (" << text_of(one["about"])
            << "): " << text_of(one["entries"]) << "\n    " << text_of(one["shows"]) << "\n";
    out << "a dump of the memory now shows\n";
    for (const auto& one : json["memory_dump"])
        out << "  " << text_of(one) << "\n";
    out << "kernel\n";
    for (const auto& [key, value] : json["kernel"].items())
        out << "  " << key << ": " << text_of(value) << "\n";
}

}  // namespace

std::string to_json(const DisclosureFacts& facts) {
    const auto files = disclosed_files(facts.config, facts.config_file, facts.now);
    return Json{{"name", facts.config.name},
                {"asked_at", base::unix_seconds(facts.now)},
                {"lab_network", facts.lab},
                {"files", files_json(files)},
                {"keys", keys_json(facts, files)},
                {"memory", memory_json(facts)},
                {"memory_dump", dump_json(facts)},
                {"kernel", kernel_json(facts)},
                {"logs", {{"to", log_target()}, {"lines_kept_by_the_relay", 0}}},
                {"metrics", metrics_json(facts)},
                {"hoster", hoster_json(facts)}}
        .dump();
}

std::optional<std::string> ask_disclosure(const std::filesystem::path& control) {
    const auto answer = node::process::ask(control, "{\"request\":\"disclose\"}", answer_patience);
    if (!answer) return std::nullopt;
    return *answer;
}

std::optional<std::string> disclosure_text(const std::string& text) {
    const auto json = Json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("memory_dump")) return std::nullopt;
    std::ostringstream out;
    out << text_of(json["name"]) << ": what its operator could hand to anyone now\n";
    files_text(json["files"], out);
    keys_text(json["keys"], out);
    memory_text(json, out);
    out << "logs\n  to: " << text_of(json["logs"]["to"])
        << "\n  lines kept by the relay: " << text_of(json["logs"]["lines_kept_by_the_relay"])
        << "\n";
    const auto& metrics = json["metrics"];
    out << "metrics\n  "
        << (metrics["served"] == true ? "served at " + text_of(metrics["listen"]) : "off")
        << "; what Prometheus may keep of them:\n";
    for (const auto& one : metrics["series"])
        out << "  " << text_of(one) << "\n";
    out << "the hoster sees\n";
    for (const auto& one : json["hoster"]["sees"])
        out << "  " << text_of(one) << "\n";
    if (json["hoster"].contains("swap_bytes"))
        out << "  bytes of swap: " << json["hoster"]["swap_bytes"] << "\n";
    return out.str();
}

}  // namespace nightjar::relay::operation
