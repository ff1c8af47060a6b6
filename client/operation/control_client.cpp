#include "client/operation/control_client.hpp"

#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "client/operation/ping_text.hpp"
#include "client/operation/status_text.hpp"
#include "sphinx/node/files/atomic_file.hpp"
#include "sphinx/node/process/control_socket.hpp"

namespace nightjar::client::operation {

using Json = nlohmann::ordered_json;
using node::process::ExitCode;

namespace {

// Far above any answer's time: the client itself bounds the wait for a ping.
constexpr base::Seconds patience{3600};
constexpr base::Seconds watch_interval{1};
constexpr const char* clear_screen = "\x1b[H\x1b[2J";

std::string request_for(const char* method, const Json& params) {
    return Json{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}}.dump(
        -1, ' ', true, Json::error_handler_t::replace);
}

/// The answer, which has either a `result` or an `error`.
Json ask(const std::filesystem::path& path, const char* method,
         const Json& params = Json::object()) {
    const auto fail = [&](const std::string& reason) {
        throw node::process::StartupError(ExitCode::failure, "no client answers on " +
                                                                 path.string() + " (" + reason +
                                                                 "); start one with: nightjar run");
    };
    const auto line = node::process::ask(path, request_for(method, params), patience);
    if (!line) fail(line.error().message());
    auto answer = Json::parse(*line, nullptr, false);
    const bool failed = answer.is_object() && answer.contains("error");
    if (!failed && !(answer.is_object() && answer.contains("result"))) fail("malformed answer");
    return answer;
}

void write_page(const std::string& file, const std::string& page) {
    if (file == "-") {
        std::printf("%s", page.c_str());
        return;
    }
    try {
        // It names the client's exits: for its owner only.
        node::files::replace_file(file, page, node::files::Durability::rename_only, 0600);
    } catch (const std::system_error& error) {
        throw node::process::StartupError(
            ExitCode::key_or_permission,
            "cannot write " + file + ": " + error.code().message() + "; name another file");
    }
}

std::string text_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

/// The path of a unix socket from the root: the client has another working directory.
std::string whole_address(const std::string& address) {
    constexpr std::string_view unix_prefix = "unix:";
    if (!address.starts_with(unix_prefix) || address.size() == unix_prefix.size()) return address;
    const auto path = std::filesystem::absolute(address.substr(unix_prefix.size()));
    return std::string{unix_prefix} + path.string();
}

/// Says why.
ExitCode refused(const Json& answer) {
    std::fprintf(stderr, "%s\n", text_of(answer["error"]["message"]).c_str());
    return ExitCode::failure;
}

/// One line, in ASCII.
void print_result(const Json& answer) {
    std::printf("%s\n", answer["result"].dump(-1, ' ', true).c_str());
}

std::string joined(const Json& names) {
    std::string text;
    for (const auto& name : names)
        text += (text.empty() ? "" : " > ") + text_of(name);
    return text;
}

}  // namespace

ExitCode show_status(const std::filesystem::path& socket, const StatusOptions& options) {
    for (;;) {
        const auto answer = ask(socket, "status");
        const auto status = answer.value("result", Json::object());
        const auto text = status.dump();
        if (options.watch && ::isatty(STDOUT_FILENO) != 0) std::printf("%s", clear_screen);
        if (options.json) {
            // In ASCII: a terminal obeys some characters that a program may have put into its name.
            std::printf("%s\n", (options.cost ? status.value("cost", Json{}) : status)
                                    .dump(options.watch ? -1 : 2, ' ', true)
                                    .c_str());
        } else if (!options.page.empty()) {
            write_page(options.page, to_page(status_rows(text)));
        } else {
            const auto rows = options.cost ? cost_rows(text) : status_rows(text);
            std::printf("%s%s", to_text(rows).c_str(), options.watch ? "\n" : "");
        }
        std::fflush(stdout);
        if (!options.watch) return status["ready"] == true ? ExitCode::ok : ExitCode::not_ready;
        std::this_thread::sleep_for(watch_interval);
    }
}

ExitCode new_identity(const std::filesystem::path& socket, bool json) {
    const auto answer = ask(socket, "new_identity");
    if (answer.contains("error")) return refused(answer);
    if (json) {
        print_result(answer);
        return ExitCode::ok;
    }
    std::printf(
        "new identity %s: connections from now on get other sessions, after 9 to 19 s the first "
        "time.\nOpen connections go on. Your gateway, its view of you, your exits and what "
        "programs say of themselves stay.\n",
        text_of(answer["result"]["identity"]).c_str());
    return ExitCode::ok;
}

ExitCode open_listener(const std::filesystem::path& socket, const ListenOptions& options) {
    Json params = Json::object();
    params[options.way] = whole_address(options.address);
    if (!options.isolate.empty()) params["isolate"] = options.isolate;
    if (!options.users.empty()) params["users"] = options.users;
    if (!options.map.empty()) params["map"] = options.map;
    if (options.extended_errors) params["extended_errors"] = true;
    const auto answer = ask(socket, "open_listener", params);
    if (answer.contains("error")) return refused(answer);
    if (options.json)
        print_result(answer);
    else
        std::printf("%s\n", text_of(answer["result"]["address"]).c_str());
    return ExitCode::ok;
}

ExitCode close_listener(const std::filesystem::path& socket, const ListenOptions& options) {
    const auto answer =
        ask(socket, "close_listener", Json::object({{"address", whole_address(options.address)}}));
    if (answer.contains("error")) return refused(answer);
    if (options.json) print_result(answer);
    return ExitCode::ok;
}

ExitCode ping(const std::filesystem::path& socket, unsigned count, bool json) {
    auto outcome = ExitCode::ok;
    Json results = Json::array();
    std::vector<double> round_trips;
    for (unsigned i = 0; i < count; ++i) {
        const auto answer = ask(socket, "ping");
        const bool answered = answer.contains("result");
        if (!answered) outcome = ExitCode::failure;
        if (answered) round_trips.push_back(answer["result"]["round_trip_ms"].get<double>());
        if (json) {
            results.push_back(answered ? answer["result"]
                                       : Json{{"error", answer["error"]["message"]}});
        } else if (answered) {
            const auto& result = answer["result"];
            std::printf("%.0f ms  there: %s  back: %s\n", result["round_trip_ms"].get<double>(),
                        joined(result["there"]).c_str(), joined(result["back"]).c_str());
            std::fflush(stdout);
        } else {
            std::printf("%s\n", text_of(answer["error"]["message"]).c_str());
            std::fflush(stdout);
        }
    }
    if (json) {
        std::printf("%s\n", Json{{"pings", results}}.dump(2, ' ', true).c_str());
    } else {
        const auto lost = count - round_trips.size();
        std::printf("%s", ping_summary(std::move(round_trips), lost).c_str());
    }
    return outcome;
}

}  // namespace nightjar::client::operation
