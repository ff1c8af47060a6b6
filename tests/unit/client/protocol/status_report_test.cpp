#include "client/protocol/status_report.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "client/protocol/isolation_rules.hpp"
#include "sphinx/base/codec.hpp"
#include "sphinx/cell/padding_time.hpp"
#include "sphinx/directory/announcement.hpp"

using namespace nightjar;
using namespace nightjar::client::core;
using namespace nightjar::client::protocol;

TEST_CASE("status: answers are one line and name relays as the document does") {
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
    CHECK(ping_json(ping, document) ==
          R"({"round_trip_ms":512.0,"there":["mix-1a"],"back":[")" + std::string(64, '0') + "\"]}");

    ping.there = {nameless.identity};
    CHECK(ping_json(ping, document).find("abababab") != std::string::npos);

    CoreStatus core;
    core.slots = 3;
    core.slots_lost = 1;
    core.sessions.push_back({relay.identity, 45, 80, 82, 82, 1, true, true});
    core.loops.kind = LoopState::Kind::silent;
    core.loops.missing_share = 0.25;
    core.loops.silent_since = base::Mono{} + base::Milliseconds{3'000};
    DaemonStatus daemon;
    daemon.now = base::Mono{} + base::Milliseconds{15'900};
    daemon.slots_unwritten = 2;
    daemon.document_withheld = true;
    const auto line = status_json(daemon, &core, &document);
    CHECK(line.find("\"slots\":3") != std::string::npos);
    CHECK(line.find("\"document_withheld\":true") != std::string::npos);
    CHECK(line.find("\"slots_lost\":3") != std::string::npos);
    CHECK(line.find("\"exit\":\"mix-1a\"") != std::string::npos);
    CHECK(line.find(R"("link":{"state":"silent","missing_share":0.25,"silent_s":12.0})") !=
          line.npos);
    CHECK(line.find(R"("clock":{"synchronised":null,"gateway_ahead_s":null,"correction_s":0.0})") !=
          line.npos);
    CHECK(line.find(R"("ready":true,"silent":true)") != line.npos);
    CHECK(line.find('\n') == line.npos);
    CHECK(line.find(R"("listeners":[])") != line.npos);
    using Way = ListenerOptions::Way;
    daemon.listeners = {{Way::proxy, "127.0.0.1:9150", false}, {Way::dns, "[::1]:53", true}};
    CHECK(status_json(daemon, nullptr, nullptr)
              .find(R"("listeners":[{"way":"proxy","address":"127.0.0.1:9150",)"
                    R"("by_control_socket":false},{"way":"dns","address":"[::1]:53",)"
                    R"("by_control_socket":true}])") != std::string::npos);
    CHECK(line.find("exit_country") == line.npos);
    daemon.exits = {"nl", {12, 7, 48, 0.25}};
    CHECK(
        status_json(daemon, &core, &document)
            .find(R"("exit_country":{"country":"nl","exits":12,"exits_in_all":48,"share":0.25})") !=
        std::string::npos);
}

TEST_CASE("status: parameters that the document announces are named with their epoch") {
    directory::Document document;
    const CoreStatus core;
    CHECK(status_json({}, &core, &document).find("parameters_from_epoch") == std::string::npos);
    document.optional = {directory::to_line({{500'123}, {}})};
    CHECK(status_json({}, &core, &document).find("\"parameters_from_epoch\":500123") !=
          std::string::npos);
}

TEST_CASE("status: isolation keys by the names that programs gave, and never a password") {
    directory::Document document;
    directory::Relay relay;
    relay.identity.bytes[0] = 1;
    relay.name = "exit";
    document.relays.push_back(relay);

    Rules rules{.listener = "127.0.0.1:9150"};
    CoreStatus core;
    core.sessions.push_back({.exit = relay.identity});
    const auto add = [&](IsolationKey key, std::size_t streams) {
        core.isolation.push_back({std::move(key), 0, true, streams});
    };
    add(isolation_key(rules, credentials_text("", std::string{isolation_field} + "secret")), 3);
    add(isolation_key(rules, credentials_text("bob", "secret").append(isolation_field) + "tab"), 2);
    add(isolation_key(rules, credentials_text("alice", "secret")), 1);
    add(isolation_key(rules, std::string{no_credentials}.append(isolation_field) + "page"), 0);
    rules.user = 1000;
    rules.by_listener = true;
    add(isolation_key(rules, std::nullopt), 0);
    const auto text = status_json({}, &core, &document);
    CHECK(text.find("secret") == text.npos);
    const auto place = [&](const std::string& name, const std::string& uid) {
        return text.find(R"({"name":")" + name + R"(","listener":"127.0.0.1:9150","uid":")" + uid +
                         R"(","session":0,"exit":"exit","own_session":true)");
    };
    // In the order of the core, which begins with the most streams.
    CHECK(place("", "") < place("tab", ""));
    CHECK(place("tab", "") < place("alice", ""));
    CHECK(place("alice", "") < place("page", ""));
    CHECK(place("page", "") < place("", "1000"));
    CHECK(place("", "1000") != text.npos);
}

TEST_CASE("status: names that programs chose do not fill the answer") {
    directory::Document document;
    CoreStatus core;
    core.sessions.emplace_back();
    const Rules rules{.listener = "127.0.0.1:9150"};
    const std::string field = std::string{no_credentials}.append(isolation_field);
    for (std::size_t i = 0; i < keys_listed_max; ++i) {
        // Of bytes that are no UTF-8, each takes six in the answer.
        auto name = std::to_string(i) + std::string(8'000, '\xff');
        core.isolation.push_back({isolation_key(rules, field + name), 0, true, 1});
    }
    core.isolation.front().key = isolation_key(rules, field + std::string(255, 'a') + "bc");
    const auto text = status_json({}, &core, &document);
    CHECK(text.size() < 200'000);  // the control socket takes 1 MiB
    CHECK(text.find(R"("name":")" + std::string(255, 'a') + '"') != text.npos);
    CHECK(text.find(R"("name":"63\ufffd)") != text.npos);
}

TEST_CASE("status: a gateway's clock may be as far off as padding can say") {
    auto padding = std::make_unique<cell::Cell>();
    const auto said = [&](std::uint64_t milliseconds) {
        base::Writer{padding->body()}.u64(milliseconds);
        return cell::time_in(*padding);
    };
    constexpr std::uint64_t year_10000 = 253'402'300'800'000;
    CHECK(!said(year_10000));
    const auto latest = said(year_10000 - 1);
    REQUIRE(latest);
    directory::Document document;
    CoreStatus core;
    core.clock.synchronised = false;
    core.clock.gateway_ahead = latest->time_since_epoch();
    core.clock.correction = latest->time_since_epoch();
    CHECK(status_json({}, &core, &document)
              .find(R"("gateway_ahead_s":253402300799.999,"correction_s":253402300799.999)") !=
          std::string::npos);
}

TEST_CASE("status: the cost is the law's, and its use the programs'") {
    directory::Document document;
    document.parameters.main_slots = {50'000};
    document.parameters.client_loops = {5'000};
    document.parameters.down = {60'000};
    CoreStatus core;
    core.slots = 60;
    core.loops_sent = 30;
    DaemonStatus daemon;
    daemon.down_cells = 10;
    daemon.carried = {20'000, 40'950};
    // 55 and 60 cells a second of 2,438 bytes, and 60,950 of 243,800 bytes.
    CHECK(status_json(daemon, &core, &document)
              .find(R"("cost":{"up_bytes_a_day":11585376000,"down_bytes_a_day":12638592000,)"
                    R"("link_bytes":243800,"application_bytes":60950,"cover_share":0.75})") !=
          std::string::npos);
}

TEST_CASE("status: a client without a document says what it waits for and what is wrong") {
    Stages stages{base::Mono{}};
    DaemonStatus daemon;
    daemon.stages = stages.rows(base::Mono{} + base::Milliseconds{1'260});
    daemon.progress = {2'048, 10'000};
    daemon.waiting_for = "the network document";
    daemon.problem = {"clock", "it is \"off\"", "set it"};
    CHECK(
        status_json(daemon, nullptr, nullptr)
            .starts_with(
                R"({"ready":false,"state":"starting",)"
                R"("waiting_for":"the network document",)"
                R"("problem":{"name":"clock","what":"it is \"off\"","mend":"set it"},"ready_since":null,)"
                R"("stages":[{"name":"document","state":"running","seconds":1.3,"left_s":null,)"
                R"("have_bytes":2048,"of_bytes":10000},{"name":"link","state":"waiting",)"));
    daemon.started = true;
    CHECK(status_json(daemon, nullptr, nullptr).find(R"("state":"offline")") != std::string::npos);
}
