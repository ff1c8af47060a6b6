// The worked example of docs/packet-format.md, read from that page.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "sphinx/packet/packet.hpp"
#include "sphinx/packet/payload.hpp"
#include "sphinx/packet/route_keys.hpp"

using namespace nightjar;

namespace {

/// Parses "name = hex" lines; a long value is on the lines below its name.
std::map<std::string, base::Bytes> example() {
    std::ifstream page{NIGHTJAR_FORMAT_PAGE};
    std::string line, name;
    bool inside = false;
    std::map<std::string, std::string> text;
    while (std::getline(page, line)) {
        if (line == "```example") {
            inside = true;
        } else if (line == "```") {
            inside = false;
        } else if (inside) {
            const auto equals = line.find('=');
            if (equals != std::string::npos) name = line.substr(0, equals - 1);
            std::istringstream rest{equals == std::string::npos ? line : line.substr(equals + 1)};
            std::string value;
            rest >> value;
            text[name] += value;
        }
    }
    std::map<std::string, base::Bytes> values;
    for (const auto& [key, value] : text) {
        const auto bytes = base::from_hex(value);
        REQUIRE(bytes);
        values[key] = *bytes;
    }
    return values;
}

template <class SecretType>
SecretType secret(const base::Bytes& bytes) {
    REQUIRE(bytes.size() == SecretType::size());
    return SecretType{std::span<const std::uint8_t, SecretType::size()>{bytes}};
}

}  // namespace

TEST_CASE("the worked example of docs/packet-format.md, byte by byte") {
    auto page = example();
    REQUIRE(page.size() == 28);
    std::vector<packet::Hop> route;
    std::uint64_t delay = 0;
    for (const auto byte : page["delay_0"])
        delay = delay << 8 | byte;
    for (const std::string i : {"0", "1"})
        route.push_back({*base::NodeId::from(page["address_" + i]),
                         *packet::PublicKey::from(page["public_" + i]), i == "0" ? delay : 0});
    packet::HeaderRandomness randomness;
    randomness.initial_secret = secret<packet::SecretKey>(page["initial_secret"]);
    std::copy(page["final_padding"].begin(), page["final_padding"].end(),
              randomness.final_padding.begin());

    const auto keys = packet::derive_keys(route, randomness.initial_secret);
    REQUIRE(keys);
    for (std::size_t i = 0; i < 2; ++i) {
        const auto name = [&](const char* what) { return what + std::to_string(i); };
        const auto& hop = keys->of_hop[i];
        const auto node = secret<packet::SecretKey>(page[name("secret_")]);
        CHECK(packet::public_key_of(node) == route[i].key);
        const auto same = [&](const char* what, base::ByteView value) {
            CHECK(base::to_hex(value) == base::to_hex(page[name(what)]));
        };
        same("cipher_key_", hop.cipher_key.view());
        same("mac_key_", hop.mac_key.view());
        same("payload_seed_", hop.payload_seed.view());
        same("blinding_", hop.blinding.view());
        same("replay_tag_", hop.tag.view());
        const auto expanded =
            packet::expand(secret<packet::SharedSecret>(page[name("shared_secret_")]));
        CHECK(expanded.replay_tag() == hop.replay_tag());
    }
    base::Bytes framed(33);
    packet::write_message(framed, page["message"]);
    CHECK(framed == page["framed_payload"]);

    const auto built =
        packet::build(packet::Version::v260, route, *base::Destination::from(page["destination"]),
                      *base::SurbId::from(page["identifier"]), page["message"], 33, randomness);
    REQUIRE(built);
    CHECK(*built == page["packet"]);
    auto bytes = page["packet"];
    const auto first =
        packet::unwrap(bytes, secret<packet::SecretKey>(page["secret_0"]), bytes.size());
    REQUIRE(first);
    CHECK(bytes == page["next_packet"]);
    CHECK(std::get<packet::Forward>(first->what).delay_ns == delay);
    const auto second =
        packet::unwrap(bytes, secret<packet::SecretKey>(page["secret_1"]), bytes.size());
    REQUIRE(second);
    CHECK(base::Bytes(bytes.begin() + packet::header_size, bytes.end()) == page["opened_payload"]);
}
