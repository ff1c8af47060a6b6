#include "sphinx/directory/document.hpp"

#include <doctest/doctest.h>

#include "sphinx/directory/quorum.hpp"
#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::directory;

namespace {

/// A document with ten relays and every kind of line, each optional one at least once.
std::string sample() {
    auto network = test::make_network(7);
    auto& document = network.document;
    document.recommended_versions = {"0.1.0", "0.2.0"};
    auto& gateway = test::named(document, "gateway-1");
    gateway.operator_name = "alice";
    gateway.family = "birds";
    gateway.addresses.push_back({"2001:db8::1", 9000});
    gateway.optional = {{"a", "1"}, {"b", "2"}};
    document.optional = {{"c", "3"}, {"d", "4"}};
    sign(document, network.authorities[0]);
    return to_text(document);
}

/// Replaces the first occurrence, which must exist.
std::string with(std::string text, std::string_view what, std::string_view by) {
    const auto at = text.find(what);
    REQUIRE_MESSAGE(at != std::string::npos, std::string{what});
    return text.replace(at, what.size(), by);
}

/// The first line with this start, including its line feed.
std::string line_of(const std::string& text, const std::string& start) {
    const auto at = text.find("\n" + start) + 1;
    REQUIRE_MESSAGE(at != 0, start);
    return text.substr(at, text.find('\n', at) - at + 1);
}

std::string without(const std::string& text, const std::string& start) {
    return with(text, line_of(text, start), "");
}

std::string twice(const std::string& text, const std::string& start) {
    const auto line = line_of(text, start);
    return with(text, line, line + line);
}

std::string swapped(const std::string& text, const std::string& first, const std::string& second) {
    const auto a = line_of(text, first), b = line_of(text, second);
    return with(with(with(text, a, "\x01"), b, a), "\x01", b);
}

/// The two blocks of the first two relays.
std::pair<std::string, std::string> two_relays(const std::string& text) {
    const auto first = text.find("\nrelay ") + 1;
    const auto second = text.find("\nrelay ", first) + 1;
    const auto third = text.find("\nrelay ", second) + 1;
    return {text.substr(first, second - first), text.substr(second, third - second)};
}

std::string value_of(const std::string& line) {
    return line.substr(line.find(' ') + 1, line.size() - line.find(' ') - 2);
}

}  // namespace

TEST_CASE("a document's text parses to the same document") {
    const auto text = sample();
    const auto parsed = parse(text);
    REQUIRE_MESSAGE(parsed, parsed.error().reason);
    CHECK(to_text(*parsed) == text);
    CHECK(parsed->relays.size() == 8);
    CHECK(parsed->parameters == Parameters{.lab = true, .session_grid = base::Seconds{1}});
    CHECK(parsed->layers() == 3);
    CHECK(text.starts_with(signed_text(*parsed)));
    CHECK(text.substr(signed_text(*parsed).size()).starts_with("signature "));
}

TEST_CASE("random documents parse to themselves") {
    base::SeededRandom random{1};
    for (int i = 0; i < 2000; ++i) {
        const auto document = test::random_document(random);
        const auto text = to_text(document);
        const auto parsed = parse(text);
        REQUIRE_MESSAGE(parsed, (parsed ? "" : parsed.error().reason + "\n" + text));
        REQUIRE(*parsed == document);
        REQUIRE(to_text(*parsed) == text);
    }
}

