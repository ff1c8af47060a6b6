#include "client/protocol/api_protocol.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace nightjar::client::protocol::api {

using Json = nlohmann::ordered_json;

namespace {

constexpr std::array<std::pair<std::string_view, Method>, 4> methods{{
    {"status", Method::status},
    {"ping", Method::ping},
    {"new_identity", Method::new_identity},
    {"events", Method::events},
}};

std::string text_of(const Json& value) {
    return value.dump(-1, ' ', true, Json::error_handler_t::replace);
}

/// JSON text of the id if it may be one: a text, a whole number, or null.
std::optional<std::string> id_text(const Json& id) {
    if (!id.is_string() && !id.is_number_integer() && !id.is_null()) return std::nullopt;
    auto text = text_of(id);
    return text.size() <= id_max ? std::optional{std::move(text)} : std::nullopt;
}

/// What is wrong with a request whose id is good.
std::optional<std::pair<Code, const char*>> fault_of(const Json& request) {
    if (request.value("jsonrpc", Json{}) != "2.0")
        return {{Code::invalid_request, "expected \"jsonrpc\":\"2.0\""}};
    if (!request.value("method", Json{}).is_string())
        return {{Code::invalid_request, "expected \"method\""}};
    for (const auto& [key, value] : request.items()) {
        if (key == "params") {
            if (!value.is_structured() || !value.empty())
                return {{Code::invalid_params, "no method takes parameters"}};
        } else if (key != "jsonrpc" && key != "method" && key != "id") {
            return {{Code::invalid_request, "unknown member"}};
        }
    }
    return std::nullopt;
}

}  // namespace

base::Result<Request, std::string> parse_request(std::string_view line) {
    const std::string unknown = "null";
    const auto fail = [](const std::string& id, Code code, const char* reason) {
        return base::Fail{error_line(id, code, reason)};
    };
    if (line.size() > line_max) return fail(unknown, Code::invalid_request, "the line is too long");
    const auto request = Json::parse(line, nullptr, false);
    if (request.is_discarded()) return fail(unknown, Code::parse_error, "not JSON");
    if (!request.is_object())
        return fail(unknown, Code::invalid_request, "expected one JSON object");
    const bool answered = request.contains("id");
    const auto id = answered ? id_text(request["id"]) : std::optional{unknown};
    if (!id) return fail(unknown, Code::invalid_request, "the id is not a text or whole number");
    if (const auto fault = fault_of(request)) {
        // Without a method it is no notification either.
        if (!answered && fault->first != Code::invalid_request) return base::Fail{std::string{}};
        return fail(*id, fault->first, fault->second);
    }
    for (const auto& [name, method] : methods)
        if (request["method"] == name) return Request{method, answered ? id : std::nullopt};
    if (!answered) return base::Fail{std::string{}};
    return fail(*id, Code::no_such_method, "unknown method");
}

std::string result_line(const std::string& id, std::string_view result) {
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":)" + std::string{result} + "}";
}

std::string error_line(const std::string& id, Code code, std::string_view message) {
    const Json error{{"code", static_cast<int>(code)}, {"message", message}};
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"error":)" + text_of(error) + "}";
}

std::string event_line(std::string_view name, std::string_view params) {
    return R"({"jsonrpc":"2.0","method":")" + std::string{name} + R"(","params":)" +
           std::string{params} + "}";
}

}  // namespace nightjar::client::protocol::api
