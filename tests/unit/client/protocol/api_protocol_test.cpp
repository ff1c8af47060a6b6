#include "client/protocol/api_protocol.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace nightjar;
using namespace nightjar::client::protocol;

namespace {

std::string refusal(const std::string& id, int code, const std::string& message) {
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"error":{"code":)" + std::to_string(code) +
           R"(,"message":")" + message + "\"}}";
}

}  // namespace

TEST_CASE("api: requests") {
    struct Row {
        std::string line;
        api::Method method;
        const char* id;  // nullptr: a notification
    };
    const std::string longest = R"({"jsonrpc":"2.0","method":"ping","id":1})";
    const Row rows[] = {
        {R"({"jsonrpc":"2.0","method":"status","id":1})", api::Method::status, "1"},
        {R"( { "id" : "a\u0001" , "method" : "ping", "jsonrpc":"2.0" } )", api::Method::ping,
         R"("a\u0001")"},
        {R"({"jsonrpc":"2.0","method":"ping","id":-3,"params":{}})", api::Method::ping, "-3"},
        {R"({"jsonrpc":"2.0","method":"ping","id":null,"params":[]})", api::Method::ping, "null"},
        {R"({"jsonrpc":"2.0","method":"ping"})", api::Method::ping, nullptr},
        {R"({"jsonrpc":"2.0","method":"ping","id":")" + std::string(126, 'x') + "\"}",
         api::Method::ping, nullptr},
        {longest + std::string(api::line_max - longest.size(), ' '), api::Method::ping, "1"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.line.substr(0, 60));
        const auto request = api::parse_request(row.line);
        REQUIRE(request.has_value());
        CHECK(request->method == row.method);
        if (row.line.find("xxx") != std::string::npos) {
            CHECK(request->id->size() == api::id_max);
            continue;
        }
        CHECK(request->id.has_value() == (row.id != nullptr));
        if (row.id != nullptr) CHECK(*request->id == row.id);
    }
}

TEST_CASE("api: a request that is refused has JSON-RPC's codes, and a notification no answer") {
    const std::string good = R"({"jsonrpc":"2.0","id":7,"method":"status")";
    const std::string not_an_id = "the id is not a text or whole number";
    const std::string one_object = "expected one JSON object";
    struct Row {
        std::string line, answer;
    };
    const Row rows[] = {
        {"", refusal("null", -32700, "not JSON")},
        {"{", refusal("null", -32700, "not JSON")},
        {good + "}{}", refusal("null", -32700, "not JSON")},
        {std::string(4000, '['), refusal("null", -32700, "not JSON")},
        {"{\"method\":\"\xff\"}", refusal("null", -32700, "not JSON")},
        {good + std::string(api::line_max, ' ') + "}",
         refusal("null", -32600, "the line is too long")},
        {"[]", refusal("null", -32600, one_object)},
        {"[" + good + "}]", refusal("null", -32600, one_object)},
        {"null", refusal("null", -32600, one_object)},
        {"{}", refusal("null", -32600, R"(expected \"jsonrpc\":\"2.0\")")},
        {R"({"id":7,"method":"status"})", refusal("7", -32600, R"(expected \"jsonrpc\":\"2.0\")")},
        {R"({"jsonrpc":2.0,"id":7,"method":"status"})",
         refusal("7", -32600, R"(expected \"jsonrpc\":\"2.0\")")},
        {R"({"jsonrpc":"2.0","id":7})", refusal("7", -32600, R"(expected \"method\")")},
        {R"({"jsonrpc":"2.0","id":7,"method":1})", refusal("7", -32600, R"(expected \"method\")")},
        {good + R"(,"count":3})", refusal("7", -32600, "unknown member")},
        {good + R"(,"params":{"a":1}})", refusal("7", -32602, "this method takes no parameters")},
        {good + R"(,"params":null})",
         refusal("7", -32602, "the parameters are neither object nor array")},
        {R"({"jsonrpc":"2.0","id":7,"method":"Status"})", refusal("7", -32601, "unknown method")},
        {R"({"jsonrpc":"2.0","id":1.5,"method":"status"})", refusal("null", -32600, not_an_id)},
        {R"({"jsonrpc":"2.0","id":[],"method":"status"})", refusal("null", -32600, not_an_id)},
        {R"({"jsonrpc":"2.0","id":")" + std::string(127, 'x') + R"(","method":"status"})",
         refusal("null", -32600, not_an_id)},
        {R"({"jsonrpc":"2.0","method":"stop"})", ""},
        {R"({"jsonrpc":"2.0","method":"status","params":[1]})", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.line.substr(0, 60));
        const auto request = api::parse_request(row.line);
        REQUIRE(!request.has_value());
        CHECK(request.error() == row.answer);
    }
}

TEST_CASE("api: the parameters of open_listener and close_listener") {
    const auto asked = [](const std::string& method, const std::string& params) {
        return api::parse_request(R"({"jsonrpc":"2.0","id":7,"method":")" + method + "_listener\"" +
                                  params + "}");
    };
    const auto opened = asked("open", R"(,"params":{"dns":"a","map":"\u00e4\ud83d\ude00"})");
    REQUIRE(opened);
    CHECK(opened->method == api::Method::open_listener);
    CHECK(opened->listener == "{\"dns\":\"a\",\"map\":\"\u00e4\U0001f600\"}");
    CHECK_FALSE(opened->with_connection);
    const auto held = asked("open", R"(,"params":{"with_connection":true,"proxy":"b"})");
    REQUIRE(held);
    CHECK(held->with_connection);
    CHECK(held->listener == R"({"proxy":"b"})");
    const auto closed = asked("close", R"(,"params":{"address":"127.0.0.1:1"})");
    REQUIRE(closed);
    CHECK(closed->method == api::Method::close_listener);
    CHECK(closed->address == "127.0.0.1:1");
    for (const char* params :
         {R"(,"params":["127.0.0.1:1"])", R"(,"params":[])", R"(,"params":{"with_connection":1})",
          R"(,"params":{"with_connection":null})"}) {
        CAPTURE(params);
        const auto refused = asked("open", params);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().find("-32602") != std::string::npos);
    }
    for (const char* params :
         {"", R"(,"params":{})", R"(,"params":["127.0.0.1:1"])", R"(,"params":{"address":1})",
          R"(,"params":{"address":"127.0.0.1:1","more":1})"}) {
        CAPTURE(params);
        const auto refused = asked("close", params);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().find("-32602") != std::string::npos);
    }
}

TEST_CASE("api: an answer repeats the request's id and is one line") {
    CHECK(api::result_line("\"a\"", "{}") == R"({"jsonrpc":"2.0","id":"a","result":{}})");
    CHECK(api::error_line("4", api::Code::no_answer, "a \"b\"\nc\xff") ==
          R"({"jsonrpc":"2.0","id":4,"error":{"code":-32001,"message":"a \"b\"\nc\ufffd"}})");
}
