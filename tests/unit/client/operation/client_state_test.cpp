#include "client/operation/state.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <map>

#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::client::operation;

namespace {

const base::Wall now{base::Seconds{1'800'000'000}};

directory::Relay gateway(std::uint8_t number, std::uint32_t capacity, bool exit,
                         const char* operator_name = "") {
    directory::Relay relay;
    relay.identity.bytes[0] = number;
    relay.role = directory::Role::gateway;
    relay.capacity = capacity;
    relay.operator_name = operator_name;
    if (exit) relay.exit_policy = "accept 80";
    return relay;
}

directory::Document network(std::vector<directory::Relay> relays) {
    directory::Document document;
    for (std::uint8_t layer = 1; layer <= 3; ++layer) {
        directory::Relay mix;
        mix.identity.bytes[0] = static_cast<std::uint8_t>(100 + layer);
        mix.layer = layer;
        relays.push_back(mix);
    }
    document.relays = std::move(relays);
    return document;
}

}  // namespace

TEST_CASE("gateway choice: by capacity, among gateways with which an exit can be used") {
    base::SeededRandom random{1};
    const auto document = network({
        gateway(1, 1, false),
        gateway(2, 3, false),
        gateway(3, 50, true),  // the only exit: if it were the gateway, no exit would be left
        gateway(4, 50, false, "same"),
    });
    std::map<int, int> chosen;
    for (int i = 0; i < 5400; ++i)
        ++chosen[choose_gateway({}, document, now, random)->gateway.bytes[0]];
    CHECK(chosen.count(3) == 0);
    // Shares 1, 3 and 50 of 54; four sigma each.
    CHECK(chosen[1] == doctest::Approx(100).epsilon(0.4));
    CHECK(chosen[2] == doctest::Approx(300).epsilon(0.23));
    CHECK(chosen[4] == doctest::Approx(5000).epsilon(0.02));
    CHECK_FALSE(choose_gateway({}, network({gateway(1, 1, true)}), now, random));
    CHECK_FALSE(choose_gateway({}, network({}), now, random));
}

TEST_CASE("gateway choice: kept for weeks, and no longer") {
    base::SeededRandom random{2};
    const auto document = network({gateway(1, 1, true), gateway(2, 1000, true)});
    base::NodeId first;
    first.bytes[0] = 1;
    const GatewayChoice kept{first, now + base::Seconds{1}};
    CHECK(choose_gateway(kept, document, now, random) == kept);

    const auto renewed = choose_gateway(kept, document, now + base::Seconds{1}, random);
    REQUIRE(renewed);
    CHECK(renewed != kept);
    CHECK(renewed->until >= now + gateway_kept_min);
    CHECK(renewed->until <= now + base::Seconds{1} + gateway_kept_max);

    base::NodeId gone;
    gone.bytes[0] = 9;
    CHECK(choose_gateway(GatewayChoice{gone, kept.until}, document, now, random)->gateway != gone);
}

TEST_CASE("state: what is kept is read back; what is damaged counts as none") {
    const test::TemporaryFolder folder;
    const auto where = folder.path() / "a" / "state";
    const StateDir state{where};
    CHECK_FALSE(state.gateway());
    CHECK_FALSE(state.document_text());

    GatewayChoice choice;
    choice.gateway.bytes.fill(0xab);
    choice.until = now;
    state.keep(choice);
    state.keep(choice);
    CHECK(StateDir{where}.gateway() == choice);
    state.keep_document("a document\n");
    CHECK(state.document_text() == "a document\n");
    const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
    CHECK((std::filesystem::status(where / "gateway.yaml").permissions() & others) ==
          std::filesystem::perms::none);

    const char* damaged[] = {"", "gateway: 12\nuntil: 5\n", "until: 5\n", "\xff", "a: b: c"};
    for (const auto* text : damaged) {
        CAPTURE(text);
        std::ofstream{where / "gateway.yaml"} << text;
        CHECK_FALSE(state.gateway());
    }
}

TEST_CASE("state: exits and mixes are read back; a damaged file is moved aside") {
    const test::TemporaryFolder folder;
    const auto where = folder.path() / "state";
    const StateDir state{where};
    CHECK(state.guards() == client::core::GuardState{});
    client::core::GuardState kept;
    for (std::uint8_t i = 1; i <= client::core::guard_exits_max; ++i) {
        client::core::Guard guard;
        guard.relay.bytes.fill(i);
        guard.until = now + base::Seconds{i};
        kept.exits.kept.push_back(guard);
        if (i <= client::core::guard_mixes_max) kept.mixes.kept.push_back(guard);
    }
    kept.exits.drawn = {now, now + base::Seconds{1}};
    for (const auto& each : {client::core::GuardState{}, kept}) {
        state.keep_guards(each);
        CHECK(StateDir{where}.guards() == each);
    }
    const auto file = where / "guards.yaml";
    const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
    CHECK((std::filesystem::status(file).permissions() & others) == std::filesystem::perms::none);
    std::ifstream in{file};
    const std::string good{std::istreambuf_iterator<char>{in}, {}};

    const auto changed = [&good](std::string_view was, std::string_view is) {
        auto text = good;
        text.replace(text.find(was), was.size(), is);
        return text;
    };
    const std::string damaged[] = {
        "",
        "\xff",
        std::string(70'000, '#'),
        good.substr(0, good.size() / 2),
        changed("version: 1", "version: 2"),
        changed("mixes:", "others:"),
        changed("until: 1800000001", "until: -1"),
        changed("until: 1800000001", "until: 253402300800"),
        changed("drawn: [1800000000", "drawn: [253402300800"),
        changed("drawn: [1800000000", "drawn: [1800000000, 1"),
        changed("kept: [", "kept: [{relay: \"" + std::string(64, 'a') + "\", until: 5},"),
        changed("{relay: \"01", "{relay: \"0")};
    for (const auto& text : damaged) {
        CAPTURE(&text - damaged);
        std::ofstream{file} << text;
        CHECK(state.guards() == client::core::GuardState{});
        CHECK_FALSE(std::filesystem::exists(file));
        CHECK(std::filesystem::remove(where / "guards.yaml.damaged"));
        CHECK(state.guards() == client::core::GuardState{});
    }
    // A link would let another file be read, and later be replaced.
    std::error_code failed;
    std::filesystem::create_symlink(where / "elsewhere", file, failed);
    REQUIRE_FALSE(failed);
    CHECK(state.guards() == client::core::GuardState{});
    CHECK_FALSE(std::filesystem::is_symlink(file));
}
