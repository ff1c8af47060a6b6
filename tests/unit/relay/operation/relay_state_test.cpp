#include <doctest/doctest.h>

#include "relay/operation/startup.hpp"

using namespace nightjar;
using namespace std::chrono_literals;
using relay::core::State;

TEST_CASE("relay state: by the clock, the document and whether it lists us") {
    directory::Document document;
    document.valid_from = base::Wall{1'800'000'000s};
    document.valid_until = base::Wall{1'800'007'200s};
    struct Case {
        const char* when;
        base::Nanoseconds after;  // time since the document's begin
        State listed;
        State not_listed;
    };
    const Case cases[] = {
        {"an hour before it", -3600s, State::document_early, State::document_early},
        {"1 ms before its keys are accepted", -75s - 1ms, State::document_early,
         State::document_early},
        {"75 s before it", -75s, State::active, State::not_listed},
        {"as it begins", 0s, State::active, State::not_listed},
        {"as it ends", 7200s - 1ms, State::active, State::not_listed},
        {"when it is over", 7200s, State::document_expired, State::document_expired},
    };
    for (const auto& c : cases) {
        CAPTURE(c.when);
        const auto now =
            document.valid_from + std::chrono::duration_cast<base::Milliseconds>(c.after);
        CHECK(relay::operation::state_by(document, true, now) == c.listed);
        CHECK(relay::operation::state_by(document, false, now) == c.not_listed);
    }
}

TEST_CASE("relay start: as many clients as the law lets one thread serve, or as configured") {
    relay::operation::RelayConfig config;
    config.packets_per_second = 1'000'000;
    directory::Document document;
    auto& law = document.parameters;  // D = 60, U + L = 55
    const auto usual = relay::operation::clients_max(config, document);
    CHECK(usual == 652);
    law.down = {175'000};
    CHECK(relay::operation::clients_max(config, document) == usual / 2);
    law.down = {100'000'000};
    CHECK(relay::operation::clients_max(config, document) == 1);
    config.clients_max = 77;
    CHECK(relay::operation::clients_max(config, document) == 77);
}

TEST_CASE("relay: the loops that pass a position, whatever a relay offers") {
    directory::Document document;
    for (const std::uint8_t layer : {0, 0, 1, 1, 1, 2, 3, 3}) {
        document.relays.emplace_back().layer = layer;
        document.relays.back().role = layer == 0 ? directory::Role::gateway : directory::Role::mix;
    }
    const auto loops = [&](directory::Role role, std::uint8_t layer) {
        return relay::operation::loops_through(role, layer, document);
    };
    // 8 relays send 15 a second each, and each loop passes one relay of each position.
    CHECK(loops(directory::Role::gateway, 0) == doctest::Approx(60));
    CHECK(loops(directory::Role::mix, 1) == doctest::Approx(40));
    CHECK(loops(directory::Role::mix, 2) == doctest::Approx(120));
    document.relays.clear();
    CHECK(loops(directory::Role::mix, 1) == 0);
}

TEST_CASE(
    "relay start: the replay filters are made for what the document lets pass, or as configured") {
    relay::operation::RelayConfig config;
    config.role = directory::Role::gateway;
    directory::Document document;
    const auto add = [&document](directory::Role role, std::uint8_t layer, int count) {
        for (int i = 0; i < count; ++i) {
            directory::Relay relay;
            relay.role = role;
            relay.layer = layer;
            document.relays.push_back(relay);
        }
    };
    const auto rate = [&] { return relay::operation::packets_per_second(config, document); };
    // 50 clients, 2 * 1.2 * (U + L) packets of each.
    CHECK(rate() == 6600);
    add(directory::Role::gateway, 0, 6);
    add(directory::Role::mix, 1, 3);
    add(directory::Role::mix, 2, 12);
    CHECK(rate() == 6600);
    config.role = directory::Role::mix;
    config.layer = 1;
    CHECK(rate() == 13'200);
    config.layer = 2;
    CHECK(rate() == 3'300);
    config.layer = 3;  // not listed
    CHECK(rate() == 6600);
    document.parameters.main_slots = {5'000};
    CHECK(rate() == 1200);
    CHECK(relay::operation::packets_per_key(config, document) ==
          1200 *
              static_cast<std::uint64_t>(relay::operation::key_time(document.parameters).count()));
    CHECK(relay::operation::replay_room(config, document).per_second == 1200);
    document.parameters.main_slots = {1'000'000'000};
    CHECK(rate() == 1'000'000);  // as much as can be configured
    config.packets_per_second = 77;
    CHECK(rate() == 77);
}

TEST_CASE("relay start: no more clients than the replay filters are made for, or a warning") {
    relay::operation::RelayConfig config;
    config.role = directory::Role::gateway;
    const directory::Document document;  // U + L = 55: 66 packets a second may come, and as many go
    CHECK(relay::operation::clients_max(config, document) == 50);
    CHECK_FALSE(relay::operation::clients_warning(config, document));
    config.packets_per_second = 1000;
    CHECK(relay::operation::clients_max(config, document) == 7);
    CHECK_FALSE(relay::operation::clients_warning(config, document));
    config.packets_per_second = 131;  // less than one client needs
    CHECK(relay::operation::clients_max(config, document) == 1);
    CHECK(relay::operation::clients_warning(config, document));

    config.packets_per_second = 7919;
    config.clients_max = 60;
    const auto warning = relay::operation::clients_warning(config, document);
    REQUIRE(warning);
    CHECK(warning->find("60 clients") != std::string::npos);
    CHECK(warning->find("`packets_per_second` to 7920") != std::string::npos);
    config.packets_per_second = 7920;
    CHECK_FALSE(relay::operation::clients_warning(config, document));
    config.packets_per_second = 1;
    config.role = directory::Role::mix;
    CHECK_FALSE(relay::operation::clients_warning(config, document));
}
