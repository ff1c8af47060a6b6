#include "relay/authority/status_page.hpp"

#include <doctest/doctest.h>

#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority;

namespace {

bool holds(const std::string& page, std::string_view text) {
    return page.find(text) != page.npos;
}

/// A mix in each layer and two gateways.
directory::Document small_network() {
    base::SeededRandom random{3};
    directory::Document document;
    document.network = "example";
    document.epoch = base::Epoch{500'000};
    document.valid_from = base::Wall{base::Seconds{1'800'000'000}};
    document.valid_until = base::Wall{base::Seconds{1'800'007'200}};
    document.recommended_versions = {"0.1.0", "0.2.0"};
    for (const std::uint8_t layer : {1, 2, 3, 0, 0}) {
        auto relay = test::random_relay(random, layer);
        const auto number = std::to_string(document.relays.size());
        relay.name = "relay-" + number;
        relay.operator_name = "op-" + number;
        relay.addresses = {{"192.0.2." + number, 9001}, {"2001:db8::" + number, 9001}};
        relay.capacity = 1;
        relay.exit_policy.clear();
        document.relays.push_back(std::move(relay));
    }
    document.relays[3].exit_policy = "accept *:443";
    return document;
}

StatusRecord record_of(const directory::Document& document) {
    StatusRecord record;
    for (const auto& signature : document.signatures)
        record.authorities.push_back(signature.authority);
    record.made = base::Wall{base::Seconds{1'800'000'000}};
    return record;
}

}  // namespace

TEST_CASE("network's page: relays by layer, with operator, capacity, addresses and exit") {
    auto document = small_network();
    document.relays[4].capacity = 3;
    document.relays[4].family = "birds";
    document.relays[3].optional = {{"later-version", "no-column"}, {"version", "0.2.0"}};
    document.relays[4].optional = {{"version", "<b>not one"}};
    const auto page = status_page(document, record_of(document));
    CHECK(holds(page, "<title>Network example: epoch 500000</title>"));
    for (const auto* section :
         {"<h2>Layer 1: 1 relay</h2>", "<h2>Layer 3: 1 relay</h2>", "<h2>Gateways: 2 relays</h2>"})
        CHECK(holds(page, section));
    CHECK(page.find("relay-0") < page.find("Layer 2"));
    CHECK(holds(
        page,
        "<tr><td>relay-3</td><td>op-3</td><td></td><td>1 (25 %)</td>"
        "<td>0.2.0</td><td>192.0.2.3:9001, [2001:db8::3]:9001</td><td>accept *:443</td></tr>"));
    CHECK_FALSE(holds(page, "no-column"));
    CHECK(holds(page, "<td>birds</td><td>3 (75 %)</td><td></td>"));
    CHECK(holds(page, "<td>no</td></tr>"));
    CHECK(holds(page, "<td>0.1.0, 0.2.0</td>"));
    CHECK(holds(page, "<td>2027-01-15 10:00:00 UTC</td>"));
}

TEST_CASE("network's page: which authorities signed, and which did not") {
    auto document = small_network();
    base::SeededRandom random{4};
    for (int i = 0; i < 3; ++i)
        document.signatures.push_back({random.id<base::NodeId>(), {}});
    auto record = record_of(document);
    const auto absent = random.id<base::NodeId>();
    record.authorities.push_back(absent);
    const auto page = status_page(document, record);
    CHECK(holds(page, "with 3 of 4 signatures"));
    CHECK(holds(page, base::to_hex(document.signatures[0].authority.bytes) +
                          "</td><td class=\"good\">signed</td>"));
    CHECK(holds(page, base::to_hex(absent.bytes) + "</td><td class=\"wait\">no signature</td>"));
}

TEST_CASE("network's page: what is left out and why, as text") {
    const auto document = small_network();
    auto record = record_of(document);
    CHECK_FALSE(holds(status_page(document, record), "Not listed"));
    record.left_out = {"wren is left out: <b>it has the address of finch</b>"};
    const auto page = status_page(document, record);
    CHECK(holds(page, "<h2>Not listed</h2>"));
    CHECK(holds(page, "<li>wren is left out: &lt;b&gt;it has the address of finch&lt;/b&gt;</li>"));
    for (const auto* outside : {"://", "src=", "href=", "url(", "@import", "<script", "<b>"})
        CHECK_FALSE(holds(page, outside));
}

TEST_CASE("network's page: the law in words, each law of mixing, and that a lab protects nothing") {
    auto document = small_network();
    const auto record = record_of(document);
    auto page = status_page(document, record);
    CHECK(holds(page, "Each client sends 50 packets and 5 loops a second, used or not: 134 kB/s."));
    CHECK(holds(page, "receives 60 cells a second"));
    CHECK(holds(page, "holds a packet for 50 ms on average, by a time that its sender drew"));
    CHECK_FALSE(holds(page, "laboratory"));
    document.parameters.lab = true;
    document.parameters.mixing = {directory::MixLaw::timed_pool, base::Milliseconds{25}, 1, 0};
    page = status_page(document, record);
    CHECK(holds(page, "a laboratory"));
    CHECK(holds(page, "a random part of its packets every 25 ms"));
    document.parameters.mixing = {directory::MixLaw::threshold, {}, 0, 20};
    CHECK(holds(status_page(document, record), "when it has 20, or when one has waited for 50 ms"));
}

TEST_CASE("network's page: clients that the network carries, by its busiest relay") {
    auto document = small_network();
    // A mix passes U + L + R = 100 packets of each client, and 5 relays' loops of 15.
    CHECK(clients_carried(document, 30'000) == 299);
    CHECK(holds(status_page(document, record_of(document)), "about 299, if each relay passes"));
    // Two more mixes in each layer: a gateway passes half of 2 (U + L) + R = 155, and half of the
    // loops of 11 relays.
    for (const std::uint8_t layer : {1, 2, 3, 1, 2, 3}) {
        document.relays.push_back(document.relays[layer - 1]);
        CHECK(document.relays.back().layer == layer);
    }
    CHECK(clients_carried(document, 30'000) == 386);
    // Three clients of four at one gateway.
    document.relays[4].capacity = 3;
    CHECK(clients_carried(document, 30'000) == 257);
    CHECK(clients_carried(document, 80) == 0);
    document.relays.clear();
    CHECK(clients_carried(document, 30'000) == 0);
}

TEST_CASE("network's page: which relays this authority reaches") {
    const auto document = small_network();
    auto record = record_of(document);
    CHECK_FALSE(holds(status_page(document, record), "Reached"));
    base::SeededRandom random{5};
    core::Reachability tries{base::Seconds{3600}};
    auto sorted = document;
    directory::sort(sorted);
    tries.list(sorted, {}, record.made, random);
    for (int i = 0; i < 5; ++i)
        tries.tried(document.relays[0].identity, false, record.made);
    tries.tried(document.relays[1].identity, true, record.made);
    tries.tried(document.relays[2].identity, false, record.made);
    record.tries = &tries;
    const auto page = status_page(document, record);
    CHECK(holds(page,
                "192.0.2.0:9001, [2001:db8::0]:9001</td>"
                "<td class=\"bad\">no, since 2027-01-15 08:00:00 UTC</td>"));
    CHECK(holds(page, "<td class=\"good\">yes</td>"));
    CHECK(holds(page, "<td class=\"wait\">not at the last try</td>"));
    CHECK(holds(page, "<td>accept *:443</td><td class=\"wait\">not tried yet</td>"));
}
