// What a network document of 1,000 relays costs: its bytes, and the time to read it, by way of the
// whole text and of a diff. Four authorities; realistic lines: a name, an operator, two addresses,
// and at gateways an exit policy.
#include <benchmark/benchmark.h>

#include <stdexcept>

#include "sphinx/base/random.hpp"
#include "sphinx/directory/diff.hpp"
#include "sphinx/directory/lint.hpp"
#include "sphinx/directory/quorum.hpp"
#include "sphinx/node/https/gzip.hpp"
#include "tests/support/networks.hpp"

namespace {

using namespace nightjar;

constexpr unsigned relays = 1000, mixes_per_layer = 300;

/// Two documents of epochs that follow each other. Of 1,000 relays 1 leaves and 1 comes, which is
/// 24 a day.
struct Documents {
    Documents() {
        network = test::make_network(1, {.mixes_per_layer = mixes_per_layer,
                                         .gateways = relays - 3 * mixes_per_layer,
                                         .authorities = 4});
        auto& document = network.document;
        for (std::size_t i = 0; i < document.relays.size(); ++i) {
            auto& relay = document.relays[i];
            relay.operator_name = "operator-" + std::to_string(i);
            const auto host = std::to_string(1 + i / 250) + "." + std::to_string(1 + i % 250);
            relay.addresses = {{"198.51." + host, 9001},
                               {"2001:db8::" + std::to_string(i + 1), 9001}};
            if (!relay.exit_policy.empty()) relay.exit_policy = "accept *:80,443";
        }
        older = signed_by_all();
        base::SeededRandom random{2};
        document.epoch = document.epoch.next();
        document.valid_from += document.parameters.epoch_length;
        document.valid_until += document.parameters.epoch_length;
        for (auto& relay : document.relays) {
            relay.mix_key = relay.next_mix_key;
            relay.next_mix_key = random.id<base::MixKey>();
        }
        document.relays.erase(document.relays.begin() + 500);
        auto fresh = test::random_relay(random, 1);
        fresh.addresses = {{"192.0.2.1", 9001}};
        document.relays.push_back(std::move(fresh));
        newer = signed_by_all();
        diff = directory::make_diff(older, newer);
        packed = node::https::gzip(newer);
        packed_diff = node::https::gzip(diff);
    }
    std::string signed_by_all() {
        network.document.signatures.clear();
        for (const auto& seed : network.authorities)
            directory::sign(network.document, seed);
        return directory::to_text(network.document);
    }

    test::SignedNetwork network;
    std::string older, newer, diff, packed, packed_diff;
};

const Documents& documents() {
    static const Documents made;
    return made;
}

void read(const std::string& text) {
    const auto document = directory::parse(text);
    if (!document) throw std::runtime_error{document.error().reason};
    const auto& anchors = documents().network.anchors;
    const auto checked =
        directory::check(*document, anchors, document->valid_from, document->epoch);
    if (!checked) throw std::runtime_error{directory::to_string(checked.error())};
}

void parse_and_verify(benchmark::State& state) {
    for ([[maybe_unused]] auto _ : state)
        read(documents().newer);
    state.counters["bytes"] = static_cast<double>(documents().newer.size());
    state.counters["gzip"] = static_cast<double>(documents().packed.size());
}

void apply(benchmark::State& state) {
    for ([[maybe_unused]] auto _ : state)
        if (directory::apply_diff(documents().older, documents().diff).value() != documents().newer)
            throw std::runtime_error{"another text"};
    state.counters["bytes"] = static_cast<double>(documents().diff.size());
    state.counters["gzip"] = static_cast<double>(documents().packed_diff.size());
}

void unpack(benchmark::State& state) {
    for ([[maybe_unused]] auto _ : state)
        if (!node::https::gunzip(documents().packed, directory::document_text_max))
            throw std::runtime_error{"no text"};
}

void make(benchmark::State& state) {
    for ([[maybe_unused]] auto _ : state)
        if (directory::make_diff(documents().older, documents().newer).empty())
            throw std::runtime_error{"no diff"};
}

void pack(benchmark::State& state) {
    for ([[maybe_unused]] auto _ : state)
        if (node::https::gzip(documents().newer).empty()) throw std::runtime_error{"no bytes"};
}

BENCHMARK(parse_and_verify)->Name("document, parse and verify")->Unit(benchmark::kMillisecond);
BENCHMARK(apply)->Name("diff, apply")->Unit(benchmark::kMillisecond);
BENCHMARK(unpack)->Name("document, gunzip")->Unit(benchmark::kMillisecond);
BENCHMARK(make)->Name("diff, make")->Unit(benchmark::kMillisecond);
BENCHMARK(pack)->Name("document, gzip")->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
