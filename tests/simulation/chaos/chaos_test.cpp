// Hours of a whole network in which something fails every minute (world.hpp).
// NIGHTJAR_CHAOS_HOURS sets how many, NIGHTJAR_CHAOS_SEED the seed.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "tests/simulation/chaos/world.hpp"
#include "tests/simulation/short_run.hpp"

using namespace nightjar;
using namespace nightjar::chaos;
using namespace std::chrono_literals;

namespace {

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
    const auto* given = std::getenv(name);
    return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

void print(const ChaosWorld& chaos) {
    const auto& outcomes = chaos.outcomes();
    std::printf("%llu streams whole, %llu reset, %llu left, %.1f MB, longest wait %.1f s; ",
                static_cast<unsigned long long>(outcomes.whole),
                static_cast<unsigned long long>(outcomes.reset),
                static_cast<unsigned long long>(outcomes.left),
                static_cast<double>(outcomes.bytes) / 1e6, base::to_seconds(outcomes.longest_wait));
    std::printf("%llu slots, %llu hops, no session for %.1f s at most\n",
                static_cast<unsigned long long>(chaos.slots()),
                static_cast<unsigned long long>(chaos.hops()),
                base::to_seconds(chaos.longest_unready()));
    for (const auto& [name, count] : chaos.faults())
        std::printf("  %d %s\n", count, name.c_str());
    std::printf("  heap at the ends of the first hour and the last: %.2f and %.2f MB\n",
                static_cast<double>(chaos.ends().front().heap) / 1e6,
                static_cast<double>(chaos.ends().back().heap) / 1e6);
}

/// What a table of all relays may hold when each application has left its stream. Tables that are
/// not named follow the traffic of a moment.
const std::map<std::string, std::size_t> tables_most = {
    {"ExitSessions.events", 0},    {"ExitSessions.names", 0},     {"ExitSessions.streams", 0},
    {"ExitSessions.sessions", 24}, {"ExitSessions.surbs", 3'000}, {"Ingress.clients", 3},
    {"Mailboxes.mailboxes", 3},    {"Keyring.entries", 20},       {"Cover.outstanding", 100},
    {"Pipeline.mix", 100},         {"Mailboxes.queue", 30},
};

/// Bytes by which a later hour may exceed the first, of a heap of some 40 MB. Most of it is replay
/// filters. It swings by 5 MB with the room that tables and buffers keep after a busy time.
constexpr std::size_t heap_growth_most = 8u << 20;

void check_held(const RunEnd& end, const RunEnd& first) {
    for (const auto& [table, most] : tables_most) {
        CAPTURE(table);
        REQUIRE(end.tables.contains(table));
        CHECK(end.tables.at(table) <= most);
    }
    CHECK(end.heap <= first.heap + heap_growth_most);
}

}  // namespace

TEST_CASE("chaos: something fails every minute, and no byte, slot or session goes wrong") {
    const auto hours = number_from("NIGHTJAR_CHAOS_HOURS", 1);
    const auto seed = number_from("NIGHTJAR_CHAOS_SEED", 1);
    CAPTURE(seed);
    ChaosWorld chaos{seed};
    for (std::uint64_t hour = 0; hour < hours; ++hour) {
        chaos.run(test::short_run() ? 20min : 60min);
        print(chaos);
        for (const auto& rule : chaos.broken())
            std::printf("  broken: %s\n", rule.c_str());
        std::fflush(stdout);
    }
    for (const auto& end : chaos.ends())
        check_held(end, chaos.ends().front());
    CHECK(chaos.outcomes().whole > 100 * hours);
    CHECK((test::short_run() || chaos.faults().size() >= 8));
    for (const auto& rule : chaos.broken())
        CHECK(rule == "");
}
