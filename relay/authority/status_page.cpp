#include "relay/authority/status_page.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include "sphinx/cell/cell.hpp"
#include "sphinx/node/page/page.hpp"

namespace nightjar::relay::authority {

using directory::Document;
using directory::Parameters;
using node::page::Mark;
using node::page::Page;
using node::page::Text;

namespace {

constexpr double tls_record_size = cell::cell_size + 22;

std::string rate(directory::Rate rate) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.6g", rate.per_second());
    return text.data();
}

/// Of so many cells a second.
std::string kilobytes(double cells) {
    return std::to_string(std::llround(cells * tls_record_size / 1000)) + " kB/s";
}

std::string duration(base::Seconds time) {
    const auto seconds = time.count();
    if (seconds % 3600 == 0) return std::to_string(seconds / 3600) + " h";
    if (seconds % 60 == 0) return std::to_string(seconds / 60) + " min";
    return std::to_string(seconds) + " s";
}

std::string joined(const std::vector<std::string>& parts) {
    std::string text;
    for (const auto& part : parts)
        text += (text.empty() ? "" : ", ") + part;
    return text;
}

std::vector<const directory::Relay*> relays_of(const Document& document, std::uint8_t layer) {
    std::vector<const directory::Relay*> found;
    for (const auto& relay : document.relays)
        if (relay.layer == layer) found.push_back(&relay);
    return found;
}

double weight_of(const std::vector<const directory::Relay*>& relays) {
    double sum = 0;
    for (const auto* relay : relays)
        sum += relay->capacity;
    return sum;
}

std::string name_of(const directory::Relay& relay) {
    return relay.name.empty() ? base::to_hex(relay.identity.bytes).substr(0, 16) : relay.name;
}

std::string mixing_words(const Parameters& law) {
    const auto mean = std::to_string(law.mean_delay.count()) + " ms";
    switch (law.mixing.law) {
        case directory::MixLaw::timed_pool:
            return "Each relay releases a random part of its packets every " +
                   std::to_string(law.mixing.interval.count()) +
                   " ms, so that it holds a packet for " + mean + " on average.";
        case directory::MixLaw::threshold:
            return "Each relay releases its packets when it has " +
                   std::to_string(law.mixing.packets) + ", or when one has waited for " + mean +
                   ".";
        case directory::MixLaw::poisson:
            break;
    }
    return "Each relay holds a packet for " + mean + " on average, by a time that its sender drew.";
}

std::vector<std::string> law_words(const Parameters& law) {
    std::vector<std::string> words;
    if (law.lab) words.push_back("This network is a laboratory. It protects no traffic.");
    words.push_back("Each client sends " + rate(law.main_slots) + " packets and " +
                    rate(law.client_loops) + " loops a second, used or not: " +
                    kilobytes(law.main_slots.per_second() + law.client_loops.per_second()) + ".");
    words.push_back("It receives " + rate(law.down) +
                    " cells a second, used or not: " + kilobytes(law.down.per_second()) +
                    ". Up to " + rate(law.replies) + " of them carry what exits reply.");
    words.push_back(mixing_words(law));
    words.push_back("Each relay sends " + rate(law.relay_loops) +
                    " loops of its own a second. Their return shows that packets pass.");
    if (law.exit_room > 0)
        words.push_back(
            "Exits send cover up to levels that they draw, so that their totals show less of when "
            "a "
            "client comes or goes.");
    words.push_back("A session lasts for " + duration(law.session_lifetime) +
                    ". Of its three mixes it keeps " + std::to_string(law.fixed_hops) +
                    " from one packet to the next.");
    return words;
}

void add_summary(Page& page, const Document& document) {
    const auto clients = clients_carried(document, relay_packets_per_second);
    page.facts({{"Valid from", base::utc_text(document.valid_from)},
                {"Valid until", base::utc_text(document.valid_until)},
                {"Epoch length", duration(document.parameters.epoch_length)},
                {"Relays", std::to_string(document.relays.size())},
                {"Recommended versions", joined(document.recommended_versions)},
                {"Capacity for clients",
                 "about " + std::to_string(clients) +
                     ", if each relay passes 30,000 packets a second (one core with AVX2)"}});
}

Text reached(const core::Reachability& tries, const base::NodeId& relay) {
    if (const auto since = tries.unreachable_since(relay))
        return {"no, since " + base::utc_text(*since), Mark::bad};
    const auto last = tries.last_try(relay);
    if (!last) return {"not tried yet", Mark::wait};
    return *last ? Text{"yes", Mark::good} : Text{"not at the last try", Mark::wait};
}

void add_layer(Page& page, const Document& document, std::uint8_t layer,
               const core::Reachability* tries) {
    const auto relays = relays_of(document, layer);
    const auto whole = weight_of(relays);
    page.section((layer == 0 ? "Gateways" : "Layer " + std::to_string(layer)) + ": " +
                 std::to_string(relays.size()) + (relays.size() == 1 ? " relay" : " relays"));
    std::vector<std::string> columns{"Name",     "Operator", "Family",
                                     "Capacity", "Version",  "Addresses"};
    if (layer == 0) columns.push_back("Exit");
    if (tries != nullptr) columns.push_back("Reached");
    std::vector<std::vector<Text>> rows;
    for (const auto* relay : relays) {
        std::vector<std::string> addresses;
        for (const auto& at : relay->addresses)
            addresses.push_back(directory::to_text(at));
        const auto share = std::lround(100 * relay->capacity / whole);
        rows.push_back({name_of(*relay), relay->operator_name, relay->family,
                        std::to_string(relay->capacity) + " (" + std::to_string(share) + " %)",
                        std::string{directory::version_in(relay->optional)}, joined(addresses)});
        if (layer == 0) rows.back().emplace_back(relay->is_exit() ? relay->exit_policy : "no");
        if (tries != nullptr) rows.back().push_back(reached(*tries, relay->identity));
    }
    page.table(columns, rows);
}

bool has_signed(const Document& document, const base::NodeId& authority) {
    return std::any_of(document.signatures.begin(), document.signatures.end(),
                       [&](const auto& signature) { return signature.authority == authority; });
}

void add_signatures(Page& page, const Document& document, const StatusRecord& record) {
    page.section("Authorities");
    std::vector<std::vector<Text>> rows;
    for (const auto& authority : record.authorities) {
        const bool there = has_signed(document, authority);
        rows.push_back({base::to_hex(authority.bytes),
                        Text{there ? "signed" : "no signature", there ? Mark::good : Mark::wait}});
    }
    page.table({"Authority", "This document"}, rows);
}

}  // namespace

