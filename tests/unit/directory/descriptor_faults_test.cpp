// Row 39 of the table of faults: what a relay may not say of itself, though all its signatures and
// proofs are good.
#include <doctest/doctest.h>

#include <string>

#include "sphinx/directory/descriptor.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::directory;

namespace {

struct Signer {
    base::SeededRandom random{3};
    test::RelayKeys keys{random};
    std::string lines;

    Signer() {
        auto relay = test::random_relay(random, 1);
        relay.name = "wren";
        relay.addresses = {{"192.0.2.1", 9001}};
        relay.country = "nl";
        relay.optional = {{"version", "1.2.3"}};
        lines = keys.describe(relay, {500'000}, {}, 20'000);
        lines.resize(lines.find("link-proof "));
    }
    /// The lines with `is` in the place of `was`, signed by all four keys.
    base::Result<Descriptor, ParseError> parsed(const std::string& was,
                                                const std::string& is) const {
        auto changed = lines;
        const auto at = changed.find(was);
        REQUIRE(at != changed.npos);
        return parse_descriptor(
            sign_descriptor(changed.replace(at, was.size(), is), keys.secrets()));
    }
    std::string refused(const std::string& was, const std::string& is) const {
        const auto descriptor = parsed(was, is);
        REQUIRE_FALSE(descriptor);
        return descriptor.error().reason;
    }
};

}  // namespace

TEST_CASE("descriptor, faults 39: a relay's own signature makes no bad descriptor good") {
    const Signer relay;
    REQUIRE(relay.parsed("relay.name wren", "relay.name wren"));
    const std::string name = "relay.name wren\n";
    struct Row {
        std::string was, is, reason;
    };
    const Row rows[] = {
        {"name wren", std::string{"name w\0en", 9}, "a NUL"},
        {"name wren", "name w\xe2\x80\xaeren", "a character outside ASCII"},  // turns the text
        {"name wren", "name w\xc3\xa9ren", "a character outside ASCII"},
        {"name wren", "name w\x1b[31mren", "a control character"},
        {"name wren\n", "name wren\r\n", "a carriage return"},
        {"name wren", "name Wren", "not a word"},
        {"name wren", "name " + std::string(33, 'w'), "not a word"},
        {"name wren", "name " + std::string(1100, 'w'), "longer than 1024"},
        {"epoch 500000", "epoch 0500000", "shortest form"},
        {"epoch 500000", "epoch 4294967296", "not between"},
        {"192.0.2.1:9001", "192.0.2.01:9001", ""},
        {"192.0.2.1:9001", "example.org:9001", ""},
        {"192.0.2.1:9001", "192.0.2.1:0", ""},
        {name, name + name, "belongs"},
        {name, name + "relay.motto hello\n", ""},
        {name, "relay.capacity 1000000\n" + name, ""},
        {"capacity 20000\n", "", "'relay' where 'capacity'"},
        {"capacity 20000\n", "capacity 20000\ncapacity 20000\n", "'capacity' where 'relay'"},
        {"capacity 20000", "capacity 0", "not between"},
        {"capacity 20000", "capacity 1000001", "not between"},
        {"capacity 20000", "capacity 020000", "shortest form"},
        {"capacity 20000", "capacity 2e4", ""},
        {"country nl", "country NL", "not two letters"},
        {"country nl", "country nld", "not two letters"},
        {"country nl", "country n", "not two letters"},
        {"country nl", "country n1", "not two letters"},
        {"country nl", "country nl\nrelay.country nl", "belongs"},
        {"relay.layer 1", "relay.layer 4", "not between"},
        {"version 1.2.3\n", "version 1.2.3\nrelay.optional.version 1.2.3\n", "given twice"},
        {"version 1.2.3\n", "version 1.2.3\nrelay.optional.colour red\n", "out of order"},
        {"version 1.2.3\n", "version 1.2.3\noptional.zeal 1\n", "'optional.zeal' where"},
        {"optional.version 1.2.3", "optional.version  1.2.3", "single-spaced"},
        {"optional.version 1.2.3", "optional. 1.2.3", "not a word"},
        {"relay.name wren", "relay.optional.a 1\nrelay.name wren", "'relay.optional.a' where"},
        {"nightjar-descriptor 4", "nightjar-descriptor 9", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.is);
        CHECK(relay.refused(row.was, row.is).find(row.reason) != std::string::npos);
    }
    // Too many bytes, in lines that each may be there.
    std::string many;
    while (many.size() <= descriptor_size_max)
        many += "relay.address 192.0.2.1:9001\n";
    CHECK(relay.refused("relay.address 192.0.2.1:9001\n", many).find("larger than 8192") !=
          std::string::npos);
}
