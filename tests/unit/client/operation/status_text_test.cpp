#include "client/operation/status_text.hpp"

#include <doctest/doctest.h>

using namespace nightjar::client::operation;

namespace {

const std::string head =
    R"({"ready":true,"state":"ready","ready_since":1796000000,"waiting_for":null,"problem":null,)"
    R"("stages":[],"socks":"127.0.0.1:9150","applications":1,"refused_by_bounds":0,)"
    R"("goodput":{"up":999,"down":12345,"up_bytes":1000,"down_bytes":99960000},)";
constexpr const char* good_clock =
    R"({"synchronised":true,"gateway_ahead_s":0.1,"correction_s":0.0})";
const std::string network =
    R"("gateway":"<a>","network":"lab","mode":"lab","valid_until":1796000000,"waiting_streams":2,)"
    R"("link":{"state":"returning","missing_share":0.034,"silent_s":null},"clock":)" +
    std::string{good_clock} +
    R"(,"cost":{"up_bytes_a_day":11585376000,"down_bytes_a_day":12638592000,"link_bytes":243800,)"
    R"("application_bytes":60950,"cover_share":0.75},"isolation_keys":3,)";
const std::string sessions =
    R"("isolation":[{"name":"a\u001b[2J\u202e&'b","listener":"127.0.0.1:9150","uid":"",)"
    R"("session":1,"exit":"c","own_session":true,"streams":2}],)"
    R"("sessions":[{"exit":"b","pace":1.0,"stock":67,"target":85,"streams":1,"silent":false,)"
    R"("isolated":false,"ending":true},{"exit":"c","pace":4.5,"stock":1,"target":85,"streams":2,)"
    R"("silent":true,"isolated":true,"ending":false}]})";

}  // namespace

TEST_CASE("status: the text says what a person asks, a number with its noun in the right form") {
    CHECK(
        to_text(status_rows(head + network + sessions)) ==
        "ready                  yes, since 2026-11-30 00:53:20 UTC\n"
        "proxy                  127.0.0.1:9150 (SOCKS5 and HTTP CONNECT)\n"
        "network                lab (lab), document valid until 2026-11-30 00:53:20 UTC\n"
        "gateway                <a>\n"
        "link                   up; loops return, 3 % missing in the last minute\n"
        "clock                  this machine's, synchronised\n"
        "goodput                up 999 B/s, down 12.3 kB/s in the last minute; 1.00 kB and "
        "100 MB in all\n"
        "applications           1 connection, 2 wait for a place, 0 were refused by a bound\n"
        "\nCost\n"
        "  a day                11.6 GB up, 12.6 GB down, used or not\n"
        "  a month              727 GB in all\n"
        "  cover                75.0 % of the link's bytes since the start: 61.0 kB of 244 kB were "
        "of your programs\n"
        "\nExit sessions\n"
        "  b                    shared, 1.0 reply per second, SURBs 67 of 85, 1 stream, ends soon\n"
        "  c                    of an isolation key, 4.5 replies per second, SURBs 1 of 85, "
        "2 streams, its exit is silent\n"
        "\nIsolation keys\n"
        "  a\\u001b[2J\\u202e&'b  own session at c, 2 streams, by 127.0.0.1:9150\n"
        "  more                 2 not listed\n");
}

TEST_CASE("status: the text says that exits are of one country only, and among whom that hides") {
    const auto text = to_text(status_rows(
        head + R"("exit_country":{"country":"nl","exits":12,"exits_in_all":48,"share":0.25},)" +
        network + sessions));
    CHECK(text.find("exits                  only nl: 12 of 48; you hide among the clients that "
                    "chose nl (nightjar routes says more)\n") != std::string::npos);
}

TEST_CASE("status: the text says when the network's parameters change") {
    const auto text =
        to_text(status_rows(head + "\"parameters_from_epoch\":500123," + network + sessions));
    CHECK(text.find("announced              parameters change at epoch 500123\n") !=
          std::string::npos);
}

TEST_CASE("status: the text says which clock the client goes by") {
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
        {R"({"synchronised":false,"gateway_ahead_s":0.4,"correction_s":-0.5})",
         "the gateway's: this machine's is not synchronised"},
        {R"({"synchronised":false,"gateway_ahead_s":0.4,"correction_s":-7.6})",
         "the gateway's: this machine's is not synchronised; this client still goes by a time 8.0 "
         "s from it"},
        {R"({"synchronised":false,"gateway_ahead_s":75.0,"correction_s":0.0})",
         "this machine's, not synchronised; the gateway's is 75.0 s ahead, too far to go by: set "
         "the clock right"},
    };
    for (const auto& row : rows) {
        auto text = network;
        const auto at = text.find(good_clock);
        text.replace(at, std::string{good_clock}.size(), row.clock);
        const auto shown = to_text(status_rows(head + text + sessions));
        CHECK(shown.find("\nclock                  " + std::string{row.says} + "\n") != shown.npos);
    }
}

