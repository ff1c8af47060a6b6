#include "client/operation/control_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace nightjar::client::operation {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using Json = nlohmann::ordered_json;
using node::process::ExitCode;

namespace {

constexpr std::size_t answer_max = 1024 * 1024;

class Connection {
 public:
    explicit Connection(const std::filesystem::path& path) : path_{path} {
        boost::system::error_code error;
        socket_.connect(stream_protocol::endpoint{path.string()}, error);
        if (error) fail(error.message());
    }

    Json ask(const char* method) {
        const auto request = Json{{"method", method}}.dump() + "\n";
        boost::system::error_code error;
        asio::write(socket_, asio::buffer(request), error);
        std::size_t length = 0;
        if (!error) {
            length =
                asio::read_until(socket_, asio::dynamic_buffer(buffer_, answer_max), '\n', error);
        }
        if (error) fail(error.message());
        auto answer = Json::parse(buffer_.substr(0, length), nullptr, false);
        buffer_.erase(0, length);
        if (!answer.is_object() || !answer.contains("ok")) fail("malformed answer");
        return answer;
    }

 private:
    [[noreturn]] void fail(const std::string& reason) const {
        throw node::process::StartupError(ExitCode::failure, "no client answers on " +
                                                                 path_.string() + " (" + reason +
                                                                 "); start one with: nightjar run");
    }

    std::filesystem::path path_;
    asio::io_context context_;
    stream_protocol::socket socket_{context_};
    std::string buffer_;
};

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
    Connection connection{socket};
    const auto answer = connection.ask("status");
    if (!answer["ok"].get<bool>()) {
        std::printf("%s\n", text_of(answer["error"]).c_str());
        return ExitCode::failure;
    }
    const auto& status = answer["result"];
    if (json) {
        std::printf("%s\n", status.dump(2).c_str());
        return ExitCode::ok;
    }
    for (const auto& [key, value] : status.items()) {
        if (key != "sessions") std::printf("%-19s %s\n", key.c_str(), text_of(value).c_str());
    }
    for (const auto& session : status["sessions"]) {
        std::printf(
            "session             exit %s, %s replies per second, SURBs %s of %s, %s streams\n",
            text_of(session["exit"]).c_str(), text_of(session["pace"]).c_str(),
            text_of(session["stock"]).c_str(), text_of(session["target"]).c_str(),
            text_of(session["streams"]).c_str());
    }
    return ExitCode::ok;
}

ExitCode ping(const std::filesystem::path& socket, unsigned count, bool json) {
    Connection connection{socket};
    auto outcome = ExitCode::ok;
    Json results = Json::array();
    for (unsigned i = 0; i < count; ++i) {
        const auto answer = connection.ask("ping");
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
