#include "relay/operation/disclosure.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace nightjar;
using namespace nightjar::relay::operation;

TEST_CASE("disclose: an address of IPv6 has its brackets, with its port behind them") {
    DisclosureFacts facts;
    facts.config.data_dir = facts.config.runtime_dir = "/nonexistent";
    facts.config.listen = {{"192.0.2.1", 9001}, {"2001:db8::1", 443}};
    facts.config.metrics = directory::Endpoint{"::1", 9464};
    facts.epoch_length = base::Seconds{3600};
    const auto text = to_json(facts);
    const auto json = nlohmann::json::parse(text);
    CHECK(json["hoster"]["listens"] == nlohmann::json{"192.0.2.1:9001", "[2001:db8::1]:443"});
    CHECK(json["metrics"]["listen"] == "[::1]:9464");
    CHECK(disclosure_text(text).value_or("").find("served at [::1]:9464") != std::string::npos);
}
