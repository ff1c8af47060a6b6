#include "sphinx/directory/optional_lines.hpp"

#include <doctest/doctest.h>

#include "sphinx/directory/diff.hpp"
#include "sphinx/directory/lint.hpp"
#include "sphinx/directory/quorum.hpp"
#include "sphinx/directory/signature.hpp"
#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::directory;

namespace {

test::SignedNetwork signed_with(OptionalLines head, OptionalLines relay) {
    auto network = test::make_network(7);
    auto& document = network.document;
    document.optional = std::move(head);
    document.relays.front().optional = std::move(relay);
    document.signatures.clear();
    for (const auto& authority : network.authorities)
        sign(document, authority);
    return network;
}

/// Why a document with these lines does not parse; empty: it does, and says the same.
std::string refusal(const OptionalLines& head, const OptionalLines& relay) {
    auto document = test::make_network(7).document;
    document.optional = head;  // as it stands: to sign would sort
    document.relays.front().optional = relay;
    const auto text = to_text(document);
    const auto parsed = parse(text);
    if (!parsed) return parsed.error().reason;
    CHECK(*parsed == document);
    CHECK(to_text(*parsed) == text);
    return {};
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != text.npos;
}

OptionalLines many(std::size_t count, std::size_t value_size = 1) {
    OptionalLines lines;
    for (std::size_t i = 0; i < count; ++i)
        lines.push_back(
            {std::string{"line-"} + static_cast<char>('a' + i), std::string(value_size, 'x')});
    return lines;
}

}  // namespace

TEST_CASE("optional lines: a later version's are taken in their places, and given on as they are") {
    CHECK(refusal({}, {}).empty());
    CHECK(refusal(many(8), many(4)).empty());
    CHECK(refusal({{"a-very-long-name-of-32-characters", "1"}}, {}) ==
          "an optional line whose name is not a word");
    CHECK(refusal({{"name-of-just-32-characters-right", "a b ~!\"#"}}, {}).empty());
}

TEST_CASE("optional lines, faults 39: each has one form and one place, and all have bounds") {
    struct Row {
        OptionalLines lines;
        const char* reason;
    };
    const Row rows[] = {
        {{{"b", "1"}, {"a", "1"}}, "out of order"},
        {{{"a", "1"}, {"a", "1"}}, "given twice"},
        {{{"a", "1"}, {"a", "2"}}, "given twice"},
        {{{"", "1"}}, "not a word"},
        {{{"A", "1"}}, "not a word"},
        {{{"a.b", "1"}}, "not a word"},
        {{{"a", ""}}, "single-spaced"},
        {{{"a", " 1"}}, "single-spaced"},
        {{{"a", "1 "}}, "single-spaced"},
        {{{"a", "1  2"}}, "single-spaced"},
        {{{"a", "1\t2"}}, "a control character"},
        {{{"a", "1\xc3\xa9"}}, "outside ASCII"},
        {{{"a", "1\nrelay.layer 3"}}, "unknown"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.reason);
        CHECK(has(refusal(row.lines, {}), row.reason));
        CHECK_FALSE(refusal({}, row.lines).empty());
    }
    CHECK(refusal(many(9), {}) == "more than 8 optional lines");
    CHECK(refusal({}, many(5)) == "more than 4 optional lines");
    // "relay.optional.line-a " and a line feed have 23 bytes.
    CHECK(refusal({}, many(1, 256 - 23)).empty());
    CHECK(refusal({}, many(1, 257 - 23)) == "optional lines of more than 256 bytes");
    CHECK(refusal({}, many(2, 128 - 23)).empty());
    CHECK(refusal({}, many(2, 129 - 23)) == "optional lines of more than 256 bytes");
    // "optional.line-a " and a line feed have 17.
    CHECK(refusal(many(2, 512 - 17), {}).empty());
    CHECK(refusal(many(3, 341 - 16), {}) == "optional lines of more than 1024 bytes");
}

TEST_CASE("optional lines: the reason for one without a value stays short") {
    auto document = test::make_network(7).document;
    document.optional = {{"a", "1"}};
    auto text = to_text(document);
    const std::string line = "optional.a 1\n";
    text.replace(text.find(line), line.size(), "optional." + std::string(500, 'a') + "\n");
    const auto parsed = parse(text);
    REQUIRE_FALSE(parsed);
    CHECK(has(parsed.error().reason, "' has no value"));
    CHECK(parsed.error().reason.size() < 128);
}

TEST_CASE("optional lines: the signature covers them, and no rule asks for them") {
    const auto network = signed_with({{"a", "1"}}, {{"version", "2"}});
    const auto& document = network.document;
    const auto verdict = [&](const Document& which) {
        return bool{check(which, network.anchors, which.valid_from, {})};
    };
    CHECK(verdict(document));
    for (const bool of_relay : {false, true}) {
        auto changed = document;
        auto& lines = of_relay ? changed.relays.front().optional : changed.optional;
        lines.front().value = "3";
        CHECK_FALSE(verdict(changed));
        lines.clear();
        CHECK_FALSE(verdict(changed));
    }
    CHECK(lint(document) == lint(signed_with({}, {}).document));
}

TEST_CASE("optional lines: a diff keeps, changes, adds and drops them") {
    const std::vector<OptionalLines> states{
        {}, {{"a", "1"}}, {{"a", "2"}}, {{"a", "1"}, {"b", "1"}}, {{"b", "1"}}};
    for (const auto& was : states)
        for (const auto& is : states) {
            const auto older = to_text(signed_with(was, is).document);
            const auto newer = to_text(signed_with(is, was).document);
            const auto made = apply_diff(older, make_diff(older, newer));
            REQUIRE(made);
            CHECK(*made == newer);
        }
}

TEST_CASE("optional lines: a version that is none is as if it were not there") {
    CHECK(version_in({{"later", "9"}, {"version", "0.1.0"}}) == "0.1.0");
    CHECK(version_in({}).empty());
    CHECK(version_in({{"later", "9"}}).empty());
    for (const auto* odd : {"one two", "V1", "<b>", "0.1.0-0123456789-0123456789-0123456"})
        CHECK(version_in({{"version", odd}}).empty());
}
