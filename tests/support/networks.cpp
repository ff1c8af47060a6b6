#include "tests/support/networks.hpp"

#include <algorithm>
#include <cassert>
#include <string>

#include "sphinx/directory/parameter_fields.hpp"
#include "sphinx/directory/signature.hpp"

namespace nightjar::test {

namespace {

std::string random_text(base::Random& random, std::string_view alphabet, std::size_t size) {
    std::string text;
    while (text.size() < size)
        text += alphabet[static_cast<std::size_t>(random.below(alphabet.size()))];
    return text;
}

std::string random_word(base::Random& random) {
    return random_text(random, "abcdefghijklmnopqrstuvwxyz0123456789-",
                       static_cast<std::size_t>(1 + random.below(32)));
}

directory::Endpoint random_endpoint(base::Random& random) {
    const auto port = static_cast<std::uint16_t>(1 + random.below(65535));
    const auto part = [&random](std::uint64_t below) {
        return std::to_string(random.below(below));
    };
    if (random.below(2) == 0)
        return {part(256) + "." + part(256) + "." + part(256) + "." + part(256), port};
    // Every group has four digits and is not zero, so the text is already canonical.
    std::string host = "2001";
    for (int i = 0; i < 7; ++i)
        host += ":" + std::to_string(1000 + random.below(9000));
    return {host, port};
}

directory::Relay any_relay(base::Random& random) {
    auto relay = random_relay(random, static_cast<std::uint8_t>(random.below(4)));
    relay.addresses.clear();
    for (auto n = 1 + random.below(8); n > 0; --n)
        relay.addresses.push_back(random_endpoint(random));
    std::sort(relay.addresses.begin(), relay.addresses.end());
    relay.addresses.erase(std::unique(relay.addresses.begin(), relay.addresses.end()),
                          relay.addresses.end());
    for (auto* text : {&relay.name, &relay.operator_name, &relay.family}) {
        if (random.below(2) == 0) *text = random_word(random);
    }
    relay.capacity = static_cast<std::uint32_t>(1 + random.below(1'000'000));
    relay.exit_policy.clear();
    if (relay.role == directory::Role::gateway && random.below(2) == 0)
        relay.exit_policy =
            "accept " + random_text(random, "*:0123456789,-/!~", 1 + random.below(99));
    if (random.below(2) == 0) relay.country = random_text(random, "abcdefghijklmnopqrstuvwxyz", 2);
    if (random.below(4) == 0) relay.optional = {{random_word(random), random_word(random)}};
    return relay;
}

}  // namespace

directory::Relay random_relay(base::Random& random, std::uint8_t layer) {
    directory::Relay relay;
    relay.identity = random.id<base::NodeId>();
    relay.link_key = random.id<base::LinkKey>();
    relay.mix_key = random.id<base::MixKey>();
    relay.next_mix_key = random.id<base::MixKey>();
    relay.layer = layer;
    relay.role = layer == 0 ? directory::Role::gateway : directory::Role::mix;
    if (layer == 0) relay.exit_policy = "accept *:80,443";
    return relay;
}

SignedNetwork make_network(std::uint64_t seed, NetworkShape shape) {
    base::SeededRandom random{seed};
    SignedNetwork network;
    auto& document = network.document;
    document.network = "test";
    document.epoch = {500'000};
    document.valid_from = directory::epoch_start(document.epoch, document.parameters.epoch_length);
    document.valid_until = document.valid_from + 2 * document.parameters.epoch_length;
    document.parameters.lab = true;
    document.parameters.session_grid = base::Seconds{1};
    std::uint16_t port = 9000;
    const auto add = [&](std::uint8_t layer, const std::string& name) {
        auto relay = random_relay(random, layer);
        relay.name = name;
        relay.addresses = {{"127.0.0.1", ++port}};
        document.relays.push_back(relay);
        if (layer == 0)
            network.anchors.gateways.push_back(
                {relay.identity, relay.addresses.front(), relay.link_key});
    };
    for (std::uint8_t layer = 1; layer <= shape.layers; ++layer) {
        for (unsigned i = 1; i <= shape.mixes_per_layer; ++i)
            add(layer, "mix-" + std::to_string(layer) + "-" + std::to_string(i));
    }
    for (unsigned i = 1; i <= shape.gateways; ++i)
        add(0, "gateway-" + std::to_string(i));
    // A later version says this: all that takes a document must take it, and do nothing with it.
    document.optional = {{"later-version", "which this one does not know"}};
    document.relays.front().optional = {{"later-version", "2"}, {"version", "99.0.0"}};
    network.anchors.network = document.network;
    for (unsigned i = 0; i < shape.authorities; ++i) {
        base::Secret<32> authority;
        random.fill(authority.span());
        directory::sign(document, authority);
        network.authorities.push_back(std::move(authority));
    }
    for (const auto& signature : document.signatures)
        network.anchors.authorities.push_back(signature.authority);
    return network;
}

directory::Relay& named(directory::Document& document, const std::string& name) {
    const auto found = std::find_if(document.relays.begin(), document.relays.end(),
                                    [&name](const auto& relay) { return relay.name == name; });
    assert(found != document.relays.end());
    return *found;
}

directory::Document random_document(base::Random& random) {
    directory::Document document;
    document.network = random_word(random);
    document.epoch.value = static_cast<std::uint32_t>(random.u64());
    const auto from = static_cast<std::int64_t>(random.below(250'000'000'000));
    document.valid_from = base::Wall{base::Seconds{from}};
    document.valid_until = document.valid_from + base::Seconds{1 + random.below(1'000'000)};
    for (const auto& fact : directory::parameter_fields()) {
        const bool chosen = fact.optional && random.below(2) == 0;
        if (chosen || fact.present(document.parameters))
            fact.set(document.parameters, fact.min + random.below(fact.max - fact.min + 1));
    }
    for (auto n = random.below(4); n > 0; --n)
        document.recommended_versions.push_back(std::to_string(n) + "." +
                                                std::to_string(random.below(100)) + "+rc-1");
    for (auto n = random.below(4); n > 0; --n)
        document.optional.push_back({"line-" + std::to_string(n), random_word(random)});
    for (auto n = random.below(12); n > 0; --n)
        document.relays.push_back(any_relay(random));
    for (auto n = random.below(5); n > 0; --n) {
        directory::Signature signature{random.id<base::NodeId>(), {}};
        random.fill(signature.signature);
        document.signatures.push_back(signature);
    }
    directory::sort(document);
    return document;
}

}  // namespace nightjar::test
