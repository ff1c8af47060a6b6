#include "client/operation/status_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "client/core/clock_correction.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/node/page/page.hpp"

namespace nightjar::client::operation {

using Json = nlohmann::ordered_json;

namespace {

constexpr std::size_t name_shown_max = 40;

std::string shown(const Json& value) {
    if (!value.is_string()) return value.dump();
    auto text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
    return text.substr(1, text.size() - 2);
}

/// A name that an application or a relay chose.
std::string short_name(const Json& value) {
    auto text = shown(value);
    if (text.size() > name_shown_max) text = text.substr(0, name_shown_max) + "...";
    return text;
}

/// "1 stream", "2 streams".
std::string counted(const Json& count, const std::string& noun, const std::string& nouns) {
    return shown(count) + " " + (count == 1 ? noun : nouns);
}

/// "840 B", "12.3 kB", "4.50 GB".
std::string bytes_text(double bytes) {
    constexpr std::array units{"B", "kB", "MB", "GB", "TB"};
    std::size_t unit = 0;
    while (bytes >= 999.5 && unit + 1 < units.size()) {
        bytes /= 1000;
        ++unit;
    }
    const int places = unit == 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.*f %s", places, bytes, units.at(unit));
    return text.data();
}

std::string duration_text(double seconds) {
    if (seconds < 10) {
        std::array<char, 16> text{};
        std::snprintf(text.data(), text.size(), "%.1f s", seconds);
        return text.data();
    }
    const auto whole = std::llround(seconds);
    if (whole < 120) return std::to_string(whole) + " s";
    if (whole < 7200) return std::to_string(whole / 60) + " min";
    return std::to_string(whole / 3600) + " h";
}

std::string utc(const Json& unix_seconds) {
    return base::utc_text(base::Wall{base::Seconds{unix_seconds.get<std::int64_t>()}});
}

/// What the client's own loops say of its link, in words.
std::string link_words(const Json& link) {
    const auto state = link["state"].get<std::string>();
    const auto missing = std::to_string(std::lround(100 * link["missing_share"].get<double>()));
    if (state == "down") return "no link to the gateway";
    if (state == "starting") return "up; no loop was due yet";
    if (state == "silent")
        return "silent for " + shown(link["silent_s"]) + " s: no loop returns; sessions wait";
    if (state == "missing")
        return "up, but too many loops are missing: " + missing + " % in the last minute";
    return "up; loops return, " + missing + " % missing in the last minute";
}

/// Which clock the client goes by, in words.
std::string clock_words(const Json& clock) {
    if (clock["gateway_ahead_s"].is_null())
        return "this machine's; the gateway has not said a time";
    const auto ahead = clock["gateway_ahead_s"].get<double>();
    std::array<char, 64> apart{};
    std::snprintf(apart.data(), apart.size(), "the gateway's is %.1f s %s", std::abs(ahead),
                  ahead < 0 ? "behind" : "ahead");
    const bool far = std::abs(ahead) >= 1;
    if (clock["synchronised"] == true)
        return std::string{"this machine's, synchronised"} +
               (far ? std::string{"; but "} + apart.data() + ", so one of them is wrong" : "");
    if (std::abs(ahead) > base::to_seconds(core::ClockCorrection::most))
        return std::string{"this machine's, not synchronised; "} + apart.data() +
               ", too far to go by: set the clock right";
    std::string words = "the gateway's: this machine's is not synchronised";
    if (far) words += std::string{"; "} + apart.data();
    const auto off = std::abs(ahead - clock["correction_s"].get<double>());
    if (off >= 1) {
        std::snprintf(apart.data(), apart.size(),
                      "; this client still goes by a time %.1f s from it", off);
        words += apart.data();
    }
    return words;
}

std::string stage_words(const Json& stage) {
    const auto state = stage["state"].get<std::string>();
    if (state == "waiting") return "waits for the stage before";
    const auto took = duration_text(stage["seconds"].get<double>());
    if (state == "done") return "done in " + took;
    std::string words = took + " so far";
    if (stage.contains("of_bytes")) {
        words += ", " + bytes_text(stage["have_bytes"].get<double>()) + " of " +
                 bytes_text(stage["of_bytes"].get<double>());
    }
    if (stage["left_s"].is_null()) return words;
    const auto left = stage["left_s"].get<double>();
    return words + (left > 0 ? ", about " + duration_text(left) + " left" : ", any moment now");
}

std::string stage_name(const Json& stage) {
    if (stage["name"] == "document") return "network document";
    return stage["name"] == "link" ? "link to the gateway" : "first exit session";
}

void add_stages(std::vector<StatusRow>& rows, const Json& status) {
    for (const auto& stage : status["stages"])
        rows.push_back({"Start", stage_name(stage), stage_words(stage)});
    if (!status["waiting_for"].is_null())
        rows.push_back({"Start", "waiting for", shown(status["waiting_for"])});
}

/// No list if there is only the first listener: the row "proxy" names it.
void add_listeners(std::vector<StatusRow>& rows, const Json& status) {
    const auto listeners = status.value("listeners", Json::array());
    if (listeners.size() < 2) return;
    for (const auto& one : listeners) {
        std::string words = "SOCKS5 and HTTP CONNECT";
        if (one["way"] == "dns") words = "name server";
        if (one["way"] == "transparent") words = "redirected TCP connections";
        if (one["by_control_socket"] == true) words += ", opened while the client runs";
        rows.push_back({"Listeners", shown(one["address"]), words});
    }
}

std::string state_words(const Json& status) {
    const auto state = status["state"].get<std::string>();
    if (state == "ready") return "yes, since " + utc(status["ready_since"]);
    if (state == "offline") return "no: " + shown(status["waiting_for"]);
    return "no: the client is starting, which takes up to a minute or so";
}

std::string session_words(const Json& session) {
    std::string words = session["isolated"] == true ? "of an isolation key, " : "shared, ";
    words += counted(session["pace"], "reply", "replies") + " per second, SURBs " +
             shown(session["stock"]) + " of " + shown(session["target"]) + ", " +
             counted(session["streams"], "stream", "streams");
    if (session["silent"] == true) words += ", its exit is silent";
    if (session["ending"] == true) words += ", ends soon";
    return words;
}

void add_sessions(std::vector<StatusRow>& rows, const Json& status) {
    for (const auto& session : status["sessions"])
        rows.push_back({"Exit sessions", shown(session["exit"]), session_words(session)});
    for (const auto& key : status["isolation"]) {
        auto name = short_name(key["name"]);
        if (name.empty()) name = key["uid"] == "" ? "(listener)" : "user " + shown(key["uid"]);
        rows.push_back({"Isolation keys", name,
                        std::string{key["own_session"] == true ? "own" : "shared"} +
                            " session at " + shown(key["exit"]) + ", " +
                            counted(key["streams"], "stream", "streams") + ", by " +
                            short_name(key["listener"])});
    }
    const auto listed = status["isolation"].size();
    const auto known = status["isolation_keys"].get<std::size_t>();
    if (known > listed)
        rows.push_back({"Isolation keys", "more", std::to_string(known - listed) + " not listed"});
}

}  // namespace

std::vector<StatusRow> status_rows(std::string_view text) {
    const auto status = Json::parse(text);
    std::vector<StatusRow> rows{{"", "ready", state_words(status)}};
    if (!status["problem"].is_null()) {
        rows.push_back({"", "problem", shown(status["problem"]["what"])});
        rows.push_back({"", "what to do", shown(status["problem"]["mend"])});
    }
    rows.push_back({"", "proxy", shown(status["socks"]) + " (SOCKS5 and HTTP CONNECT)"});
    if (status["state"] != "ready") add_stages(rows, status);
    add_listeners(rows, status);
    if (!status.contains("sessions")) return rows;
    rows.push_back({"", "network",
                    shown(status["network"]) + " (" + shown(status["mode"]) +
                        "), document valid until " + utc(status["valid_until"])});
    if (status.contains("parameters_from_epoch"))
        rows.push_back({"", "announced",
                        "parameters change at epoch " + shown(status["parameters_from_epoch"])});
    rows.push_back({"", "gateway", shown(status["gateway"])});
    if (status.contains("exit_country")) {
        const auto& exits = status["exit_country"];
        const auto country = shown(exits["country"]);
        rows.push_back({"", "exits",
                        "only " + country + ": " + shown(exits["exits"]) + " of " +
                            shown(exits["exits_in_all"]) +
                            "; you hide among the clients that chose " + country +
                            " (nightjar routes says more)"});
    }
    rows.push_back({"", "link", link_words(status["link"])});
    rows.push_back({"", "clock", clock_words(status["clock"])});
    const auto& goodput = status["goodput"];
    rows.push_back({"", "goodput",
                    "up " + bytes_text(goodput["up"].get<double>()) + "/s, down " +
                        bytes_text(goodput["down"].get<double>()) + "/s in the last minute; " +
                        bytes_text(goodput["up_bytes"].get<double>()) + " and " +
                        bytes_text(goodput["down_bytes"].get<double>()) + " in all"});
    rows.push_back({"", "applications",
                    counted(status["applications"], "connection", "connections") + ", " +
                        shown(status["waiting_streams"]) + " wait for a place, " +
                        shown(status["refused_by_bounds"]) + " were refused by a bound"});
    for (auto& row : cost_rows(text))
        rows.push_back(std::move(row));
    add_sessions(rows, status);
    std::ranges::stable_partition(rows, [](const auto& row) { return row.section.empty(); });
    return rows;
}

std::vector<StatusRow> cost_rows(std::string_view text) {
    const auto status = Json::parse(text);
    if (!status.contains("cost"))
        return {{"Cost", "not known", "there is no network document yet"}};
    const auto& cost = status["cost"];
    const auto up = cost["up_bytes_a_day"].get<double>();
    const auto down = cost["down_bytes_a_day"].get<double>();
    std::vector<StatusRow> rows{
        {"Cost", "a day", bytes_text(up) + " up, " + bytes_text(down) + " down, used or not"},
        {"Cost", "a month", bytes_text(30 * (up + down)) + " in all"}};
    if (!cost["cover_share"].is_null()) {
        std::array<char, 16> share{};
        std::snprintf(share.data(), share.size(), "%.1f %%",
                      100 * cost["cover_share"].get<double>());
        rows.push_back({"Cost", "cover",
                        std::string{share.data()} + " of the link's bytes since the start: " +
                            bytes_text(cost["application_bytes"].get<double>()) + " of " +
                            bytes_text(cost["link_bytes"].get<double>()) +
                            " were of your programs"});
    }
    return rows;
}

std::string to_text(const std::vector<StatusRow>& rows) {
    std::size_t width = 0;
    for (const auto& row : rows)
        width = std::max(width, row.name.size());
    std::string text, section;
    for (const auto& row : rows) {
        if (row.section != section) text += "\n" + row.section + "\n";
        section = row.section;
        text += (section.empty() ? "" : "  ") + row.name +
                std::string(width - row.name.size() + (section.empty() ? 4 : 2), ' ') + row.text +
                "\n";
    }
    return text;
}

std::string to_page(const std::vector<StatusRow>& rows) {
    node::page::Page page{"Nightjar", "Nightjar"};
    std::vector<node::page::Fact> facts;
    std::string section;
    for (const auto& row : rows) {
        if (row.section != section) {
            page.facts(std::exchange(facts, {})).section(row.section);
            section = row.section;
        }
        facts.push_back({row.name, row.text});
    }
    return std::move(page.facts(facts)).finish();
}

}  // namespace nightjar::client::operation
