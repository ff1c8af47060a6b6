#include "sphinx/directory/quorum.hpp"

#include <doctest/doctest.h>

#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::directory;
using namespace std::chrono_literals;

namespace {

/// "ok" or the text of the refusal.
std::string verdict(const base::Status<Refusal>& status) {
    return status ? "ok" : to_string(status.error());
}

}  // namespace

TEST_CASE("a document needs more than two thirds of the authorities") {
    struct Row {
        std::size_t authorities, needed;
    };
    for (const auto [authorities, needed] : {Row{1, 1}, Row{2, 2}, Row{3, 3}, Row{4, 3}, Row{5, 4},
                                             Row{6, 5}, Row{7, 5}, Row{10, 7}}) {
        CHECK(signatures_needed(authorities) == needed);
        auto network = test::make_network(1, {.authorities = static_cast<unsigned>(authorities)});
        auto& signatures = network.document.signatures;
        const auto now = network.document.valid_from;
        while (true) {
            const bool enough = signatures.size() >= needed;
            CHECK(verdict(check(network.document, network.anchors, now, {})) ==
                  (enough ? "ok" : to_string(Refusal::too_few_signatures)));
            if (signatures.empty()) break;
            signatures.pop_back();
        }
    }
}

TEST_CASE("every way for a document not to count has its own answer") {
    const auto network = test::make_network(2, {.authorities = 4});
    const auto other = test::make_network(3, {.authorities = 4});
    const auto& from = network.document.valid_from;
    const auto& until = network.document.valid_until;
    struct Row {
        const char* name;
        void (*change)(Document&, const test::SignedNetwork& other);
        base::Wall now;
        base::Epoch held;
        const char* verdict;
    };
    const auto nothing = [](Document&, const test::SignedNetwork&) {};
    const Row rows[] = {
        {"good", nothing, from, {0}, "ok"},
        {"good to the end", nothing, until - 1ms, {0}, "ok"},
        {"one millisecond early", nothing, from - 1ms, {0}, to_string(Refusal::not_yet_valid)},
        {"clock an hour behind", nothing, from - 1h, {0}, to_string(Refusal::not_yet_valid)},
        {"over", nothing, until, {0}, to_string(Refusal::expired)},
        {"a day over", nothing, until + 24h, {0}, to_string(Refusal::expired)},
        {"same epoch as held", nothing, from, {500'000}, "ok"},
        {"rollback", nothing, from, {500'001}, to_string(Refusal::older_epoch)},
        {"other network",
         [](Document& d, const auto&) { d.network = "else"; },
         from,
         {0},
         to_string(Refusal::wrong_network)},
        {"one signature of four lost",
         [](Document& d, const auto&) { d.signatures.pop_back(); },
         from,
         {0},
         "ok"},
        {"two lost",
         [](Document& d, const auto&) { d.signatures.resize(2); },
         from,
         {0},
         to_string(Refusal::too_few_signatures)},
        {"no signature",
         [](Document& d, const auto&) { d.signatures.clear(); },
         from,
         {0},
         to_string(Refusal::too_few_signatures)},
        {"one bad among enough",
         [](Document& d, const auto&) { d.signatures[1].signature[5] ^= 1; },
         from,
         {0},
         to_string(Refusal::bad_signature)},
        {"one repeated in place of another",
         [](Document& d, const auto&) { d.signatures[1] = d.signatures[0]; },
         from,
         {0},
         to_string(Refusal::bad_signature)},
        {"a stranger signed too",
         [](Document& d, const auto& o) { sign(d, o.authorities[0]); },
         from,
         {0},
         to_string(Refusal::bad_signature)},
        {"strangers alone",
         [](Document& d, const auto& o) {
             d.signatures.clear();
             for (const auto& seed : o.authorities)
                 sign(d, seed);
         },
         from,
         {0},
         to_string(Refusal::bad_signature)},
        {"changed after it was signed",
         [](Document& d, const auto&) { d.relays[0].capacity = 2; },
         from,
         {0},
         to_string(Refusal::bad_signature)},
        {"a parameter changed",
         [](Document& d, const auto&) { d.parameters.lab = false; },
         from,
         {0},
         to_string(Refusal::bad_signature)},
    };
    for (const auto& row : rows) {
        INFO(std::string{row.name});
        auto document = network.document;
        row.change(document, other);
        CHECK(verdict(check(document, network.anchors, row.now, row.held)) == row.verdict);
    }
}

TEST_CASE("signing again replaces the signature, and sorts what it signs") {
    auto network = test::make_network(4, {.authorities = 3});
    auto document = network.document;
    std::swap(document.relays[0], document.relays[5]);
    document.parameters.fixed_hops = 2;
    for (const auto& seed : network.authorities)
        sign(document, seed);
    CHECK(document.signatures.size() == 3);
    CHECK(verdict(check(document, network.anchors, document.valid_from, {})) == "ok");
    CHECK(document != network.document);
    CHECK(parse(to_text(document)));
}

TEST_CASE("a small-order authority key signs nothing") {
    auto network = test::make_network(4);
    // The neutral element. With this key, R = 0 and s = 0 would verify any text.
    base::NodeId neutral;
    neutral.bytes[0] = 1;
    network.anchors.authorities = {neutral};
    Signature forged{neutral, {}};
    forged.signature[0] = 1;
    network.document.signatures = {forged};
    CHECK(verdict(check(network.document, network.anchors, network.document.valid_from, {})) ==
          to_string(Refusal::bad_signature));
}

TEST_CASE("two documents of one epoch that differ are a conflict") {
    const auto network = test::make_network(6);
    auto other = network.document;
    CHECK_FALSE(conflict(network.document, other));
    other.signatures.clear();
    CHECK_FALSE(conflict(network.document, other));  // the same statement
    other.relays[0].capacity = 2;
    CHECK(conflict(network.document, other));
    other.epoch = other.epoch.next();
    CHECK_FALSE(conflict(network.document, other));
}

TEST_CASE("a network's id depends on its name and on each authority, not on its gateways") {
    const auto network = test::make_network(8, {.authorities = 3});
    const auto id = network_id(network.anchors);
    auto changed = network.anchors;
    changed.gateways.clear();
    CHECK(network_id(changed) == id);
    changed.authorities.pop_back();
    CHECK(network_id(changed) != id);
    changed = network.anchors;
    changed.network += "-2";
    CHECK(network_id(changed) != id);
}
