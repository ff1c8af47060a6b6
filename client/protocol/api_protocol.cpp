#include "client/protocol/api_protocol.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace nightjar::client::protocol::api {

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

Json link_of(const core::LoopState& loops, base::Mono now) {
    Json silent_s;
    if (loops.silent_since) silent_s = std::floor(base::to_seconds(now - *loops.silent_since));
    return {{"state", name_of(loops.kind)},
            {"missing_share", loops.missing_share},
            {"silent_s", silent_s}};
}

Json clock_of(const core::ClockStatus& clock) {
    Json synchronised, ahead;
    if (clock.synchronised) synchronised = *clock.synchronised;
    if (clock.gateway_ahead) ahead = base::to_seconds(*clock.gateway_ahead);
    return {{"synchronised", synchronised},
            {"gateway_ahead_s", ahead},
            {"correction_s", base::to_seconds(clock.correction)}};
}

std::string text_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

/// What the client's own loops say of its link, in words.
std::string words_of(const Json& link) {
    const auto state = link["state"].get<std::string>();
    const auto missing = std::to_string(std::lround(100 * link["missing_share"].get<double>()));
    if (state == "down") return "no link to the gateway";
    if (state == "starting") return "up; no loop was due yet";
    if (state == "silent")
        return "silent for " + text_of(link["silent_s"]) + " s: no loop returns; sessions wait";
    if (state == "missing")
        return "up, but too many loops are missing: " + missing + " % in the last minute";
    return "up; loops return, " + missing + " % missing in the last minute";
}

/// Which clock the client goes by, in words.
std::string clock_words(const Json& clock) {
    if (clock["gateway_ahead_s"].is_null())
        return "this machine's; the gateway has not said a time";
    const auto ahead = clock["gateway_ahead_s"].get<double>();
    char apart[64];
    std::snprintf(apart, sizeof apart, "the gateway's is %.1f s %s", std::abs(ahead),
                  ahead < 0 ? "behind" : "ahead");
    const bool far = std::abs(ahead) >= 1;
    if (clock["synchronised"] == true)
        return std::string{"this machine's, synchronised"} +
               (far ? std::string{"; but "} + apart + ", so one of them is wrong" : "");
    if (std::abs(ahead) > base::to_seconds(core::ClockCorrection::most))
        return std::string{"this machine's, not synchronised; "} + apart +
               ", too far to go by: set the clock right";
    return std::string{"the gateway's: this machine's is not synchronised"} +
           (far ? std::string{"; "} + apart : "");
}

/// "1 stream", "2 streams".
std::string counted(const Json& count, const std::string& noun, const std::string& nouns) {
    return text_of(count) + " " + (count == 1 ? noun : nouns);
}

std::string line(const Json& answer) {
    return answer.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace

base::Result<Method, std::string> parse_request(std::string_view line) {
    const auto fail = [](const char* reason) { return base::Fail{std::string{reason}}; };
    if (line.size() > line_max) return fail("the line is too long");
    const auto request = Json::parse(line, nullptr, false);
    if (!request.is_object()) return fail("expected one JSON object");
    const auto method = request.find("method");
    if (method == request.end() || !method->is_string()) return fail("expected \"method\"");
    if (request.size() != 1) return fail("unknown member");
    if (*method == "status") return Method::status;
    if (*method == "ping") return Method::ping;
    return fail("unknown method");
}

std::string status_line(const DaemonStatus& daemon, const core::CoreStatus& core,
                        const directory::Document& document) {
    Json sessions = Json::array();
    for (const auto& session : core.sessions) {
        sessions.push_back({{"exit", name_of(session.exit, document)},
                            {"pace", session.pace},
                            {"stock", session.stock},
                            {"estimate", session.estimate},
                            {"target", session.target},
                            {"streams", session.streams},
                            {"ready", session.ready},
                            {"silent", session.silent}});
    }
    return line({{"ok", true},
                 {"result",
                  {{"ready", daemon.ready},
                   {"connected", core.connected},
                   {"network", daemon.network},
                   {"mode", daemon.mode},
                   {"epoch", daemon.epoch},
                   {"valid_until", daemon.valid_until},
                   {"gateway", daemon.gateway},
                   {"socks", daemon.socks},
                   {"slots", core.slots},
                   {"slots_lost", core.slots_lost + daemon.slots_unwritten},
                   {"loops_sent", core.loops_sent},
                   {"loops_returned", core.loops_returned},
                   {"loops_lost", core.loops_lost},
                   {"link", link_of(core.loops, daemon.now)},
                   {"clock", clock_of(core.clock)},
                   {"replies", core.replies},
                   {"deliveries_unknown", core.deliveries_unknown},
                   {"down_cells", daemon.down_cells},
                   {"links", daemon.links},
                   {"applications", daemon.applications},
                   {"waiting_streams", core.waiting},
                   {"refused_by_bounds", daemon.refused},
                   {"literal_addresses", daemon.literals},
                   {"isolated_sessions_max", core.isolated_max},
                   {"isolation_keys", core.keys},
                   {"keys_sharing_a_session", core.keys_sharing},
                   {"sessions", sessions}}}});
}

std::string ping_line(const core::PingResult& ping, const directory::Document& document) {
    return line({{"ok", true},
                 {"result",
                  {{"round_trip_ms", base::to_seconds(ping.round_trip) * 1000},
                   {"there", names_of(ping.there, document)},
                   {"back", names_of(ping.back, document)}}}});
}

std::string status_text(std::string_view result) {
    const auto status = Json::parse(result);
    std::string text;
    for (const auto& [key, value] : status.items()) {
        if (key == "sessions") continue;
        text += key + std::string(std::max<std::size_t>(key.size(), 23) - key.size() + 1, ' ') +
                (key == "link"    ? words_of(value)
                 : key == "clock" ? clock_words(value)
                                  : text_of(value)) +
                "\n";
    }
    for (const auto& session : status["sessions"]) {
        text += "session" + std::string(17, ' ') + "exit " + text_of(session["exit"]) + ", " +
                counted(session["pace"], "reply", "replies") + " per second, SURBs " +
                text_of(session["stock"]) + " of " + text_of(session["target"]) + ", " +
                counted(session["streams"], "stream", "streams") +
                (session.value("silent", false) ? ", its exit is silent" : "") + "\n";
    }
    return text;
}

std::string error_line(std::string_view error) {
    return line({{"ok", false}, {"error", error}});
}

}  // namespace nightjar::client::protocol::api
