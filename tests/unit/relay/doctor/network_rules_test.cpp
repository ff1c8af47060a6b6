#include "relay/doctor/network_rules.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "relay/operation/startup.hpp"
#include "relay/operation/status.hpp"

using namespace nightjar;
using namespace nightjar::relay;
using namespace nightjar::relay::doctor;

namespace {

const base::Wall now{base::Seconds{1'800'000'000}};

operation::AuthorityTime off_by(base::Milliseconds off) {
    // The authority's clock said `now` + 400 ms; only whole seconds are sent.
    return {now, now + base::Milliseconds{300} + off, now + base::Milliseconds{500} + off};
}

ClockFacts clock_off_by(base::Milliseconds off) {
    ClockFacts facts;
    facts.authorities = 1;
    facts.answers = {{"192.0.2.1:443", off_by(off)}};
    return facts;
}

/// How far this machine's clock is ahead of each authority that answers.
ClockFacts clock_off_by_each(const std::vector<base::Milliseconds>& offs, std::size_t authorities) {
    ClockFacts facts;
    facts.authorities = authorities;
    for (const auto off : offs) {
        const auto number = std::to_string(facts.answers.size() + 1);
        facts.answers.push_back({"192.0.2." + number + ":443", off_by(off)});
    }
    return facts;
}

/// Two gateways, one mix in layer 1, two in layer 2.
directory::Document network() {
    directory::Document made;
    for (const int layer : {0, 0, 1, 2, 2}) {
        directory::Relay relay;
        relay.role = layer == 0 ? directory::Role::gateway : directory::Role::mix;
        relay.layer = static_cast<std::uint8_t>(layer);
        made.relays.push_back(relay);
    }
    return made;
}

Running active(std::uint64_t previous_up) {
    Running relay;
    relay.state = "active";
    relay.previous_relays_up = previous_up;
    return relay;
}

operation::RelayConfig mix_of(std::uint8_t layer) {
    operation::RelayConfig config;
    config.layer = layer;
    return config;
}

Health reach(std::uint64_t up, const operation::RelayConfig& config) {
    return reachable(active(up), config, network()).health;
}

const Finding* named(const Findings& all, const std::string& name) {
    for (const auto& one : all)
        if (one.name == name) return &one;
    return nullptr;
}

}  // namespace

TEST_CASE("doctor: a clock is judged by the authority's, in both directions") {
    using base::Milliseconds;
    struct Case {
        Milliseconds off;
        Health health;
        const char* seen;
    };
    const Case cases[] = {{Milliseconds{0}, Health::ok, "within"},
                          {Milliseconds{-2400}, Health::ok, "within"},
                          {Milliseconds{5000}, Health::warn, "4.3 s ahead of"},
                          {Milliseconds{-5000}, Health::warn, "4.5 s behind"},
                          {Milliseconds{40'000}, Health::bad, "39.3 s ahead of"},
                          {Milliseconds{-40'000}, Health::bad, "39.5 s behind"}};
    for (const auto& c : cases) {
        CAPTURE(c.off.count());
        const auto finding = clock(clock_off_by(c.off));
        CHECK(finding.health == c.health);
        CHECK(finding.seen.find(c.seen) != std::string::npos);
    }
    auto jumped = clock_off_by(Milliseconds{0});
    jumped.jumped = true;
    CHECK(clock(jumped).health == Health::bad);
    CHECK(clock(jumped).mend.find("confirm-clock") != std::string::npos);
}

TEST_CASE("doctor: one authority with a wrong clock is named, and not believed") {
    using base::Milliseconds;
    const Milliseconds good{0};
    const Milliseconds lost{40'000};
    for (std::size_t wrong = 0; wrong < 3; ++wrong) {
        std::vector<Milliseconds> offs(3, good);
        offs[wrong] = lost;
        const auto finding = clock(clock_off_by_each(offs, 3));
        CHECK(finding.health == Health::warn);
        CHECK(finding.seen ==
              "within 2.0 s of the median of the clocks of 3 of 3 authorities; not "
              "as the others: 192.0.2." +
                  std::to_string(wrong + 1) + ":443 (39.3 s behind)");
        CHECK(finding.mend.find("tell the operator of 192.0.2.") == 0);
    }
    // Here this machine's clock is the wrong one, and one authority's is as wrong.
    const auto finding = clock(clock_off_by_each({-lost, good, -lost}, 3));
    CHECK(finding.health == Health::bad);
    CHECK(finding.seen.find("39.5 s behind the median of") == 0);
    CHECK(finding.seen.find("192.0.2.2:443 (39.5 s behind)") != std::string::npos);
    CHECK(finding.mend.find("chrony") != std::string::npos);
    CHECK(clock(clock_off_by_each({good, good, Milliseconds{2400}}, 3)).health == Health::ok);
}

TEST_CASE("doctor: an offset by fewer answers than could be compared is said as such") {
    using base::Milliseconds;
    const auto alone = clock(clock_off_by_each({Milliseconds{5000}}, 3));
    CHECK(alone.health == Health::warn);
    CHECK(alone.seen ==
          "4.3 s ahead of the clock of 192.0.2.1:443, the only one of 3 authorities that answered");
    const auto two = clock(clock_off_by_each({Milliseconds{0}, Milliseconds{-40'000}}, 3));
    CHECK(two.health == Health::warn);
    CHECK(two.seen ==
          "within 2.0 s of the median of the clocks of 2 of 3 authorities; the two "
          "differ: 192.0.2.2:443 (39.5 s ahead)");
}

TEST_CASE("doctor: without an authority a clock is well if a program keeps it right") {
    ClockFacts facts;
    CHECK(clock(facts).health == Health::warn);
    CHECK(clock_kept(facts).health == Health::warn);
    facts.kept = true;
    CHECK(clock(facts).health == Health::ok);
    CHECK(clock_kept(facts).health == Health::ok);
    facts.authorities = 1;
    facts.silence = "192.0.2.1:443: cannot connect";
    CHECK(clock(facts).health == Health::warn);
    CHECK(clock(facts).seen.find("cannot connect") != std::string::npos);
}

TEST_CASE("doctor: a document that ends soon with no next one is a warning") {
    directory::Document held;
    held.parameters.epoch_length = base::Seconds{3600};
    held.valid_from = now;
    held.valid_until = now + base::Seconds{7200};
    const auto late = now + base::Seconds{5401};
    CHECK(document(held, late - base::Seconds{2}, false).health == Health::ok);
    CHECK(document(held, late, false).health == Health::warn);
    CHECK(document(held, late, true).health == Health::ok);
}

TEST_CASE("doctor: a version that the document does not recommend is a warning") {
    directory::Document held;
    CHECK(version(held).health == Health::ok);
    held.recommended_versions = {"99.1.0", "99.2.0"};
    CHECK(version(held).health == Health::warn);
    CHECK(version(held).seen.find("recommends 99.1.0, 99.2.0") != std::string::npos);
    held.recommended_versions.push_back(operation::program_version);
    CHECK(version(held).health == Health::ok);
}

TEST_CASE("doctor: a relay is reachable if relays of the layer before have links to it") {
    CHECK(reach(0, mix_of(1)) == Health::bad);  // the two gateways dial it
    CHECK(reach(1, mix_of(1)) == Health::ok);
    CHECK(reach(0, mix_of(2)) == Health::bad);  // the one mix of layer 1
    CHECK(reach(1, mix_of(2)) == Health::ok);
    operation::RelayConfig gateway;
    gateway.role = directory::Role::gateway;
    gateway.layer = 0;
    CHECK(reach(0, gateway) == Health::bad);  // the two mixes of the last layer
    CHECK(reach(1, gateway) == Health::ok);
    auto many = network();
    many.relays.insert(many.relays.end(), 4, many.relays.front());
    CHECK(reachable(active(2), mix_of(1), many).health == Health::warn);
    CHECK(reachable(active(0), mix_of(1), many).mend.find("127.0.0.1:9001") != std::string::npos);
    CHECK(reachable(std::nullopt, mix_of(1), many).health == Health::warn);
}

TEST_CASE("doctor: a relay that reaches none of the next layer is bad") {
    auto relay = active(1);
    CHECK(dials(relay).health == Health::ok);
    relay.next_relays = 4;
    CHECK(dials(relay).health == Health::bad);
    relay.next_relays_up = 1;
    CHECK(dials(relay).health == Health::warn);
    relay.next_relays_up = 2;
    CHECK(dials(relay).health == Health::ok);
}

TEST_CASE("doctor: what a running relay complains of is found in its status") {
    operation::StatusFacts status;
    status.facts.state = core::State::document_expired;
    status.facts.max_fds = 4096;
    status.facts.config_last_reload_successful = false;
    status.facts.loops = {true, true, {}};
    status.memory_locked = false;
    status.self_test = {12'300, "ifma"};
    status.replay_filter_full = true;
    status.links = {4, 3, 2, 0};
    status.authority = {"192.0.2.1:443", base::Epoch{7}, false, "not admitted"};
    const auto relay = parse_status(operation::to_json(status));
    REQUIRE(relay);
    CHECK(relay->next_relays == 4);
    CHECK(relay->next_relays_up == 3);
    CHECK(relay->previous_relays_up == 2);
    CHECK(relay->descriptors_max == 4096);
    CHECK_FALSE(relay->memory_locked);
    CHECK(relay->packets_per_second == 12'300);
    const auto found = running(relay);
    CHECK(named(found, "relay")->health == Health::bad);
    CHECK(named(found, "reload")->health == Health::bad);
    CHECK(named(found, "loops")->health == Health::bad);
    CHECK(named(found, "replay_filters")->health == Health::warn);
    CHECK(named(found, "authority")->seen.find("not admitted") != std::string::npos);

    operation::StatusFacts well;
    well.facts.state = core::State::active;
    const auto healthy = running(parse_status(operation::to_json(well)));
    CHECK(healthy.size() == 1);
    CHECK(worst(healthy) == Health::ok);
    CHECK(running(std::nullopt).front().health == Health::warn);
}

TEST_CASE("doctor: a relay that an authority cannot reach is bad, although it takes descriptors") {
    operation::StatusFacts status;
    status.facts.state = core::State::active;
    const auto found = [&](bool accepted, const std::string& said) {
        status.authority = {"192.0.2.1:443", base::Epoch{7}, accepted, said};
        return running(parse_status(operation::to_json(status)));
    };
    CHECK(found(true, "the descriptor is here").size() == 1);
    const auto unreached =
        found(true, "the descriptor is here; but this authority cannot reach it");
    const auto* finding = named(unreached, "authority");
    REQUIRE(finding != nullptr);
    CHECK(finding->health == Health::bad);
    CHECK(finding->seen == "this authority cannot reach it");
    CHECK(found(false, "it is not admitted; but why").size() == 2);  // once
    for (const auto* accepted : {"1", "\"true\"", "null", "[]"}) {
        const auto odd = parse_status("{\"state\":\"active\",\"authority\":{\"accepted\":" +
                                      std::string{accepted} + ",\"said\":\"a; but b\"}}");
        REQUIRE(odd);
        CHECK(odd->remark.empty());
    }
}

TEST_CASE("doctor: an answer that is no status is none, and no type in it is trusted") {
    for (const auto* text : {"", "[]", "{}", "{\"state\":5}", "{\"state\":\"active\""})
        CHECK(parse_status(text) == std::nullopt);
    const auto odd = parse_status(
        "{\"state\":\"active\",\"next_relays\":\"x\",\"self_test\":{\"unwraps_per_second\":-5},"
        "\"reload_ok\":7,\"authority\":{\"said\":[],"
        "\"descriptor_epoch\":\"y\",\"accepted\":\"z\"}}");
    REQUIRE(odd);
    CHECK(odd->next_relays == 0);
    CHECK(odd->reload_ok);
    CHECK(odd->packets_per_second == 0);
    CHECK(odd->authority.empty());
}

TEST_CASE("doctor: addresses that the internet cannot reach are bad outside a lab") {
    operation::RelayConfig config;
    config.listen = {{"0.0.0.0", 9001}};
    config.announce = {{"198.51.100.1", 9001}, {"9.9.9.9", 9001}};
    CHECK(addresses(config, false).health == Health::bad);
    CHECK(addresses(config, false).seen.find("198.51.100.1:9001") != std::string::npos);
    CHECK(addresses(config, false).seen.find("9.9.9.9") == std::string::npos);
    CHECK(addresses(config, true).health == Health::ok);
    config.announce.erase(config.announce.begin());
    CHECK(addresses(config, false).health == Health::ok);
}

TEST_CASE("doctor: a name of `announce` that stands for another address than was stated") {
    using Endpoints = std::vector<directory::Endpoint>;
    operation::RelayConfig config;
    config.announce = {{"9.9.9.9", 9001}};
    CHECK_FALSE(announced_names(config, Endpoints{{"192.0.2.1", 9001}}));
    config.announce_names = {{"wren.example.net", 443}};
    config.announce_found = {{"2a00:1450::5", 443}, {"192.0.2.1", 443}};
    const Endpoints same{{"192.0.2.1", 443}, {"2a00:1450::5", 443}, {"9.9.9.9", 9001}};
    CHECK(announced_names(config, same)->health == Health::ok);
    const auto moved = announced_names(config, Endpoints{{"192.0.2.9", 443}});
    CHECK(moved->health == Health::bad);
    CHECK(moved->seen ==
          "its names stand for 192.0.2.1:443, 9.9.9.9:9001, [2a00:1450::5]:443, and the relay has "
          "stated 192.0.2.9:443");
    CHECK(announced_names(config, {})->seen.ends_with("has stated nothing yet"));
}

TEST_CASE("doctor: an announced IPv6 address needs a machine that has IPv6") {
    const std::vector<base::IpNetwork> without{{*base::IpAddress::parse("::1"), 128},
                                               {*base::IpAddress::parse("fe80::1"), 64},
                                               {*base::IpAddress::parse("9.9.9.9"), 24}};
    auto with = without;
    with.push_back({*base::IpAddress::parse("2a00:1450::5"), 64});
    operation::RelayConfig config;
    config.announce = {{"9.9.9.9", 9001}};
    CHECK(ipv6(config, without).health == Health::ok);
    CHECK(ipv6(config, with).health == Health::ok);
    config.announce.push_back({"2a00:1450::5", 9001});
    CHECK(ipv6(config, without).health == Health::bad);
    CHECK(ipv6(config, with).health == Health::ok);
}
