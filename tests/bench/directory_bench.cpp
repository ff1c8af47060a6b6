// What a network document of 100 and of 1,000 relays costs: its bytes, the cells in which a gateway
// hands it to a client, and the time to read it, by way of the whole text and of a diff. Four
// authorities; realistic lines: a name, an operator, two addresses, and at gateways an exit policy.
#include <benchmark/benchmark.h>

#include <stdexcept>

#include "sphinx/base/random.hpp"
#include "sphinx/cell/control.hpp"
#include "sphinx/directory/diff.hpp"
#include "sphinx/directory/gzip.hpp"
#include "sphinx/directory/lint.hpp"
#include "sphinx/directory/packed.hpp"
#include "sphinx/directory/quorum.hpp"
#include "sphinx/node/https/zstd.hpp"
#include "tests/support/networks.hpp"

namespace {

using namespace nightjar;

/// Two documents of epochs that follow each other. Of 1,000 relays 1 leaves and 1 comes, which is
/// 24 a day; so it is with 100.
struct Documents {
    explicit Documents(unsigned relays) {
        const auto mixes_per_layer = relays * 3 / 10;
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
        document.relays.erase(document.relays.begin() + relays / 2);
        auto fresh = test::random_relay(random, 1);
        fresh.addresses = {{"192.0.2.1", 9001}};
        document.relays.push_back(std::move(fresh));
        newer = signed_by_all();
        diff = directory::make_diff(older, newer);
        packed = directory::gzip(newer);
        packed_diff = directory::gzip(diff);
        zstd = node::https::zstd(newer);
        zstd_diff = node::https::zstd(diff);
    }
    std::string signed_by_all() {
        network.document.signatures.clear();
        for (const auto& seed : network.authorities)
            directory::sign(network.document, seed);
        return directory::to_text(network.document);
    }

    test::SignedNetwork network;
    std::string older, newer, diff, packed, packed_diff, zstd, zstd_diff;
};

const Documents& documents(const benchmark::State& state) {
    static const Documents small{100}, large{1000};
    return state.range(0) == 100 ? small : large;
}

/// Cells of a client's downlink.
double cells(const std::string& text) {
    const auto part = cell::document_part_size;
    return static_cast<double>((text.size() + part - 1) / part);
}

void count(benchmark::State& state, const std::string& text, const std::string& packed,
           const std::string& zstd) {
    state.counters["bytes"] = static_cast<double>(text.size());
    state.counters["cells"] = cells(text);
    state.counters["gzip"] = static_cast<double>(packed.size());
    state.counters["gzip_cells"] = cells(packed);
    state.counters["zstd"] = static_cast<double>(zstd.size());
}

void read(const Documents& of, const std::string& text) {
    const auto document = directory::parse(text);
    if (!document) throw std::runtime_error{document.error().reason};
    const auto& anchors = of.network.anchors;
    const auto checked =
        directory::check(*document, anchors, document->valid_from, document->epoch);
    if (!checked) throw std::runtime_error{directory::to_string(checked.error())};
}

void parse_and_verify(benchmark::State& state) {
    const auto& of = documents(state);
    for ([[maybe_unused]] auto _ : state)
        read(of, of.newer);
    count(state, of.newer, of.packed, of.zstd);
}

void apply(benchmark::State& state) {
    const auto& of = documents(state);
    for ([[maybe_unused]] auto _ : state)
        if (directory::apply_diff(of.older, of.diff).value() != of.newer)
            throw std::runtime_error{"another text"};
    count(state, of.diff, of.packed_diff, of.zstd_diff);
}

void unpack(benchmark::State& state) {
    const auto& of = documents(state);
    for ([[maybe_unused]] auto _ : state)
        if (!directory::gunzip(of.packed, directory::document_text_max))
            throw std::runtime_error{"no text"};
}

void unzstd(benchmark::State& state) {
    const auto& of = documents(state);
    for ([[maybe_unused]] auto _ : state)
        if (!node::https::unzstd(of.zstd, directory::document_text_max))
            throw std::runtime_error{"no text"};
}

void make(benchmark::State& state) {
    const auto& of = documents(state);
    for ([[maybe_unused]] auto _ : state)
        if (directory::make_diff(of.older, of.newer).empty()) throw std::runtime_error{"no diff"};
}

void pack(benchmark::State& state) {
    const auto& of = documents(state);
    for ([[maybe_unused]] auto _ : state)
        if (directory::gzip(of.newer).empty()) throw std::runtime_error{"no bytes"};
}

void pack_zstd(benchmark::State& state) {
    const auto& of = documents(state);
    for ([[maybe_unused]] auto _ : state)
        if (node::https::zstd(of.newer).empty()) throw std::runtime_error{"no bytes"};
}

/// A gateway's work for a new document (directory/packed.hpp).
void hand_out(benchmark::State& state) {
    const auto& of = documents(state);
    const auto given = [](const std::string& text) {
        return directory::SignedDocument{
            std::make_shared<const directory::Document>(directory::parse(text).value()),
            std::make_shared<const std::string>(text)};
    };
    const auto older = given(of.older), newer = given(of.newer);
    for ([[maybe_unused]] auto _ : state) {
        state.PauseTiming();
        directory::PackedDocuments packed;
        packed.use(older);
        state.ResumeTiming();
        packed.use(newer);
        if (!directory::is_diff(*packed.answer(older.document->epoch).bytes))
            throw std::runtime_error{"no diff"};
    }
}

#define NIGHTJAR_DIRECTORY_BENCH(function, name) \
    BENCHMARK(function)->Name(name)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond)
NIGHTJAR_DIRECTORY_BENCH(parse_and_verify, "document, parse and verify");
NIGHTJAR_DIRECTORY_BENCH(apply, "diff, apply");
NIGHTJAR_DIRECTORY_BENCH(unpack, "document, gunzip");
NIGHTJAR_DIRECTORY_BENCH(make, "diff, make");
NIGHTJAR_DIRECTORY_BENCH(pack, "document, gzip");
NIGHTJAR_DIRECTORY_BENCH(unzstd, "document, unzstd");
NIGHTJAR_DIRECTORY_BENCH(pack_zstd, "document, zstd");
NIGHTJAR_DIRECTORY_BENCH(hand_out, "gateway, both forms");

}  // namespace

BENCHMARK_MAIN();
