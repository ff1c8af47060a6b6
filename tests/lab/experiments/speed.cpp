// How many packet hops a second the laboratory simulates: what every other experiment's size is
// chosen by. A benchmark: it prints figures and judges none, since a time depends on the machine
// and on what else runs there. So it gives no verdict, counts as no check, and is in no suite.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/world/client_node.hpp"
#include "tests/lab/world/relay_node.hpp"

namespace nightjar::lab::experiments {
namespace {

constexpr double warm_up = 5;  // seconds until sessions are open and stocks full

struct Size {
    unsigned clients;
    unsigned mixes_per_layer;
    unsigned gateways;
    double seconds;  // of virtual time that are measured
};

struct Measured {
    double hops_per_second = 0;
    double virtual_per_second = 0;
};

Measured measure(lab::world::Packets packets, std::uint64_t seed, const Size& size) {
    lab::world::WorldOptions options;
    options.seed = seed;
    options.packets = packets;
    options.mixes_per_layer = size.mixes_per_layer;
    options.gateways = size.gateways;
    // A full filter refuses fresh packets: the network would go quiet. For each client and second a
    // layer gets 100 and the gateways 155: 55 from it, 50 for it, 50 for its exits. A larger one
    // would only lie in no cache.
    const auto each = std::min(size.mixes_per_layer, size.gateways);
    options.replay_packets =
        static_cast<std::uint64_t>((160.0 * size.clients / each + 200) * (size.seconds + warm_up));
    lab::world::World world{options};
    for (unsigned i = 0; i < size.clients; ++i) {
        const auto mailbox = world.fork_random()->id<base::MailboxId>();
        world.add<lab::world::ClientNode>(mailbox, mailbox,
                                          world.gateway(i % size.gateways).identity());
    }
    world.run_for(base::from_seconds(warm_up));
    const auto hops = world.hops();
    // Processor time of this process, so that other processes do not count.
    const auto started = std::clock();
    world.run_for(base::from_seconds(size.seconds));
    const auto took = static_cast<double>(std::clock() - started) / CLOCKS_PER_SEC;
    return {static_cast<double>(world.hops() - hops) / took, size.seconds / took};
}

void show(const Size& size, const Measured& clear, measure::Report& report) {
    const auto relays = 3 * size.mixes_per_layer + size.gateways;
    report.row("speed", "hops",
               {{"clients", size.clients},
                {"relays", relays},
                {"clear_hops_per_s", clear.hops_per_second},
                {"virtual_s_per_s", clear.virtual_per_second}});
    std::printf(
        "figure: speed: %u clients, %u relays: %.0f packet hops a second, %.2g virtual seconds\n",
        size.clients, relays, clear.hops_per_second, clear.virtual_per_second);
}

}  // namespace

void speed(const measure::Options& options, measure::Report& report) {
    std::vector<Size> sizes{{100, 2, 2, 5}};
    if (options.full)
        sizes = {{10, 1, 2, 60}, {100, 2, 2, 20}, {1'000, 10, 10, 5}, {10'000, 75, 75, 1}};
    if (options.clients) {
        const auto mixes = std::clamp(options.clients / 100, 2u, 75u);
        sizes = {{options.clients, mixes, mixes, options.clients > 1'000 ? 1.0 : 5.0}};
    }
    for (const auto& size : sizes)
        show(size, measure(lab::world::Packets::clear, options.seed, size), report);
    const auto real = measure(lab::world::Packets::real, options.seed, {4, 2, 2, 1});
    report.row("speed", "cryptography", {{"real_hops_per_s", real.hops_per_second}});
    std::printf("figure: speed: with cryptography %.0f packet hops a second\n",
                real.hops_per_second);
}

}  // namespace nightjar::lab::experiments