std::string status_page(const Document& document, const StatusRecord& record) {
    const auto name = "Network " + document.network;
    const auto epoch = "epoch " + std::to_string(document.epoch.value);
    Page page{name + ": " + epoch, name, {epoch, Mark::good}};
    page.paragraph("What the authorities say about the network, with " +
                   std::to_string(document.signatures.size()) + " of " +
                   std::to_string(record.authorities.size()) +
                   " signatures. The signed document itself is what counts.");
    add_summary(page, document);
    for (std::uint8_t layer = 1; layer <= document.layers(); ++layer)
        add_layer(page, document, layer, record.tries);
    add_layer(page, document, 0, record.tries);
    if (!record.left_out.empty()) page.section("Not listed").list(record.left_out);
    add_signatures(page, document, record);
    page.section("How traffic flows").list(law_words(document.parameters));
    if (record.change && document.epoch < record.change->from)
        page.section("From epoch " + std::to_string(record.change->from.value) + " on")
            .list(law_words(record.change->parameters));
    return std::move(page).finish("Made at " + base::utc_text(record.made) +
                                  ". Nightjar shows no traffic here.");
}

std::uint64_t clients_carried(const Document& document, double packets_per_second) {
    const auto& law = document.parameters;
    const auto up = law.main_slots.per_second() + law.client_loops.per_second();
    const auto replies = law.replies.per_second();
    const auto loops = law.relay_loops.per_second() * static_cast<double>(document.relays.size());
    double least = -1;
    for (std::uint8_t layer = 0; layer <= document.layers(); ++layer) {
        const auto relays = relays_of(document, layer);
        if (relays.empty()) continue;
        // A gateway has a packet at its start or at its end; a reply only at its end.
        const auto of_client = layer == 0 ? 2 * up + replies : up + replies;
        const auto even = 1.0 / static_cast<double>(relays.size());
        const auto whole = weight_of(relays);
        for (const auto* relay : relays) {
            // Some choices are even, others by capacity. The larger share bounds both.
            const auto share = std::max(even, relay->capacity / whole);
            const auto carried = (packets_per_second - loops * even) / (share * of_client);
            if (least < 0 || carried < least) least = std::max(carried, 0.0);
        }
    }
    return least < 0 ? 0 : static_cast<std::uint64_t>(least);
}

}  // namespace nightjar::relay::authority
