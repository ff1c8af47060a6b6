#include "sphinx/directory/diff.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "sphinx/directory/signature.hpp"
#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::directory;

namespace {

/// The document of the next epoch: every relay's keys have turned.
Document turned(Document document, base::Random& random) {
    document.epoch = document.epoch.next();
    document.valid_from += document.parameters.epoch_length;
    document.valid_until += document.parameters.epoch_length;
    for (auto& relay : document.relays) {
        relay.mix_key = relay.next_mix_key;
        relay.next_mix_key = random.id<base::MixKey>();
    }
    return document;
}

std::string signed_text_of(Document document) {
    base::Secret<32> seed;
    document.signatures.clear();
    sign(document, seed);
    return to_text(document);
}

std::size_t count(std::string_view text, std::string_view what) {
    std::size_t found = 0;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1))
        ++found;
    return found;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
    REQUIRE(text.find(what) != text.npos);
    return text.replace(text.find(what), what.size(), by);
}

}  // namespace

TEST_CASE("diff: the next document, from one that others signed, with a line for each new key") {
    base::SeededRandom random{11};  // not the seed of the network
    auto document = test::make_network(1, {.mixes_per_layer = 20}).document;
    const auto newer = signed_text_of(turned(document, random));
    const auto older = to_text(document);
    const auto diff = make_diff(older, newer);
    const auto restored = [&](const std::string& from) {
        const auto made = apply_diff(from, diff);
        return made ? *made : "refused: " + made.error().reason;
    };
    CHECK(restored(older) == newer);
    document.signatures.clear();
    CHECK(restored(to_text(document)) == newer);
    const auto relays = document.relays.size();
    CHECK(count(diff, "\ntake ") == relays);     // a next key becomes the key
    CHECK(count(diff, "\nset ") == relays + 3);  // and a new one comes; epoch and its times
    CHECK(count(diff, "\nadd ") == 1);           // the signature
    CHECK(diff.size() < newer.size() / 3);
}

TEST_CASE("diff: relays that come, go and change, and any two documents") {
    base::SeededRandom random{2};
    auto before = test::random_document(random);
    for (int i = 0; i < 300; ++i) {
        auto after = i % 3 == 0 ? test::random_document(random) : turned(before, random);
        auto& relays = after.relays;
        if (i % 3 == 1 && !relays.empty()) {
            relays.erase(relays.begin() + static_cast<std::ptrdiff_t>(random.below(relays.size())));
            relays.push_back(test::random_relay(random, 1));
        }
        if (i % 3 == 2 && !relays.empty()) {
            relays.front().addresses = {{"192.0.2.77", 77}};
            relays.back().operator_name = "another";
            relays.back().name.clear();
        }
        sort(after);
        const auto older = to_text(before), newer = to_text(after);
        const auto made = apply_diff(older, make_diff(older, newer));
        REQUIRE(made);
        CHECK(*made == newer);
        CHECK(apply_diff(newer, make_diff(newer, newer)).value() == newer);
        before = after;
    }
}

TEST_CASE("diff: what is malformed, of another document or not what it says is refused") {
    base::SeededRandom random{3};
    const auto document = test::make_network(1).document;
    const auto older = to_text(document);
    const auto newer = signed_text_of(turned(document, random));
    const auto good = make_diff(older, newer);
    const auto refused = [&](const std::string& diff) {
        const auto made = apply_diff(older, diff);
        REQUIRE_FALSE(made);
        return made.error().reason;
    };
    CHECK(refused("") != "");
    CHECK(refused(good.substr(0, good.size() - 1)).find("line feed") != std::string::npos);
    CHECK(refused(replaced(good, "nightjar-diff 1", "nightjar-diff 2")).find("'2'") !=
          std::string::npos);
    CHECK(refused(replaced(good, "\nset ", "\nput ")).find("out of place") != std::string::npos);
    CHECK(refused(replaced(good, "\nkeep ", "\nkeep 0")).find("shortest") != std::string::npos);
    CHECK(refused(good + "add more\n") == "not what it should give");
    CHECK(refused(good + "keep 1\n") == "beyond the end");
    CHECK(refused(good + "drop 1\n") == "beyond the end");
    CHECK(refused(good + "take 1\n") == "beyond the end");
    CHECK(refused(good + "set x\n") == "beyond the end");
    CHECK(refused(good + "take 9\n").find("between") != std::string::npos);
    const auto made = apply_diff(newer, good);
    REQUIRE_FALSE(made);
    CHECK(made.error().reason == "of another document");
    // Each line left out, and each line twice.
    for (std::size_t at = 0; at < good.size();) {
        const auto end = good.find('\n', at) + 1;
        CHECK_FALSE(apply_diff(older, good.substr(0, at) + good.substr(end)));
        CHECK_FALSE(apply_diff(older, good.substr(0, end) + good.substr(at)));
        at = end;
    }
}

TEST_CASE("diff, faults 40: the result has the bound of a document") {
    std::string older;
    while (older.size() + 512 <= document_text_max)
        older += "a " + std::string(509, 'x') + "\n";
    const auto empty = make_diff(older, "");
    const auto head = empty.substr(0, empty.find("drop"));
    const auto keep = "keep " + std::to_string(std::count(older.begin(), older.end(), '\n')) + "\n";
    const auto whole = apply_diff(older, head + keep + "add " + std::string(509, 'y') + "\n");
    REQUIRE_FALSE(whole);
    CHECK(whole.error().reason == "gives more than a document may have");
}
