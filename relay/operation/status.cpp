#include "relay/operation/status.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "relay/operation/build.hpp"
#include "relay/operation/process_facts.hpp"
#include "relay/operation/startup.hpp"
#include "sphinx/directory/announcement.hpp"

namespace nightjar::relay::operation {

using Json = nlohmann::ordered_json;

namespace {

constexpr node::process::ControlLimits limits{
    .connections = 4, .request_max = 1024, .patience = base::Seconds{5}};
constexpr base::Seconds answer_patience{2};

Json lab_json(const core::LabFacts& lab, const core::LinkCounts& links) {
    const auto& c = lab.counters;
    Json dropped;
    for (std::size_t i = 0; i < core::drop_reason_count; ++i)
        dropped[core::drop_reason_names[i]] = c.dropped[i];
    return {{"clients", links.clients},
            {"packets_in", c.packets_in},
            {"packets_in_client", c.packets_in_client},
            {"packets_in_relay", c.packets_in_relay},
            {"packets_out", c.packets_out},
            {"deliveries", c.deliveries},
            {"exit_payloads", c.exit_payloads},
            {"replies", c.replies},
            {"ticks_missed", c.ticks_missed},
            {"loops_sent", c.loops_sent},
            {"fill_loops", c.fill_loops},
            {"loops_returned", c.loops_returned},
            {"loops_lost", c.loops_lost},
            {"loops_modified", c.loops_modified},
            {"drop_cover", c.drop_cover},
            {"loop_round_trip_seconds", base::to_seconds(lab.loop_round_trips)},
            {"down_cells", c.down_cells},
            {"held_packets", c.held_packets},
            {"held_seconds", static_cast<double>(c.held_ns) * 1e-9},
            {"asked_seconds", static_cast<double>(c.asked_ns) * 1e-9},
            {"unwrap_refused", lab.unwrap_refused},
            {"no_descriptors", lab.no_descriptors},
            {"dropped", dropped}};
}

Json sandbox_json() {
    const auto sandbox = sandbox_in_force();
    return {{"files", sandbox.files}, {"system_calls", sandbox.calls}};
}

/// The parts of the sandbox, and what a relay without one says.
constexpr std::array<std::pair<const char*, const char*>, 2> sandbox_parts{
    {{"files", "files are not confined: this kernel has no Landlock"},
     {"system_calls", "system calls are not confined: this kernel has no seccomp"}}};

std::string sandbox_gaps(const Json& json) {
    std::string lines;
    for (const auto& [part, why] : sandbox_parts)
        if (!json.value("sandbox", Json::object()).value(part, true))
            lines += std::string{"  sandbox    "} + why + "\n";
    return lines;
}

/// A month's cap, and how much of it is used by the published windows.
Json month_json(std::uint64_t cap, const std::optional<metrics::MonthUse>& use) {
    Json month{{"cap_bytes", cap}};
    if (use) {
        month["used_bytes"] = month_bytes(use->packets);
        month["counted_seconds"] = use->counted.count();
        month["passed_seconds"] = use->passed.count();
    }
    return month;
}

/// "38 % of 2.0 TB used, by 20.1 of the 20.4 days that have passed".
std::string month_words(const Json& month) {
    const auto cap = month.value("cap_bytes", std::uint64_t{0});
    if (!month.contains("used_bytes")) return "at most " + traffic_text(cap);
    const auto share = 100 * month.value("used_bytes", 0.0) / static_cast<double>(cap);
    char text[96];
    std::snprintf(
        text, sizeof text, "%.0f %% of %s used, by %.1f of the %.1f days that have passed",
        std::floor(share), traffic_text(cap).c_str(), month.value("counted_seconds", 0.0) / 86'400,
        month.value("passed_seconds", 0.0) / 86'400);
    return text;
}

/// "61 min ahead of 4 of the 4 authorities that have said the time"; empty: it is right.
std::string clock_words(const Json& clock) {
    const auto ahead = std::chrono::round<base::Milliseconds>(
        std::chrono::duration<double>{clock.value("seconds", 0.0)});
    if (std::chrono::abs(ahead) <= clocks_alike) return {};
    return difference_words(ahead) + (ahead.count() > 0 ? " ahead of " : " behind ") +
           clock.value("authorities_agree", Json{}).dump() + " of the " +
           clock.value("authorities_heard", Json{}).dump() + " authorities that have said the time";
}

/// Returns the answer to one request.
boost::asio::awaitable<std::string> answer(std::string line, ControlActions actions) {
    const auto request = Json::parse(line, nullptr, false);
    if (!request.is_object() || request.size() != 1 || !request.contains("request")) {
        co_return "{\"error\":\"not a request\"}";
    }
    if (request["request"] == "status") co_return to_json(actions.status());
    if (request["request"] == "disclose") co_return actions.disclose();
    if (request["request"] == "confirm_clock")
        co_return Json{{"confirmed", actions.confirm_clock()}}.dump();
    co_return "{\"error\":\"unknown request\"}";
}

}  // namespace

StatusFacts configured(const RelayConfig& config, const base::NodeId& identity) {
    StatusFacts status;
    status.name = config.name;
    status.identity = identity;
    status.role = config.role == directory::Role::mix ? "mix" : "gateway";
    status.layer = config.layer;
    status.workers = config.workers;
    status.build = own_build();
    status.capacity = announced_capacity(capacity_facts(config));
    status.country = config.country;
    status.month_cap = config.traffic_month;
    return status;
}

void use(StatusFacts& status, const directory::Document& document) {
    const auto* listed = document.find(status.identity);
    status.layer = listed == nullptr ? std::uint8_t{0} : listed->layer;
    status.network = document.network;
    if (const auto change = directory::announcement_in(document.optional))
        status.parameters_from = change->from;
}

std::string to_json(const StatusFacts& status) {
    const auto& facts = status.facts;
    Json keys = Json::array();
    for (const auto epoch : status.key_epochs)
        keys.push_back(epoch.value);
    Json json{{"name", status.name},
              {"identity", base::to_hex(status.identity.bytes)},
              {"role", status.role},
              {"layer", status.layer},
              {"version", facts.version},
              {"build", base::to_hex(status.build)},
              {"capacity", status.capacity},
              {"state", core::state_names[static_cast<std::size_t>(facts.state)]},
              {"network", status.network},
              {"lab_network", facts.lab},
              {"epoch", facts.epoch.value},
              {"document_valid_until", base::unix_seconds(facts.directory_valid_until)},
              {"key_epochs", keys},
              {"keys_locked_in_memory", status.memory_locked},
              {"sandbox", sandbox_json()},
              {"descriptors_max", facts.max_fds},
              {"reload_ok", facts.config_last_reload_successful},
              {"next_relays", status.links.next_relays},
              {"next_relays_up", status.links.next_relays_up},
              {"previous_relays_up", status.links.previous_relays_up},
              {"links_post_quantum", status.links.post_quantum},
              {"loops_missing", facts.loops.missing},
              {"answering", facts.loops.answers},
              {"replay_room_short", status.replay_room_short},
              {"replay_filter_full", status.replay_filter_full}};
    if (!status.country.empty()) json["country"] = status.country;
    if (status.month_cap) json["traffic_month"] = month_json(*status.month_cap, status.month);
    if (const auto& test = status.self_test)
        json["self_test"] = {{"unwraps_per_second", test->packets_per_second},
                             {"workers", status.workers},
                             {"kernel", test->kernel}};
    if (status.finds_names) json["exit_finds_names"] = *status.finds_names;
    if (status.connects) json["exit_connects"] = *status.connects;
    if (status.jump)
        json["clock_jumped"] = {{"clock", base::unix_seconds(status.jump->clock)},
                                {"kept", base::unix_seconds(status.jump->kept)}};
    if (const auto& clock = status.clock)
        json["clock_ahead"] = {{"seconds", static_cast<double>(clock->ahead.count()) / 1000},
                               {"authorities_heard", clock->heard},
                               {"authorities_agree", clock->agree}};
    if (status.parameters_from) json["parameters_from_epoch"] = status.parameters_from->value;
    if (const auto& evidence = status.evidence; evidence.epoch)
        json["evidence"] = {{"epoch", evidence.epoch->value},
                            {"documents", evidence.documents},
                            {"folder", evidence.folder.string()}};
    if (const auto& authority = status.authority)
        json["authority"] = {{"address", authority->address},
                             {"descriptor_epoch", authority->descriptor.value},
                             {"accepted", authority->accepted},
                             {"said", authority->said}};
    if (status.lab) json["lab"] = lab_json(*status.lab, status.links);
    return json.dump();
}

std::optional<std::string> to_people(const std::string& text) {
    const auto json = Json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("state")) return std::nullopt;
    const auto word = [&](const char* key) {
        const auto value = json.value(key, Json{});
        return value.is_string() ? value.get<std::string>() : value.dump();
    };
    std::ostringstream out;
    out << word("name") << ": " << word("state") << "\n";
    const auto layer = word("layer");
    out << "  role       " << word("role") << (layer == "0" ? "" : ", layer " + layer) << "\n";
    const base::Seconds until{json.value("document_valid_until", std::int64_t{0})};
    if (word("state") == "starting") {
        out << "  network    " << word("network")
            << ", waits for a document that lists this relay\n";
    } else {
        out << "  network    " << word("network") << ", epoch " << word("epoch") << "\n";
        out << "  document   valid until " << base::utc_text(base::Wall{until}) << "\n";
    }
    if (json.contains("parameters_from_epoch"))
        out << "  announced  parameters change at epoch " << word("parameters_from_epoch") << "\n";
    out << "  keys       of epochs " << word("key_epochs")
        << (json.value("keys_locked_in_memory", true) ? "" : ", not locked in memory") << "\n";
    out << sandbox_gaps(json);
    out << "  offers     " << word("capacity") << " packets/s"
        << (json.contains("country") ? "; its country: " + word("country") : "") << "\n";
    if (json.contains("traffic_month"))
        out << "  month      " << month_words(json["traffic_month"]) << "\n";
    out << "  links      " << word("next_relays_up") << " of " << word("next_relays")
        << " to the next layer, " << word("previous_relays_up") << " from the one before; "
        << word("links_post_quantum") << " of them post-quantum\n";
    if (const auto test = json.value("self_test", Json::object()); !test.empty())
        out << "  self-test  " << test.value("unwraps_per_second", 0) << " packets/s a worker, "
            << test.value("workers", 0) << " at work (" << test.value("kernel", "") << ")\n";
    if (json.contains("authority")) {
        const auto& authority = json["authority"];
        out << "  authority  " << authority.value("address", "") << ": "
            << authority.value("said", "") << "\n";
    }
    if (json.contains("evidence")) {
        const auto& evidence = json["evidence"];
        out << "  ALARM      two signed documents of epoch " << evidence.value("epoch", 0)
            << ": the authorities' fault; see " << evidence.value("folder", "") << "\n";
    }
    if (json.contains("clock_jumped")) {
        const auto time = [&](const char* key) {
            const base::Seconds at{json["clock_jumped"].value(key, std::int64_t{0})};
            return base::utc_text(base::Wall{at});
        };
        out << "  clock      says " << time("clock") << ", the relay goes by " << time("kept")
            << "\n";
    }
    if (json.contains("clock_ahead"))
        if (const auto words = clock_words(json["clock_ahead"]); !words.empty())
            out << "  clock      " << words << "\n";
    if (json.value("loops_missing", false)) out << "  loops      too many do not come back\n";
    if (json.value("answering", false))
        out << "  answer     packets are withheld: drop cover, longer delays\n";
    if (json.value("replay_room_short", false))
        out << "  replays    no room to spare: raise packets_per_second\n";
    else if (json.value("replay_filter_full", false))
        out << "  replays    a filter is full: raise packets_per_second\n";
    if (!json.value("exit_finds_names", true))
        out << "  names      none can be looked up, see the log\n";
    if (!json.value("exit_connects", true))
        out << "  targets    none can be connected to, see the log\n";
    if (!json.value("reload_ok", true)) out << "  reload     the last reload was refused\n";
    if (json.contains("lab")) out << "  lab        " << json["lab"].dump() << "\n";
    return out.str();
}

node::process::ControlSocket status_socket(boost::asio::any_io_executor executor,
                                           std::filesystem::path path, ControlActions actions,
                                           node::process::TaskGroup& tasks) {
    auto respond = [actions = std::move(actions)](std::string line) {
        return answer(std::move(line), actions);
    };
    return {std::move(executor), std::move(path), "control", limits, std::move(respond), tasks};
}

std::optional<std::string> ask_status(const std::filesystem::path& path) {
    const auto answer = node::process::ask(path, "{\"request\":\"status\"}", answer_patience);
    if (!answer) return std::nullopt;
    return *answer;
}

std::optional<bool> ask_confirm_clock(const std::filesystem::path& path) {
    const auto answer =
        node::process::ask(path, "{\"request\":\"confirm_clock\"}", answer_patience);
    if (!answer) return std::nullopt;
    const auto json = Json::parse(*answer, nullptr, false);
    if (!json.is_object() || !json.contains("confirmed")) return std::nullopt;
    return json["confirmed"] == true;
}

}  // namespace nightjar::relay::operation