TEST_CASE("status: the text lists all ways in, and which of them were opened while it runs") {
    const auto with = [](const std::string& listeners) {
        return to_text(
            status_rows(head + "\"listeners\":[" + listeners + "]," + network + sessions));
    };
    const std::string first =
        R"({"way":"proxy","address":"127.0.0.1:9150","by_control_socket":false})";
    CHECK(with(first).find("Listeners") == std::string::npos);
    CHECK(
        with(first + R"(,{"way":"dns","address":"127.0.0.1:53","by_control_socket":false},)"
                     R"({"way":"transparent","address":"127.0.0.1:40","by_control_socket":true},)"
                     R"({"way":"proxy","address":"unix:/a\u001bb","by_control_socket":true})")
            .find(
                "\nListeners\n"
                "  127.0.0.1:9150       SOCKS5 and HTTP CONNECT\n"
                "  127.0.0.1:53         name server\n"
                "  127.0.0.1:40         redirected TCP connections, opened while the client runs\n"
                "  unix:/a\\u001bb       SOCKS5 and HTTP CONNECT, opened while the client "
                "runs\n") != std::string::npos);
}

TEST_CASE("status: while it starts, stage by stage with the time that is left") {
    const std::string starting =
        R"({"ready":false,"state":"starting","ready_since":null,"waiting_for":"a reply",)"
        R"("problem":{"name":"clock","what":"the clock is off","mend":"set it"},)"
        R"("stages":[{"name":"document","state":"done","seconds":0.4,"left_s":null},)"
        R"({"name":"link","state":"running","seconds":12.3,"left_s":150.0,"have_bytes":2048,)"
        R"("of_bytes":10000},{"name":"session","state":"waiting","seconds":0,"left_s":null}],)"
        R"("socks":"127.0.0.1:9150"})";
    CHECK(to_text(status_rows(starting)) ==
          "ready                  no: the client is starting, which takes up to a minute or so\n"
          "problem                the clock is off\n"
          "what to do             set it\n"
          "proxy                  127.0.0.1:9150 (SOCKS5 and HTTP CONNECT)\n"
          "\nStart\n"
          "  network document     done in 0.4 s\n"
          "  link to the gateway  12 s so far, 2.05 kB of 10.0 kB, about 2 min left\n"
          "  first exit session   waits for the stage before\n"
          "  waiting for          a reply\n");
    CHECK(to_text(cost_rows(starting)) ==
          "\nCost\n  not known  there is no network document yet\n");
}

TEST_CASE("status: a page loads nothing, and what others named is text in it") {
    const auto page = to_page(status_rows(head + network + sessions));
    CHECK(page.find("<td>&lt;a&gt;</td>") != page.npos);
    CHECK(page.find("a\\u001b[2J\\u202e&amp;&#39;b</th>") != page.npos);
    CHECK(page.find("default-src 'none'") != page.npos);
    for (const auto* loads : {"http:", "https:", "src=", "url(", "<script", "<link", "@import"})
        CHECK(page.find(loads) == page.npos);
    for (const char c : page)
        CHECK((c == '\n' || (c >= ' ' && c <= '~')));
}
