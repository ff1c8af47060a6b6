#include "sphinx/directory/descriptor.hpp"

#include <doctest/doctest.h>
#include <sodium.h>

#include <stdexcept>

#include "sphinx/directory/country.hpp"
#include "sphinx/directory/relay_fields.hpp"
#include "sphinx/directory/signature.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::directory;

namespace {

const base::Wall made{base::Seconds{1'800'000'000}};

struct Described {
    base::SeededRandom random;
    test::RelayKeys keys;
    Relay relay;

    explicit Described(std::uint8_t layer) : random{layer + 1u}, keys{random} {
        relay = test::random_relay(random, layer);
        keys.name_in(relay);
        relay.name = "wren";
        relay.addresses = {{"127.0.0.1", 9001}, {"2001:db8::1", 9001}};
    }
    std::string text() const {
        return make_descriptor({{500'000}, made, test::build, relay, 20'000}, keys.secrets());
    }
    /// What the proofs and the signature cover.
    std::string lines() const {
        auto lines = text();
        lines.resize(lines.find("link-proof "));
        return lines;
    }
    /// Why a descriptor is refused that `others` have signed.
    std::string refused(const test::RelayKeys& others) const {
        const auto parsed = parse_descriptor(sign_descriptor(lines(), others.secrets()));
        REQUIRE_FALSE(parsed);
        return parsed.error().reason;
    }
};

}  // namespace

TEST_CASE("a descriptor says what its relay is, signed by the relay") {
    for (const std::uint8_t layer : {0, 1, 3}) {
        const Described described{layer};
        const auto parsed = parse_descriptor(described.text());
        REQUIRE(parsed);
        CHECK(parsed->relay == described.relay);
        CHECK(parsed->epoch == base::Epoch{500'000});
        CHECK(parsed->made == made);
        CHECK(parsed->build == test::build);
        CHECK(parsed->capacity == 20'000);
    }
}

TEST_CASE("a descriptor names one build, in one way") {
    const Described wren{1};
    const auto line = "build " + base::to_hex(test::build) + "\n";
    const auto with = [&wren, &line](const std::string& other) {
        auto text = wren.lines();
        text.replace(text.find(line), line.size(), other);
        return sign_descriptor(text, wren.keys.secrets());
    };
    REQUIRE(parse_descriptor(with(line)));
    struct Row {
        const char* name;
        std::string line;
        const char* reason;
    };
    const std::string digits(62, '0');
    const Row rows[] = {
        {"missing", "", "'capacity' where 'build'"},
        {"twice", line + line, "'build' where 'capacity'"},
        {"empty", "build \n", "hexadecimal"},
        {"zeros", "build 00" + digits + "\n", "all zeros"},
        {"short", "build b1" + digits.substr(2) + "\n", "hexadecimal"},
        {"long", "build b1" + digits + "00\n", "hexadecimal"},
        {"upper case", "build B1" + digits + "\n", "hexadecimal"},
        {"a version", "build 0.1.0\n", "hexadecimal"},
    };
    for (const auto& row : rows) {
        INFO(std::string{row.name});
        const auto parsed = parse_descriptor(with(row.line));
        REQUIRE_FALSE(parsed);
        CHECK_MESSAGE(parsed.error().reason.find(row.reason) != std::string::npos,
                      parsed.error().reason);
    }
    CHECK_THROWS_WITH_AS(
        make_descriptor({{500'000}, made, BuildHash{}, wren.relay}, wren.keys.secrets()),
        "a descriptor names the build of its relay's program", std::invalid_argument);
}

TEST_CASE("a descriptor's capacity and country: what no text could say is refused") {
    const Described wren{1};
    const auto make = [&wren](std::uint32_t capacity, const std::string& country) {
        auto relay = wren.relay;
        relay.country = country;
        return make_descriptor({{500'000}, made, test::build, relay, capacity},
                               wren.keys.secrets());
    };
    for (const std::uint32_t good : {1u, capacity_max})
        CHECK(parse_descriptor(make(good, "")).value().capacity == good);
    for (const std::uint32_t bad : {0u, capacity_max + 1})
        CHECK_THROWS_WITH_AS(make(bad, ""),
                             "a descriptor's capacity is 1 to 1000000 packets a second",
                             std::invalid_argument);
    // Two letters that nothing is assigned to: a newer list of codes may have them.
    CHECK(parse_descriptor(make(1, "xx")).value().relay.country == "xx");
    for (const auto* bad : {"x", "xxx", "NL", "n1", "\n\n"})
        CHECK_THROWS_AS(make(1, bad), std::invalid_argument);
}

TEST_CASE("countries: the codes of ISO 3166-1, in lower case") {
    std::size_t count = 0;
    for (char a = 'a'; a <= 'z'; ++a)
        for (char b = 'a'; b <= 'z'; ++b)
            if (is_country(std::string{a, b})) ++count;
    CHECK(count == 249);
    for (const auto* good : {"ad", "de", "gb", "no", "us", "zw"})
        CHECK(is_country(good));
    // "da" and "bb|af" are pairs of letters that overlap two codes of the list.
    for (const auto* bad :
         {"", "d", "deu", "DE", "De", "uk", "eu", "xx", "zz", "da", "d ", "\xc3\xa4"})
        CHECK_FALSE(is_country(bad));
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
}

TEST_CASE("a descriptor proves that its relay holds each key that it names") {
    const Described wren{1};
    Described thief{2};
    const auto try_keys = [&](base::Secret<32> test::RelayKeys::*key) {
        const auto others = wren.keys.secrets();
        test::RelayKeys mixed{thief.random};
        for (const auto& [to, from] :
             {std::pair{&mixed.identity, &others.identity_seed},
              std::pair{&mixed.link, &others.link_seed}, std::pair{&mixed.mix, &others.mix_secret},
              std::pair{&mixed.next_mix, &others.next_mix_secret}})
            *to = from->copy();
        CHECK(parse_descriptor(sign_descriptor(wren.lines(), mixed.secrets())));
        thief.random.fill((mixed.*key).span());
        return wren.refused(mixed);
    };
    CHECK(try_keys(&test::RelayKeys::identity) == "the signature is not the relay's");
    CHECK(try_keys(&test::RelayKeys::link) ==
          "the relay does not prove that it holds its link key");
    const auto* mix_keys = "the relay does not prove that it holds its mix keys";
    CHECK(try_keys(&test::RelayKeys::mix) == mix_keys);
    CHECK(try_keys(&test::RelayKeys::next_mix) == mix_keys);
    CHECK_THROWS_WITH_AS(
        make_descriptor({{1}, made, test::build, wren.relay}, thief.keys.secrets()),
        "a key is another relay's: the signature is not the relay's", std::invalid_argument);
}

TEST_CASE("another relay's proofs prove nothing in a text of one's own") {
    const Described wren{1};
    Described thief{2};
    auto text = thief.lines();
    const auto own = base::to_hex(thief.relay.mix_key.bytes);
    text.replace(text.find(own), own.size(), base::to_hex(wren.relay.mix_key.bytes));
    text = sign_descriptor(text, thief.keys.secrets());
    const auto line = [](const std::string& of) {
        const auto from = of.find("\nmix-proof ") + 1;
        return std::pair{from, of.find('\n', from) - from};
    };
    const auto theirs = wren.text();
    const auto [from, size] = line(theirs);
    text.replace(line(text).first, size, theirs.substr(from, size));
    text.resize(text.find("\nsignature ") + 1);
    text += "signature " + base::to_hex(sign_text(text, thief.keys.identity).signature) + "\n";
    const auto parsed = parse_descriptor(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().reason == "the relay does not prove that it holds its mix keys");
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