TEST_CASE("a document has one encoding, and each way to another one is refused") {
    const auto good = sample();
    const auto [first, second] = two_relays(good);
    const auto link_key = value_of(line_of(first, "relay.link-key"));
    const auto mix_key = value_of(line_of(first, "relay.mix-key"));
    const auto next_key = value_of(line_of(first, "relay.next-mix-key"));
    const auto upper = [](std::string text) {
        for (auto& c : text)
            c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
        return text;
    };
    const std::string zeros(64, '0');
    const auto gateway_name = std::string{"relay.name gateway-1\n"};

    struct Row {
        const char* name;
        std::string text;
        const char* reason;
    };
    const Row rows[] = {
        {"empty", "", "ends before 'nightjar-document'"},
        {"another kind", with(good, "nightjar-document", "nightjar-descriptor"), "where"},
        {"another version", with(good, "document 2", "document 1"), "is '1', not '2'"},
        {"unknown fact", with(good, "epoch ", "colour red\nepoch "), "'colour' where 'epoch'"},
        {"unknown fact at the end", good + "colour red\n", "'colour' is unknown"},
        {"unknown fact of a relay", with(good, "relay.role", "relay.mood bad\nrelay.role"),
         "'relay.mood' where 'relay.role'"},
        {"unknown parameter", with(good, "parameter.down", "parameter.dawn 1\nparameter.down"),
         "'parameter.dawn' where"},
        {"duplicate fact", twice(good, "epoch "), "'epoch' where 'valid-from'"},
        {"duplicate of a relay's", twice(good, "relay.role "), "unknown or out of place"},
        {"duplicate optional", twice(good, "relay.name "), "'relay.name' where"},
        {"missing fact", without(good, "valid-until "), "where 'valid-until'"},
        {"missing parameter", without(good, "parameter.lab "), "where 'parameter.lab'"},
        {"missing role", without(good, "relay.role "), "where 'relay.role'"},
        {"wrong order", swapped(good, "network ", "epoch "), "'epoch' where 'network'"},
        {"parameters out of order", swapped(good, "parameter.down", "parameter.lab"), "where"},
        {"relay's facts out of order", swapped(good, "relay.link-key ", "relay.mix-key "), "where"},
        {"relays out of order", with(good, first + second, second + first), "out of order"},
        {"relay listed twice", with(good, first, first + first), "listed twice"},
        {"versions out of order",
         swapped(good, "recommended-version 0.1.0", "recommended-version 0.2.0"), "out of order"},
        {"version twice", twice(good, "recommended-version "), "given twice"},
        {"version of odd letters", with(good, "0.2.0", "0.2 0"), "not a version"},
        {"address twice", twice(good, "relay.address "), "given twice"},
        {"addresses out of order",
         swapped(good, "relay.address 127.0.0.1:9007", "relay.address [2001:db8::1]:9000"),
         "out of order"},
        {"signature twice", twice(good, "signature "), "given twice"},
        {"signature before the end",
         with(good, "network ", line_of(good, "signature ") + "network "),
         "'signature' where 'network'"},
        {"leading zero", with(good, "epoch 5", "epoch 05"), "shortest form"},
        {"plus sign", with(good, "epoch 5", "epoch +5"), "shortest form"},
        {"negative", with(good, "epoch 5", "epoch -5"), "shortest form"},
        {"hexadecimal number", with(good, "epoch 5", "epoch 0x5"), "shortest form"},
        {"number with a tail", with(good, "epoch 500000", "epoch 500000 "), "shortest form"},
        {"no number", with(good, "epoch 500000", "epoch "), "shortest form"},
        {"too large an epoch", with(good, "epoch 500000", "epoch 4294967296"), "not between"},
        {"a number beyond 64 bits", with(good, "epoch 500000", "epoch 99999999999999999999"),
         "shortest form"},
        {"rate of zero", with(good, "main-slots-per-1000s 50000", "main-slots-per-1000s 0"),
         "not between 1 and"},
        {"lab neither", with(good, "parameter.lab 1", "parameter.lab 2"), "not between 0 and 1"},
        {"ends before it begins", with(good, line_of(good, "valid-until "), "valid-until 5\n"),
         "ends before it begins"},
        {"upper-case hexadecimal", with(good, link_key, upper(link_key)), "lower-case"},
        {"short key", with(good, link_key, link_key.substr(2)), "64 lower-case"},
        {"long key", with(good, link_key, link_key + "00"), "64 lower-case"},
        {"zero identity", with(good, first.substr(6, 64), zeros), "all zeros"},
        {"zero link key", with(good, link_key, zeros), "all zeros"},
        {"zero mix key", with(good, mix_key, zeros), "all zeros"},
        {"link key used twice", with(good, value_of(line_of(second, "relay.link-key")), link_key),
         "link key used twice"},
        {"mix key used twice", with(good, value_of(line_of(second, "relay.mix-key")), mix_key),
         "mix key used twice"},
        {"mix key of another's next epoch",
         with(good, value_of(line_of(second, "relay.mix-key")), next_key), "mix key used twice"},
        {"mix key of two epochs", with(good, next_key, mix_key), "same mix key in two epochs"},
        {"no line feed at the end", good.substr(0, good.size() - 1), "no line feed"},
        {"empty line", with(good, "\nepoch", "\n\nepoch"), "where 'epoch'"},
        {"line feed in front", "\n" + good, "where 'nightjar-document'"},
        {"space in front", with(good, "epoch", " epoch"), "where 'epoch'"},
        {"two spaces", with(good, "epoch ", "epoch  "), "shortest form"},
        {"tab", with(good, "epoch ", "epoch\t"), "a control character"},
        {"carriage return", with(good, "epoch 500000", "epoch 500000\r"), "carriage return"},
        {"NUL", with(good, "epoch 500000", std::string{"epoch 500000\0", 13}), "a NUL"},
        {"NUL in a name", with(good, "gateway-1", std::string{"gateway\0", 8}), "a NUL"},
        {"not ASCII", with(good, "gateway-1", "g\xc3\xa9rard"), "outside ASCII"},
        {"bidirectional text", with(good, "gateway-1", "\xe2\x80\xaexyz"), "outside ASCII"},
        {"delete character", with(good, "gateway-1", "gateway\x7f"), "a control character"},
        {"too long a line", with(good, gateway_name, "relay.name " + std::string(1100, 'a') + "\n"),
         "longer than 1024"},
        {"too long a name", with(good, gateway_name, "relay.name " + std::string(33, 'a') + "\n"),
         "not a word"},
        {"empty name", with(good, gateway_name, "relay.name \n"), "not a word"},
        {"upper-case name", with(good, gateway_name, "relay.name Gate\n"), "not a word"},
        {"network's name", with(good, "network test", "network te/st"), "not a word"},
        {"unknown role", with(good, "relay.role mix", "relay.role guard"), "an unknown role"},
        {"layer for a gateway",
         with(good, line_of(good.substr(good.find(gateway_name) - 200), "relay.link-key"),
              "relay.layer 1\n" +
                  line_of(good.substr(good.find(gateway_name) - 200), "relay.link-key")),
         "a gateway with a layer"},
        {"mix without a layer", without(good, "relay.layer "), "a mix without a layer"},
        {"layer four", with(good, "relay.layer 3", "relay.layer 4"), "not between 1 and 3"},
        {"layer zero", with(good, "relay.layer 3", "relay.layer 0"), "not between 1 and 3"},
        {"mix that exits",
         with(good, "relay.layer 3", "relay.exit-policy accept *:*\nrelay.layer 3"),
         "a mix with an exit policy"},
        {"relay without an address", without(good, "relay.address 127.0.0.1:9001"),
         "where 'relay.address'"},
        {"name for an address", with(good, "127.0.0.1:9001", "localhost:9001"), "not a literal"},
        {"port zero", with(good, "127.0.0.1:9001", "127.0.0.1:0"), "not a literal"},
        {"port with a zero", with(good, "127.0.0.1:9001", "127.0.0.1:09001"), "not a literal"},
        {"port too large", with(good, "127.0.0.1:9001", "127.0.0.1:65536"), "not a literal"},
        {"octal address", with(good, "127.0.0.1:9001", "127.0.0.01:9001"), "not a literal"},
        {"IPv6 in long form", with(good, "[2001:db8::1]", "[2001:db8:0::1]"), "not a literal"},
        {"IPv6 in upper case", with(good, "[2001:db8::1]", "[2001:DB8::1]"), "not a literal"},
        {"IPv6 with a zone", with(good, "[2001:db8::1]", "[fe80::1%eth0]"), "not a literal"},
        {"IPv4 in IPv6", with(good, "[2001:db8::1]", "[::ffff:1.2.3.4]"), "not a literal"},
        {"capacity zero", with(good, "relay.capacity 1", "relay.capacity 0"), "not between"},
        {"exit policy with two spaces", with(good, "accept *:80", "accept  *:80"), "single-spaced"},
        {"empty exit policy", with(good, "accept *:80,443", ""), "single-spaced"},
        {"short signature", good.substr(0, good.size() - 3) + "\n", "128 lower-case"},
        {"signature without a key", with(good, line_of(good, "signature "), "signature \n"),
         "64 lower-case"},
        {"signature with a third part", good.substr(0, good.size() - 1) + " 00\n", "128 lower"},
        {"too large", good + std::string(1024 * 1024, 'a'), "larger than 1048576"},
    };
    for (const auto& row : rows) {
        INFO(std::string{row.name});
        const auto parsed = parse(row.text);
        CHECK_FALSE(parsed);
        if (parsed) continue;
        CHECK_MESSAGE(parsed.error().reason.find(row.reason) != std::string::npos,
                      parsed.error().reason);
    }
}

