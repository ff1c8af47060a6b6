// The worked example of docs/directory.md, byte for byte: generated from the seeds on that page,
// and accepted as a client would accept it.
#include <doctest/doctest.h>
#include <sodium.h>

#include <fstream>
#include <iterator>

#include "sphinx/directory/descriptor.hpp"
#include "sphinx/directory/lint.hpp"
#include "sphinx/directory/quorum.hpp"
#include "sphinx/directory/signature.hpp"

using namespace nightjar;
using namespace nightjar::directory;

namespace {

base::Secret<32> seed(std::uint8_t byte) {
    base::Secret<32> value;
    std::fill_n(value.data(), value.size(), byte);
    return value;
}

/// The keys of the page's relay of this number.
struct Keys {
    base::Secret<32> identity, link, mix, next_mix;
    explicit Keys(std::uint8_t number)
        : identity{seed(number)},
          link{seed(static_cast<std::uint8_t>(0x10 + number))},
          mix{seed(static_cast<std::uint8_t>(0x20 + number))},
          next_mix{seed(static_cast<std::uint8_t>(0x30 + number))} {}
};

base::MixKey x25519(const base::Secret<32>& secret) {
    base::MixKey key;
    crypto_scalarmult_base(key.bytes.data(), secret.data());
    return key;
}

Relay example_relay(std::uint8_t number, std::uint8_t layer) {
    const Keys keys{number};
    Relay relay;
    relay.identity = sign_text("", keys.identity).authority;
    relay.role = layer == 0 ? Role::gateway : Role::mix;
    relay.layer = layer;
    relay.addresses = {{"192.0.2." + std::to_string(number), 9001}};
    relay.link_key.bytes = sign_text("", keys.link).authority.bytes;
    relay.mix_key = x25519(keys.mix);
    relay.next_mix_key = x25519(keys.next_mix);
    if (layer == 0) relay.exit_policy = "accept *:80,443";
    return relay;
}

Document example() {
    Document document;
    document.network = "example";
    document.epoch = {500'000};
    document.valid_from = base::Wall{base::Seconds{1'800'000'000}};
    document.valid_until = base::Wall{base::Seconds{1'800'007'200}};
    document.recommended_versions = {"0.1.0"};
    for (const std::uint8_t number : {1, 2, 3}) {
        document.relays.push_back(example_relay(number, number == 1 ? 1 : 0));
        document.relays.back().operator_name = "operator-" + std::to_string(number);
    }
    document.relays[0].name = "wren";
    document.relays[0].optional = {{"version", "0.1.0"}};
    sign(document, seed(9));
    return document;
}

/// The content of the first code block after a heading.
std::string block_behind(const std::string& page, const std::string& heading) {
    const auto from = page.find("```text\n", page.find(heading)) + 8;
    return page.substr(from, page.find("```", from) - from);
}

}  // namespace

TEST_CASE("the worked example of the directory page is what this code makes and takes") {
    std::ifstream stream{NIGHTJAR_SOURCE_DIR "/docs/directory.md", std::ios::binary};
    const std::string page{std::istreambuf_iterator<char>{stream}, {}};
    REQUIRE(page.size() > 1000);

    auto wren = example_relay(1, 1);
    wren.name = "wren";
    wren.optional = {{"version", "0.1.0"}};
    const Keys keys{1};
    CHECK(
        block_behind(page, "## A descriptor") ==
        make_descriptor({{500'000}, base::Wall{base::Seconds{1'799'996'400}}, {0xb1}, wren, 20'000},
                        {keys.identity, keys.link, keys.mix, keys.next_mix}));

    const auto text = block_behind(page, "## A document");
    CHECK(text == to_text(example()));
    const auto document = parse(text);
    REQUIRE(document);
    CHECK(lint(*document).empty());
    const Anchors anchors{"example", {sign_text("", seed(9)).authority}, {}};
    CHECK(check(*document, anchors, document->valid_from, {}));
    CHECK(page.find(base::to_hex(network_id(anchors).bytes)) != page.npos);
}
