#include "sphinx/directory/descriptor.hpp"

#include <doctest/doctest.h>
#include <sodium.h>

#include <stdexcept>

#include "sphinx/directory/signature.hpp"
#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::directory;

namespace {

struct Described {
    base::Secret<32> seed;
    Relay relay;

    explicit Described(std::uint8_t layer) {
        base::SeededRandom random{layer + 1u};
        random.fill(seed.span());
        relay = test::random_relay(random, layer);
        relay.identity = sign_text("", seed).authority;
        relay.name = "wren";
        relay.addresses = {{"127.0.0.1", 9001}, {"2001:db8::1", 9001}};
    }
    std::string text() const { return make_descriptor(relay, {500'000}, seed); }
};

}  // namespace

TEST_CASE("a descriptor says what its relay is, signed by the relay") {
    for (const std::uint8_t layer : {0, 1, 3}) {
        const Described described{layer};
        const auto parsed = parse_descriptor(described.text());
        REQUIRE(parsed);
        CHECK(parsed->relay == described.relay);
        CHECK(parsed->epoch == base::Epoch{500'000});
    }
}

TEST_CASE("what the authority says about a relay is not part of its descriptor") {
    Described described{0};
    described.relay.operator_name = "alice";
    described.relay.family = "birds";
    described.relay.capacity = 7;
    const auto parsed = parse_descriptor(described.text());
    REQUIRE(parsed);
    CHECK(parsed->relay.operator_name.empty());
    CHECK(parsed->relay.family.empty());
    CHECK(parsed->relay.capacity == 1);
    const auto text = described.text();
    for (const auto* fact : {"relay.operator x\n", "relay.family x\n", "relay.capacity 1\n"}) {
        auto with = text;
        with.insert(with.find("relay.link-key"), fact);
        CHECK_FALSE(parse_descriptor(with));
    }
}

TEST_CASE("no change of one byte leaves a descriptor valid") {
    const Described described{2};
    const auto good = described.text();
    base::SeededRandom random{9};
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (int i = 0; i < 3; ++i) {
            auto text = good;
            text[at] = static_cast<char>(text[at] ^ static_cast<char>(1 + random.below(255)));
            REQUIRE_FALSE(parse_descriptor(text));
        }
        REQUIRE_FALSE(parse_descriptor(std::string_view{good}.substr(0, at)));
    }
    CHECK_FALSE(parse_descriptor(good + "\n"));
    CHECK_FALSE(parse_descriptor(good + std::string(descriptor_size_max, 'a')));
}

TEST_CASE("a descriptor signed by another key is refused") {
    const Described described{1};
    auto text = described.text();
    text.resize(text.find("signature "));
    base::Secret<32> other;
    other.data()[0] = 1;
    const auto forged = text + "signature " + base::to_hex(sign_text(text, other).signature) + "\n";
    const auto parsed = parse_descriptor(forged);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().reason == "the signature is not the relay's");
    CHECK_THROWS_WITH_AS(make_descriptor(described.relay, {1}, other),
                         "the identity key is another relay's", std::invalid_argument);
}

TEST_CASE("a relay that could not be listed gets no descriptor") {
    struct Row {
        const char* name;
        void (*spoil)(Relay&);
        const char* reason;
    };
    const Row rows[] = {
        {"no address", [](Relay& r) { r.addresses.clear(); }, "where 'relay.address'"},
        {"port zero",
         [](Relay& r) {
             r.addresses = {{"127.0.0.1", 0}};
         },
         "not a literal"},
        {"host name",
         [](Relay& r) {
             r.addresses = {{"localhost", 1}};
         },
         "not a literal"},
        {"unsorted", [](Relay& r) { std::swap(r.addresses[0], r.addresses[1]); }, "out of order"},
        {"zero link key", [](Relay& r) { r.link_key = {}; }, "all zeros"},
        {"one mix key", [](Relay& r) { r.next_mix_key = r.mix_key; }, "same mix key"},
        {"odd name", [](Relay& r) { r.name = "a b"; }, "not a word"},
        {"line feed in the name", [](Relay& r) { r.name = "a\nrelay.role mix"; }, "where"},
        {"layer zero", [](Relay& r) { r.layer = 0; }, "a mix without a layer"},
        {"layer four", [](Relay& r) { r.layer = 4; }, "not between"},
        {"exit", [](Relay& r) { r.exit_policy = "accept *:*"; }, "a mix with an exit policy"},
    };
    for (const auto& row : rows) {
        INFO(std::string{row.name});
        Described described{1};
        row.spoil(described.relay);
        try {
            described.text();
            FAIL_CHECK("it was made");
        } catch (const std::invalid_argument& error) {
            const std::string what = error.what();
            CHECK_MESSAGE(what.find(row.reason) != std::string::npos, what);
        }
    }
}
