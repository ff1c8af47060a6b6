#include "client/operation/control_client.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "client/protocol/api_protocol.hpp"
#include "sphinx/node/process/control_socket.hpp"

namespace nightjar::client::operation {

using Json = nlohmann::ordered_json;
using node::process::ExitCode;

namespace {

// Far above any answer's time: the client itself bounds the wait for a ping.
constexpr base::Seconds patience{3600};

Json ask(const std::filesystem::path& path, const char* method) {
    const auto fail = [&](const std::string& reason) {
        throw node::process::StartupError(ExitCode::failure, "no client answers on " +
                                                                 path.string() + " (" + reason +
                                                                 "); start one with: nightjar run");
    };
    const auto line = node::process::ask(path, Json{{"method", method}}.dump(), patience);
    if (!line) fail(line.error().message());
    auto answer = Json::parse(*line, nullptr, false);
    if (!answer.is_object() || !answer.contains("ok")) fail("malformed answer");
    return answer;
}

std::string text_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string joined(const Json& names) {
    std::string text;
    for (const auto& name : names)
        text += (text.empty() ? "" : " > ") + text_of(name);
    return text;
}

}  // namespace

ExitCode show_status(const std::filesystem::path& socket, bool json) {
    const auto answer = ask(socket, "status");
    if (!answer["ok"].get<bool>()) {
        std::printf("%s\n", text_of(answer["error"]).c_str());
        return ExitCode::failure;
    }
    const auto& status = answer["result"];
    if (json) {
        std::printf("%s\n", status.dump(2).c_str());
        return ExitCode::ok;
    }
    std::printf("%s", protocol::api::status_text(status.dump()).c_str());
    return ExitCode::ok;
}

ExitCode ping(const std::filesystem::path& socket, unsigned count, bool json) {
    auto outcome = ExitCode::ok;
    Json results = Json::array();
    for (unsigned i = 0; i < count; ++i) {
        const auto answer = ask(socket, "ping");
        const bool answered = answer["ok"].get<bool>();
        if (!answered) outcome = ExitCode::failure;
        if (json) {
            results.push_back(answered ? answer["result"] : Json{{"error", answer["error"]}});
        } else if (answered) {
            const auto& result = answer["result"];
            std::printf("%.0f ms  there: %s  back: %s\n", result["round_trip_ms"].get<double>(),
                        joined(result["there"]).c_str(), joined(result["back"]).c_str());
            std::fflush(stdout);
        } else {
            std::printf("%s\n", text_of(answer["error"]).c_str());
            std::fflush(stdout);
        }
    }
    if (json) std::printf("%s\n", Json{{"pings", results}}.dump(2).c_str());
    return outcome;
}

}  // namespace nightjar::client::operation
