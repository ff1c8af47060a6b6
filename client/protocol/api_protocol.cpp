#include "client/protocol/api_protocol.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace nightjar::client::protocol::api {

using Json = nlohmann::ordered_json;

namespace {

constexpr std::array<std::pair<std::string_view, Method>, 6> methods{{
    {"status", Method::status},
    {"ping", Method::ping},
    {"new_identity", Method::new_identity},
    {"events", Method::events},
    {"open_listener", Method::open_listener},
    {"close_listener", Method::close_listener},
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
            if (!value.is_structured())
                return {{Code::invalid_params, "the parameters are neither object nor array"}};
        } else if (key != "jsonrpc" && key != "method" && key != "id") {
            return {{Code::invalid_request, "unknown member"}};
        }
    }
    return std::nullopt;
}

/// Reads the parameters of `request.method` into `request`. Returns what is wrong with them.
const char* read_params(Json params, Request& request) {
    switch (request.method) {
        case Method::open_listener: {
            if (!params.is_object()) return "expected an object that describes the listener";
            const auto lasts = params.value("with_connection", Json(false));
            if (!lasts.is_boolean()) return "with_connection is neither true nor false";
            request.with_connection = lasts.get<bool>();
            params.erase("with_connection");
            // As it is, not in ASCII: YAML has no surrogates.
            request.listener = params.dump();
            return nullptr;
        }
        case Method::close_listener: {
            const bool one = params.is_object() && params.size() == 1;
            const auto address = one ? params.value("address", Json{}) : Json{};
            if (!address.is_string()) return "expected {\"address\": ...} of a listener";
            request.address = address.get<std::string>();
            return nullptr;
        }
        case Method::status:
        case Method::ping:
        case Method::new_identity:
        case Method::events:
            break;
    }
    return params.empty() ? nullptr : "this method takes no parameters";
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
    const auto wrong = [&](Code code, const char* reason) {
        return answered ? fail(*id, code, reason) : base::Fail{std::string{}};
    };
    for (const auto& [name, method] : methods) {
        if (request["method"] != name) continue;
        Request taken{method, answered ? id : std::nullopt};
        const auto* fault = read_params(request.value("params", Json::object()), taken);
        if (fault != nullptr) return wrong(Code::invalid_params, fault);
        return taken;
    }
    return wrong(Code::no_such_method, "unknown method");
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