TEST_CASE("an error names its line") {
    const auto good = sample();
    CHECK(parse(with(good, "epoch 5", "epoch 05")).error().line == 3);
    CHECK(parse(with(good, "network test", "network test\r")).error().line == 2);
    CHECK(parse(twice(good, "epoch ")).error().line == 4);
    CHECK(parse("nightjar-document 2\n").error().line == 1);
    CHECK(parse(with(good, "epoch 500000\n", "epoch 500000\n" + std::string(2000, 'x') + "\n"))
              .error()
              .line == 4);
}

TEST_CASE("a document that was cut anywhere is refused or has lost a signature") {
    const auto good = sample();
    const auto whole = *parse(good);
    for (std::size_t size = 0; size < good.size(); ++size) {
        const auto parsed = parse(std::string_view{good}.substr(0, size));
        if (parsed) REQUIRE(*parsed != whole);
        if (parsed) REQUIRE(parsed->signatures.size() < whole.signatures.size());
    }
}

TEST_CASE("no change of one byte leaves a document valid") {
    auto network = test::make_network(11, {.authorities = 2});
    const auto good = to_text(network.document);
    const auto now = network.document.valid_from;
    REQUIRE(check(*parse(good), network.anchors, now, {}));
    base::SeededRandom random{3};
    std::size_t parsed_count = 0;
    auto text = good;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto old = text[at];
        text[at] = static_cast<char>(old ^ static_cast<char>(1 + random.below(255)));
        const auto parsed = parse(text);
        if (parsed) {
            ++parsed_count;
            REQUIRE_FALSE(check(*parsed, network.anchors, now, {}));
        }
        text[at] = old;
    }
    // Most changes of a digit still parse. Only the signatures reject them.
    CHECK(parsed_count > 0);
    CHECK(parsed_count < good.size());
}

