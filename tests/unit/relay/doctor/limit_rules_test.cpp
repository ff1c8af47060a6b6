#include "relay/doctor/limit_rules.hpp"

#include <doctest/doctest.h>

#include "relay/operation/startup.hpp"

using namespace nightjar;
using namespace nightjar::relay;
using namespace nightjar::relay::doctor;

namespace {

constexpr std::uint64_t mebibyte = 1024 * 1024;

directory::Document document() {
    directory::Document made;
    made.relays.resize(10);
    return made;
}

operation::RelayConfig exit_config() {
    operation::RelayConfig config;
    config.role = directory::Role::gateway;
    config.layer = 0;
    config.exit_policy = {"accept *:443"};
    return config;
}

}  // namespace

TEST_CASE("doctor: an exit needs a descriptor for each connection that it may have") {
    const auto mix = descriptors_needed({}, document());
    const auto exit = descriptors_needed(exit_config(), document());
    CHECK(mix.always < 128);
    CHECK(mix.at_most >= mix.always + 1024);
    CHECK(exit.always >= mix.always + 2048);
    CHECK(exit.at_most >= exit.always + 1024 + 2048 + 512);
    CHECK(descriptors(exit.always - 1, exit).health == Health::bad);
    CHECK(descriptors(exit.always, exit).health == Health::warn);
    CHECK(descriptors(exit.at_most, exit).health == Health::ok);
    CHECK(descriptors(1024, exit).mend.find("LimitNOFILE=65536") != std::string::npos);
    CHECK(descriptors(65536, exit).health == Health::ok);
}

TEST_CASE("doctor: a gateway needs a descriptor for each client") {
    auto config = exit_config();
    config.exit_policy.clear();
    config.clients_max = 5000;
    CHECK(descriptors_needed(config, document()).always >= 5000);
}

TEST_CASE("doctor: the filters of two keys count at twice the size that they are made for") {
    operation::RelayConfig config;
    config.packets_per_second = 6600;
    const auto needed = filter_bytes_max(config, document());
    CHECK(needed > 200 * mebibyte);  // docs/operating.md says 250 MB
    CHECK(needed < 250 * mebibyte);
    CHECK(locked_bytes_max(config, document()) > needed + 4 * mebibyte);  // and the memory of keys
}

TEST_CASE("doctor: keys that may be swapped out are bad, keys that only are not locked a warning") {
    constexpr auto needed = 100 * mebibyte;
    CHECK(memory_lock({true, 0, true}, needed).health == Health::ok);
    CHECK(memory_lock({false, 0, true}, needed).health == Health::bad);
    CHECK(memory_lock({false, 0, false}, needed).health == Health::warn);
    CHECK(memory_lock({std::nullopt, needed - 1, true}, needed).health == Health::warn);
    CHECK(memory_lock({std::nullopt, needed, true}, needed).health == Health::ok);
    CHECK(memory_lock({false, 0, true}, needed).mend.find("LimitMEMLOCK=100M") !=
          std::string::npos);
}

TEST_CASE("doctor: a monthly cap that the law exceeds without any client is bad") {
    CHECK_FALSE(traffic_month({}, 1000, 60));
    const auto holds = traffic_month(2'000'000'000'000, 100, 60);
    REQUIRE(holds);
    CHECK(holds->health == Health::ok);
    CHECK(holds->seen == "the relay offers 100 packets/s, which take at most 2.0 TB in a month");
    const auto fails = traffic_month(500'000'000'000, 30, 60);
    REQUIRE(fails);
    CHECK(fails->health == Health::bad);
    CHECK(fails->seen.find("take 823 GB in a month") != std::string::npos);
    CHECK(fails->mend.starts_with("raise it to 823 GB"));
}

TEST_CASE("doctor: workers beyond the cores unwrap nothing, and half the power is for the rest") {
    CHECK(speed({5000, 2, 2, 5000}).health == Health::ok);
    CHECK(speed({5000, 2, 2, 5001}).health == Health::warn);
    CHECK(speed({5000, 2, 2, 10'001}).health == Health::bad);
    CHECK(speed({5000, 8, 2, 10'001}).health == Health::bad);
    CHECK(speed({5000, 8, 2, 10'001}).mend.find("faster cores") != std::string::npos);
    CHECK(speed({5000, 1, 4, 10'001}).mend == "raise `workers` to 4");
}

TEST_CASE("doctor: a disk that is full, nearly full or read-only") {
    CHECK(disk({"d", false, 1000 * mebibyte, 500 * mebibyte, 100}).health == Health::ok);
    CHECK(disk({"d", false, 1000 * mebibyte, 100 * mebibyte, 100}).health == Health::warn);
    CHECK(disk({"d", false, 1000 * mebibyte, mebibyte, 100}).health == Health::bad);
    CHECK(disk({"d", false, 1000 * mebibyte, 500 * mebibyte, 0}).health == Health::bad);
    CHECK(disk({"d", true, 1000 * mebibyte, 500 * mebibyte, 100}).health == Health::bad);
}

TEST_CASE("doctor: a tmpfs that full filters do not fit into is a warning, a full one is bad") {
    CHECK(runtime_space({"r", false, 300 * mebibyte, 200 * mebibyte, 9}, 250 * mebibyte).health ==
          Health::ok);
    const auto small =
        runtime_space({"r", false, 200 * mebibyte, 200 * mebibyte, 9}, 250 * mebibyte);
    CHECK(small.health == Health::warn);
    CHECK(small.mend.find("254 MiB") != std::string::npos);
    CHECK(runtime_space({"r", false, 300 * mebibyte, mebibyte, 9}, 250 * mebibyte).health ==
          Health::bad);
}
