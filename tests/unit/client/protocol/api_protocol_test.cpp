#include "client/protocol/api_protocol.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace nightjar;
using namespace nightjar::client::core;
using namespace nightjar::client::protocol;

TEST_CASE("api: requests") {
    struct Row {
        std::string line;
        const char* error;  // nullptr: valid
    };
    const Row rows[] = {
        {R"({"method":"status"})", nullptr},
        {R"( { "method" : "ping" } )", nullptr},
        {"", "expected one JSON object"},
        {"{", "expected one JSON object"},
        {"[]", "expected one JSON object"},
        {"null", "expected one JSON object"},
        {R"({"method":"status"}{"method":"status"})", "expected one JSON object"},
        {std::string(4000, '['), "expected one JSON object"},
        {"{\"method\":\"\xff\"}", "expected one JSON object"},
        {R"({})", "expected \"method\""},
        {R"({"method":1})", "expected \"method\""},
        {R"({"method":"stop"})", "unknown method"},
        {R"({"method":"Status"})", "unknown method"},
        {R"({"method":"ping","count":3})", "unknown member"},
        {R"({"method":"ping"})" + std::string(api::line_max - 17, ' '), nullptr},
        {R"({"method":"ping"})" + std::string(api::line_max - 16, ' '), "the line is too long"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.line.substr(0, 60));
        const auto request = api::parse_request(row.line);
        REQUIRE(request.has_value() == (row.error == nullptr));
        if (row.error != nullptr) CHECK(request.error() == row.error);
    }
    CHECK(*api::parse_request(R"({"method":"status"})") == api::Method::status);
    CHECK(*api::parse_request(R"({"method":"ping"})") == api::Method::ping);
}

TEST_CASE("api: answers are one line and name relays as the document does") {
    directory::Document document;
    directory::Relay relay;
    relay.identity.bytes[0] = 1;
    relay.name = "mix-1a";
    document.relays.push_back(relay);

    directory::Relay nameless;
    nameless.identity.bytes.fill(0xab);
    document.relays.push_back(nameless);

    PingResult ping;
    ping.round_trip = base::Milliseconds{512};
    ping.there = {relay.identity};
    ping.back = {base::NodeId{}};
    CHECK(api::ping_line(ping, document) ==
          R"({"ok":true,"result":{"round_trip_ms":512.0,"there":["mix-1a"],"back":[")" +
              std::string(64, '0') + "\"]}}");

    ping.there = {nameless.identity};
    CHECK(api::ping_line(ping, document).find("abababab") != std::string::npos);

    CHECK(api::error_line("a \"b\"\nc") == "{\"ok\":false,\"error\":\"a \\\"b\\\"\\nc\"}");

    CoreStatus core;
    core.slots = 3;
    core.slots_lost = 1;
    core.sessions.push_back({relay.identity, 45, 80, 82, 82, 1, true, true});
    core.loops.kind = LoopState::Kind::silent;
    core.loops.missing_share = 0.25;
    core.loops.silent_since = base::Mono{} + base::Milliseconds{3'000};
    api::DaemonStatus daemon;
    daemon.now = base::Mono{} + base::Milliseconds{15'900};
    daemon.slots_unwritten = 2;
    const auto line = api::status_line(daemon, core, document);
    CHECK(line.find("\"slots\":3") != std::string::npos);
    CHECK(line.find("\"slots_lost\":3") != std::string::npos);
    CHECK(line.find("\"exit\":\"mix-1a\"") != std::string::npos);
    CHECK(line.find(R"("link":{"state":"silent","missing_share":0.25,"silent_s":12.0})") !=
          line.npos);
    CHECK(line.find(R"("clock":{"synchronised":null,"gateway_ahead_s":null,"correction_s":0.0})") !=
          line.npos);
    CHECK(line.find(R"("ready":true,"silent":true)") != line.npos);
    CHECK(line.find('\n') == line.npos);
}

TEST_CASE("api: the text of status says which clock the client goes by") {
    struct Row {
        const char* clock;
        const char* says;
    };
    const Row rows[]{
        {R"({"synchronised":null,"gateway_ahead_s":null,"correction_s":0.0})",
         "this machine's; the gateway has not said a time"},
        {R"({"synchronised":true,"gateway_ahead_s":-0.02,"correction_s":0.0})",
         "this machine's, synchronised"},
        {R"({"synchronised":true,"gateway_ahead_s":-20.04,"correction_s":0.0})",
         "this machine's, synchronised; but the gateway's is 20.0 s behind, so one of them is "
         "wrong"},
        {R"({"synchronised":false,"gateway_ahead_s":0.4,"correction_s":0.4})",
         "the gateway's: this machine's is not synchronised"},
        {R"({"synchronised":false,"gateway_ahead_s":20.0,"correction_s":20.0})",
         "the gateway's: this machine's is not synchronised; the gateway's is 20.0 s ahead"},
        {R"({"synchronised":false,"gateway_ahead_s":75.0,"correction_s":0.0})",
         "this machine's, not synchronised; the gateway's is 75.0 s ahead, too far to go by: set "
         "the "
         "clock right"},
    };
    for (const auto& row : rows)
        CHECK(api::status_text(std::string{R"({"clock":)"} + row.clock + R"(,"sessions":[]})") ==
              "clock                   " + std::string{row.says} + "\n");
}

TEST_CASE("api: the text of status has one line each, and a number's noun in the right form") {
    CHECK(api::status_text(R"({"ready":true,"gateway":"a","keys_sharing_a_session":2,"sessions":[)"
                           R"({"exit":"b","pace":1.0,"stock":67,"target":85,"streams":1},)"
                           R"({"exit":"c","pace":4.5,"stock":1,"target":85,"streams":2}]})") ==
          "ready                   true\n"
          "gateway                 a\n"
          "keys_sharing_a_session  2\n"
          "session                 exit b, 1.0 reply per second, SURBs 67 of 85, 1 stream\n"
          "session                 exit c, 4.5 replies per second, SURBs 1 of 85, 2 streams\n");
}