TEST_CASE("relays are found by identity and by link key, mix keys by epoch") {
    const auto network = test::make_network(5);
    const auto& document = network.document;
    for (const auto& relay : document.relays) {
        CHECK(document.find(relay.identity) == &relay);
        CHECK(document.find_by_link_key(relay.link_key) == &relay);
        CHECK(document.mix_key(relay, document.epoch) == &relay.mix_key);
        CHECK(document.mix_key(relay, document.epoch.next()) == &relay.next_mix_key);
        CHECK(document.mix_key(relay, document.epoch.next().next()) == nullptr);
        CHECK(document.mix_key(relay, {document.epoch.value - 1}) == nullptr);
    }
    base::SeededRandom random{1};
    CHECK(document.find(random.id<base::NodeId>()) == nullptr);
    CHECK(document.find_by_link_key(random.id<base::LinkKey>()) == nullptr);
    CHECK(test::make_network(5, {.layers = 1}).document.layers() == 1);
    CHECK(Document{}.layers() == 0);
}

TEST_CASE("a document has a line for the room of exits' levels, unless they have none") {
    const auto text_with = [](std::uint32_t room) {
        auto document = test::make_network(1).document;
        document.parameters.exit_room = room;
        return to_text(document);
    };
    const std::string line = "parameter.exit-room-per-1000 1000\n";
    CHECK(text_with(0).find("exit-room") == std::string::npos);
    CHECK(text_with(1000).find("parameter.epoch-length-s 3600\n" + line +
                               "parameter.fixed-hops 1\n") != std::string::npos);
    for (const std::uint32_t room : {0u, 1u, 1000u, 4000u}) {
        const auto parsed = parse(text_with(room));
        REQUIRE(parsed);
        CHECK(parsed->parameters.exit_room == room);
    }
    const auto refused = [&](const std::string& by) {
        const auto parsed = parse(with(text_with(1000), line, by));
        return parsed ? std::string{"none"} : parsed.error().reason;
    };
    // One spelling of no levels, and the line in its place only.
    CHECK(refused("parameter.exit-room-per-1000 0\n") == "not between 1 and 4000");
    CHECK(refused("parameter.exit-room-per-1000 4001\n") == "not between 1 and 4000");
    CHECK(refused(line + line).find("'parameter.exit-room-per-1000' where") == 0);
    CHECK(refused("parameter.fixed-hops 1\n" + line).find("where") != std::string::npos);
    CHECK(refused("") == "none");
}
