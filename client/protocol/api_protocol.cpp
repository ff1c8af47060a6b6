#include "client/protocol/api_protocol.hpp"

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
                            {"ready", session.ready}});
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
                   {"replies", core.replies},
                   {"deliveries_unknown", core.deliveries_unknown},
                   {"down_cells", daemon.down_cells},
                   {"links", daemon.links},
                   {"applications", daemon.applications},
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

std::string error_line(std::string_view error) {
    return line({{"ok", false}, {"error", error}});
}

}  // namespace nightjar::client::protocol::api
