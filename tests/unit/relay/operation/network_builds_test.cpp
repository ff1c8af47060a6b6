#include "relay/operation/network_builds.hpp"

#include <doctest/doctest.h>

#include "tests/support/descriptors.hpp"
#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::relay::operation;
using Verdict = RelayBuild::Verdict;

namespace {

struct Described {
    base::SeededRandom random{3};
    std::vector<test::RelayKeys> keys;

    std::string one(const char* name, const char* version, std::uint32_t epoch = 500'000) {
        keys.emplace_back(random);
        return again(name, version, epoch);
    }
    std::string again(const char* name, const char* version, std::uint32_t epoch) {
        auto relay = test::random_relay(random, 1);
        relay.name = name;
        relay.addresses = {{"192.0.2.1", 9001}};
        relay.optional.clear();
        if (*version != 0) relay.optional = {{"version", version}};
        return keys.back().describe(relay, {epoch});
    }
};

/// A manifest that has the build of test::RelayKeys::describe(), or other bytes.
Manifest manifest_of(const directory::BuildHash& build) {
    return {{build, "nightjar-relay_0.1.0-1_amd64/usr/bin/nightjar-relay"}};
}

}  // namespace

TEST_CASE("network builds: many descriptors are read, and the newest of each relay counts") {
    Described described;
    auto wren = described.one("wren", "0.1.0");
    wren += described.again("wren", "0.2.0", 500'001);
    const auto finch = described.one("finch", "");
    const auto parsed = parse_published(wren + finch);
    REQUIRE(parsed);
    REQUIRE(parsed->size() == 3);
    const auto relays = judge_builds(*parsed, std::nullopt);
    REQUIRE(relays.size() == 2);
    CHECK(relays[0].name == "finch");
    CHECK(relays[0].version.empty());
    CHECK(relays[1].name == "wren");
    CHECK(relays[1].version == "0.2.0");
    CHECK(relays[1].epoch == base::Epoch{500'001});
    CHECK(relays[1].verdict == Verdict::unknown);
}

TEST_CASE("network builds: what is not a row of valid descriptors is refused by its place") {
    Described described;
    const auto good = described.one("wren", "0.1.0");
    auto changed = good;
    changed[changed.find("wren")] = 'x';
    struct Row {
        std::string text;
        const char* fault;
    };
    const Row rows[] = {
        {"", "does not begin"},
        {"\n" + good, "does not begin"},
        {good + changed, "descriptor 2, line "},
        {good + "more\n", "descriptor 1, line "},
        {good.substr(0, good.size() - 1), "descriptor 1, line "},
        {good + std::string(published_size_max, 'x'), "too long"},
    };
    for (const auto& row : rows) {
        const auto parsed = parse_published(row.text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().find(row.fault) != std::string::npos);
    }
}

TEST_CASE("network builds: same, other or unknown against a manifest") {
    Described described;
    const auto parsed = parse_published(described.one("a", "0.1.0") + described.one("b", "0.2.0") +
                                        described.one("c", ""));
    REQUIRE(parsed);
    const auto build = parsed->front().build;
    for (const auto& relay : judge_builds(*parsed, manifest_of(build)))
        CHECK(relay.verdict == Verdict::same);
    auto others = build;
    others[0] ^= 1;
    const auto judged = judge_builds(*parsed, manifest_of(others));
    REQUIRE(judged.size() == 3);
    CHECK(judged[0].verdict == Verdict::other);
    CHECK(judged[1].verdict == Verdict::unknown);
    CHECK(judged[2].verdict == Verdict::unknown);
    const auto table = builds_text(judged);
    CHECK(table.starts_with("relay  version  build             manifest\na      0.1.0    " +
                            base::to_hex(build).substr(0, 16) + "  other\n"));
    CHECK(table.ends_with("\n3 relays: 0 same, 1 other, 2 unknown\n"));
    CHECK(builds_json(judged, "MANIFEST").find("\"verdict\":\"other\"") != std::string::npos);
}
