// How many packet hops a second the laboratory simulates: what every other experiment's size is
// chosen by.
#include <cstdio>
#include <ctime>
#include <string>

#include "tests/privacy/experiment.hpp"
#include "tests/simulation/client_node.hpp"
#include "tests/simulation/relay_node.hpp"

namespace nightjar::privacy {
namespace {

struct Measured {
    double hops_per_second = 0;
    double virtual_per_second = 0;
};

Measured measure(simulation::Packets packets, std::uint64_t seed, unsigned clients,
                 base::Seconds time) {
    simulation::WorldOptions options;
    options.seed = seed;
    options.packets = packets;
    simulation::World world{options};
    for (unsigned i = 0; i < clients; ++i) {
        const auto mailbox = world.fork_random()->id<base::MailboxId>();
        world.add<simulation::ClientNode>(mailbox, mailbox, world.gateway(i % 2).identity());
    }
    world.run_for(base::Seconds{5});  // sessions open, stocks are full
    const auto hops = world.hops();
    // The process's own time: whoever else uses the machine does not count.
    const auto started = std::clock();
    world.run_for(time);
    const auto took = static_cast<double>(std::clock() - started) / CLOCKS_PER_SEC;
    return {static_cast<double>(world.hops() - hops) / took,
            static_cast<double>(time.count()) / took};
}

}  // namespace

void speed(const Options& options, Report& report) {
    const auto clients = options.or_else(options.clients, 100u, 1000u);
    const base::Seconds time{options.full ? 20 : 5};
    const auto clear = measure(simulation::Packets::clear, options.seed, clients, time);
    const auto real = measure(simulation::Packets::real, options.seed, 4, base::Seconds{1});
    report.row("speed", "hops",
               {{"clients", clients},
                {"clear_hops_per_s", clear.hops_per_second},
                {"virtual_s_per_s", clear.virtual_per_second},
                {"real_hops_per_s", real.hops_per_second}});
    std::printf("speed: %.0f hops a second in clear, %.0f with cryptography\n",
                clear.hops_per_second, real.hops_per_second);
}

}  // namespace nightjar::privacy
