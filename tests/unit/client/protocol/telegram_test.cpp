#include "client/protocol/telegram.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace nightjar;
using client::protocol::ListenerOptions;
using client::protocol::telegram_text;

namespace {

ListenerOptions at(const char* host, std::uint16_t port) {
    return {.endpoint = {.host = host, .port = port}};
}

std::string first_line(const std::optional<std::string>& text) {
    REQUIRE(text);
    return text->substr(0, text->find('\n'));
}

}  // namespace

TEST_CASE("telegram: the link names the first proxy port that a program can connect to") {
    const ListenerOptions dns{.way = ListenerOptions::Way::dns, .endpoint = {"127.0.0.1", 53}};
    const ListenerOptions own{.path = "/run/nightjar/apps.sock"};
    const std::vector listeners{dns, own, at("127.0.0.1", 0), at("127.0.0.1", 9150),
                                at("127.0.0.1", 9160)};
    CHECK(first_line(telegram_text(listeners)) == "tg://socks?server=127.0.0.1&port=9150");
    CHECK_FALSE(telegram_text(std::span{listeners}.first(3)));
    CHECK_FALSE(telegram_text({}));
}

TEST_CASE("telegram: a listener on all addresses is named by loopback") {
    const std::vector v4{at("0.0.0.0", 9150)};
    const std::vector v6{at("::", 9150)};
    CHECK(first_line(telegram_text(v4)) == "tg://socks?server=127.0.0.1&port=9150");
    CHECK(first_line(telegram_text(v6)) == "tg://socks?server=::1&port=9150");
}

TEST_CASE("telegram: the text says what stays visible, and offers a session only where one is") {
    std::vector listeners{at("127.0.0.1", 9150)};
    auto text = telegram_text(listeners);
    REQUIRE(text);
    for (const char* part : {"Still visible", "telephone number", "The exit sees", "Calls do not"})
        CHECK(text->find(part) != std::string::npos);
    CHECK(text->find("&user=telegram") != std::string::npos);
    listeners[0].by_credentials = false;
    text = telegram_text(listeners);
    REQUIRE(text);
    CHECK(text->find("&user=telegram") == std::string::npos);
}
