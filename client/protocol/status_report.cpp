#include "client/protocol/status_report.hpp"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "client/protocol/isolation_rules.hpp"
#include "sphinx/directory/announcement.hpp"

namespace nightjar::client::protocol {

using Json = nlohmann::ordered_json;

namespace {

std::string name_of(const base::NodeId& id, const directory::Document& document) {
    const auto* relay = document.find(id);
    return relay != nullptr && !relay->name.empty() ? relay->name : base::to_hex(id.bytes);
}

Json names_of(const std::vector<base::NodeId>& ids, const directory::Document& document) {
    Json names = Json::array();
    for (const auto& id : ids)
        names.push_back(name_of(id, document));
    return names;
}

const char* name_of(core::LoopState::Kind kind) {
    switch (kind) {
        case core::LoopState::Kind::down:
            return "down";
        case core::LoopState::Kind::starting:
            return "starting";
        case core::LoopState::Kind::returning:
            return "returning";
        case core::LoopState::Kind::missing:
            return "missing";
        case core::LoopState::Kind::silent:
            return "silent";
    }
    return "";
}

double tenths(double value) {
    return std::round(10 * value) / 10;
}

Json link_of(const core::LoopState& loops, base::Mono now) {
    Json silent_s;
    if (loops.silent_since) silent_s = std::floor(base::to_seconds(now - *loops.silent_since));
    return {{"state", name_of(loops.kind)},
            {"missing_share", loops.missing_share},
            {"silent_s", silent_s}};
}

Json clock_of(const core::ClockStatus& clock) {
    // A gateway may say a year that does not fit into a count of nanoseconds.
    using Seconds = std::chrono::duration<double>;
    Json synchronised, ahead;
    if (clock.synchronised) synchronised = *clock.synchronised;
    if (clock.gateway_ahead) ahead = Seconds{*clock.gateway_ahead}.count();
    return {{"synchronised", synchronised},
            {"gateway_ahead_s", ahead},
            {"correction_s", Seconds{clock.correction}.count()}};
}

std::string dumped(const Json& answer) {
    return answer.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Json stages_of(const DaemonStatus& daemon) {
    constexpr std::array states{"waiting", "running", "done"};
    Json stages = Json::array();
    for (const auto& row : daemon.stages) {
        Json left;
        if (row.left) left = tenths(base::to_seconds(*row.left));
        stages.push_back({{"name", name_of(row.stage)},
                          {"state", states.at(row.state)},
                          {"seconds", tenths(base::to_seconds(row.took))},
                          {"left_s", left}});
        if (row.stage == Stage::document && row.state == Stages::Row::running && daemon.progress) {
            stages.back()["have_bytes"] = daemon.progress->have;
            stages.back()["of_bytes"] = daemon.progress->of;
        }
    }
    return stages;
}

Json state_of(const DaemonStatus& daemon) {
    Json problem;
    if (daemon.problem) {
        problem = {{"name", daemon.problem->name},
                   {"what", daemon.problem->what},
                   {"mend", daemon.problem->mend}};
    }
    return {{"ready", daemon.ready},
            {"state", state_word(daemon)},
            {"waiting_for", daemon.ready ? Json() : Json(daemon.waiting_for)},
            {"problem", problem}};
}

Json listeners_of(const DaemonStatus& daemon) {
    Json listeners = Json::array();
    for (const auto& one : daemon.listeners)
        listeners.push_back({{"way", word_of(one.way)},
                             {"address", one.address},
                             {"by_control_socket", one.by_control_socket}});
    return listeners;
}

/// What a client says that may have no document yet.
Json report_of(const DaemonStatus& daemon) {
    Json since;
    if (daemon.ready_since) since = base::unix_seconds(*daemon.ready_since);
    Json report = state_of(daemon);
    report["ready_since"] = since;
    report["stages"] = stages_of(daemon);
    report["socks"] = daemon.socks;
    report["listeners"] = listeners_of(daemon);
    report["applications"] = daemon.applications;
    report["refused_by_bounds"] = daemon.refused;
    report["literal_addresses"] = daemon.literals;
    report["goodput"] = {{"up", daemon.goodput.up},
                         {"down", daemon.goodput.down},
                         {"up_bytes", daemon.carried.up},
                         {"down_bytes", daemon.carried.down}};
    if (const auto& exits = daemon.exits)
        report["exit_country"] = {{"country", exits->country},
                                  {"exits", exits->group.exits},
                                  {"exits_in_all", exits->group.exits_in_all},
                                  {"share", exits->group.share}};
    report["gateway"] = daemon.gateway;
    report["links"] = daemon.links;
    report["document_withheld"] = daemon.document_withheld;
    return report;
}

void add_network(Json& status, const core::CoreStatus& core, const directory::Document& document) {
    status["connected"] = core.connected;
    status["network"] = document.network;
    status["mode"] = document.parameters.lab ? "lab" : "production";
    status["epoch"] = document.epoch.value;
    status["valid_until"] = base::unix_seconds(document.valid_until);
    if (const auto change = directory::announcement_in(document.optional))
        status["parameters_from_epoch"] = change->from.value;
}

/// What the link costs a day. It depends on the network's law alone.
Json cost_of(const DaemonStatus& daemon, const core::CoreStatus& core,
             const directory::Parameters& law) {
    constexpr double day = 86'400;
    const auto bytes_a_day = [](double cells_a_second) {
        return std::llround(cells_a_second * day * static_cast<double>(record_size));
    };
    const auto cells = core.slots + core.loops_sent + daemon.down_cells;
    const auto used = daemon.carried.up + daemon.carried.down;
    Json cover;
    if (cells > 0) cover = 1 - static_cast<double>(used) / static_cast<double>(cells * record_size);
    return {{"up_bytes_a_day",
             bytes_a_day(law.main_slots.per_second() + law.client_loops.per_second())},
            {"down_bytes_a_day", bytes_a_day(law.down.per_second())},
            {"link_bytes", cells * record_size},
            {"application_bytes", used},
            {"cover_share", cover}};
}

void add_traffic(Json& status, const DaemonStatus& daemon, const core::CoreStatus& core,
                 const directory::Document& document) {
    status["slots"] = core.slots;
    status["slots_lost"] = core.slots_lost + daemon.slots_unwritten;
    status["loops_sent"] = core.loops_sent;
    status["loops_returned"] = core.loops_returned;
    status["loops_lost"] = core.loops_lost;
    status["link"] = link_of(core.loops, daemon.now);
    status["clock"] = clock_of(core.clock);
    status["replies"] = core.replies;
    status["deliveries_unknown"] = core.deliveries_unknown;
    status["down_cells"] = daemon.down_cells;
    status["cost"] = cost_of(daemon, core, document.parameters);
}

Json isolation_of(const core::CoreStatus& core, const directory::Document& document) {
    Json list = Json::array();
    for (const auto& key : core.isolation) {
        const auto words = words_of(key.key);
        list.push_back({{"name", words.name.substr(0, key_name_max)},
                        {"listener", words.listener},
                        {"uid", words.uid},
                        {"session", key.session},
                        {"exit", name_of(core.sessions.at(key.session).exit, document)},
                        {"own_session", key.own},
                        {"streams", key.streams}});
    }
    return list;
}

void add_sessions(Json& status, const core::CoreStatus& core, const directory::Document& document) {
    Json sessions = Json::array();
    for (const auto& session : core.sessions) {
        sessions.push_back({{"exit", name_of(session.exit, document)},
                            {"pace", session.pace},
                            {"stock", session.stock},
                            {"estimate", session.estimate},
                            {"target", session.target},
                            {"streams", session.streams},
                            {"ready", session.ready},
                            {"silent", session.silent},
                            {"isolated", session.isolated},
                            {"ending", session.ending}});
    }
    status["waiting_streams"] = core.waiting;
    status["identity"] = core.identity;
    status["isolated_sessions_max"] = core.isolated_max;
    status["isolation_keys"] = core.keys;
    status["keys_sharing_a_session"] = core.keys_sharing;
    status["isolation"] = isolation_of(core, document);
    status["sessions"] = std::move(sessions);
}

}  // namespace

std::string status_json(const DaemonStatus& daemon, const core::CoreStatus* core,
                        const directory::Document* document) {
    auto status = report_of(daemon);
    if (core != nullptr && document != nullptr) {
        add_network(status, *core, *document);
        add_traffic(status, daemon, *core, *document);
        add_sessions(status, *core, *document);
    }
    return dumped(status);
}

const char* state_word(const DaemonStatus& daemon) {
    if (daemon.ready) return "ready";
    return daemon.started ? "offline" : "starting";
}

std::string state_json(const DaemonStatus& daemon) {
    return dumped(state_of(daemon));
}

std::string ping_json(const core::PingResult& ping, const directory::Document& document) {
    return dumped({{"round_trip_ms", base::to_seconds(ping.round_trip) * 1000},
                   {"there", names_of(ping.there, document)},
                   {"back", names_of(ping.back, document)}});
}

}  // namespace nightjar::client::protocol
