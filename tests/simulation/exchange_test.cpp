// Two clients exchange their exits. What each client's link carries must not change. All replies
// must leave at the same moments as before, those of the two clients at the other exit. Exits with
// levels send one number of packets at each moment, before and after.
//
// Inside the network the draws are other ones: an exit delays each packet that it gets by a random
// time of its own. So it now and then tells its client of another stock of SURBs, and the client's
// later draws of routes and delays differ.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/lab/world/clear_packet.hpp"
#include "tests/lab/world/client_node.hpp"
#include "tests/lab/world/relay_node.hpp"
#include "tests/lab/world/world.hpp"
#include "tests/simulation/short_run.hpp"

using namespace nightjar;
using namespace nightjar::lab::world;
using namespace std::chrono_literals;

namespace {

using Times = std::vector<base::Mono>;

constexpr unsigned clients = 3;
constexpr auto lifetime = 30s;

/// All that an observer of all links sees, and the truth about replies.
struct Seen {
    std::size_t relays = 0;
    std::map<std::pair<std::size_t, std::size_t>, Times> links;
    /// By client: each reply's time and the exit that sent it.
    std::vector<std::vector<std::pair<base::Mono, std::size_t>>> replies{clients};
    /// By exit: the cells that it sends for its sessions and as cover, by time.
    std::map<std::size_t, std::map<base::Mono, unsigned>> sent;
};

/// Gateways 0 and 1 have the clients, and are of one operator. So the exits of all clients are
/// gateways 2 and 3. The first two clients keep them in one order, or in the other.
Seen observe(std::uint64_t seed, base::Seconds length, bool exchanged) {
    WorldOptions options;
    options.seed = seed;
    options.packets = Packets::clear;
    options.gateways = 4;
    options.replay_packets = 1'000'000;
    options.parameters.session_lifetime = lifetime;
    options.parameters.exit_room = 1000;
    World world{options};
    const auto first_gateway = std::size_t{options.layers} * options.mixes_per_layer;
    const auto relays = world.relays().size();
    std::map<base::Destination, unsigned> mailboxes;
    for (unsigned i = 0; i < clients; ++i) {
        base::MailboxId mailbox;
        mailbox.bytes.fill(static_cast<std::uint8_t>(i + 1));
        mailboxes[*base::Destination::from(mailbox.bytes)] = i;
        auto& client = world.add<ClientNode>(
            mailbox, mailbox, world.gateway(i % 2).identity(),
            ClientLife{.connects = World::begin + base::Milliseconds{100 + 370 * i}});
        if (i >= 2) continue;
        const bool other_order = (i == 1) != exchanged;
        client::core::GuardState guards;
        for (const std::size_t exit : {other_order ? 3u : 2u, other_order ? 2u : 3u})
            guards.exits.kept.push_back(
                {world.gateway(exit).identity(), options.start + base::Seconds{50 * 86'400}});
        client.core().restore_guards(guards, options.start);
    }
    Seen seen;
    seen.relays = relays;
    world.wire = [&](const OnWire& cell) {
        seen.links[{cell.from_number, cell.to_number}].push_back(cell.sent);
        if (cell.from_number < first_gateway || cell.from_number >= relays ||
            cell.to_number >= relays)
            return;
        const auto header = read_clear(cell.cell.body());
        if (header.at > 0) return;  // a client of this gateway sent it
        ++seen.sent[cell.from_number][cell.sent];
        const auto client = mailboxes.find(header.destination);
        if (client != mailboxes.end())
            seen.replies[client->second].emplace_back(cell.sent, cell.from_number);
    };
    world.run_for(length);
    return seen;
}

/// Of the cells of either list, the share that the other one has at the same time.
double equal(const Times& a, const Times& b) {
    Times both;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
    return static_cast<double>(both.size()) / static_cast<double>(std::max(a.size(), b.size()));
}

/// How much differs inside the network.
void print_shares(const Seen& plain, const Seen& exchanged) {
    const std::size_t gateways = plain.relays - 4, exits = plain.relays - 2;
    const auto place = [&](std::size_t node) {
        return node >= plain.relays ? "client"
               : node >= exits      ? "exit"
               : node >= gateways   ? "gateway"
                                    : "mix";
    };
    struct Sum {
        double cells = 0, others = 0, equal = 0;
    };
    std::map<std::string, Sum> sums;
    for (const auto& [link, times] : plain.links) {
        auto& sum = sums[std::string{place(link.first)} + " to " + place(link.second)];
        const auto& other = exchanged.links.at(link);
        sum.cells += static_cast<double>(times.size());
        sum.others += static_cast<double>(other.size());
        sum.equal +=
            equal(times, other) * static_cast<double>(std::max(times.size(), other.size()));
    }
    for (const auto& [name, sum] : sums)
        std::printf("%s: %.0f and %.0f cells, %.1f %% at the same times\n", name.c_str(), sum.cells,
                    sum.others, 100 * sum.equal / std::max(sum.cells, sum.others));
}

/// The share of the moments at which clients get replies, at which an exit sends as many packets as
/// at the moment before.
double steady(const std::map<base::Mono, unsigned>& sent, const std::set<base::Mono>& moments) {
    std::size_t same = 0;
    std::optional<unsigned> last;
    for (const auto moment : moments) {
        const auto found = sent.find(moment);
        const auto count = found == sent.end() ? 0 : found->second;
        same += count == last;
        last = count;
    }
    return static_cast<double>(same) / static_cast<double>(moments.size());
}

}  // namespace

TEST_CASE("two clients exchange their exits: their links carry the same, and exits' totals do") {
    struct Case {
        std::uint64_t seed;
        base::Seconds length;
    };
    // In the first, the exits differ from the start on. In the second, one of the two changes its
    // exit later, so one client has sessions at both exits and the other one does not.
    std::vector<Case> cases{{10, 60s}};
    if (!test::short_run()) cases.push_back({1, 180s});
    for (const auto& [seed, length] : cases) {
        const auto plain = observe(seed, length, false), exchanged = observe(seed, length, true);
        for (const auto& [link, times] : plain.links)
            if (std::max(link.first, link.second) >= plain.relays) {
                REQUIRE(times.size() > 1000);
                CHECK(times == exchanged.links.at(link));
            }
        std::set<base::Mono> moments;
        std::set<std::size_t> exits[clients];
        std::size_t replies = 0;
        for (unsigned i = 0; i < clients; ++i) {
            const auto& before = plain.replies[i];
            const auto& after = exchanged.replies[i];
            REQUIRE(before.size() > 2000);
            REQUIRE(after.size() == before.size());
            replies += before.size();
            for (std::size_t k = 0; k < before.size(); ++k) {
                moments.insert(before[k].first);
                exits[i].insert(before[k].second);
                REQUIRE(after[k].first == before[k].first);
                REQUIRE((after[k].second == before[k].second) == (i >= 2));
            }
        }
        for (const auto& [exit, sent] : plain.sent) {
            if (exit < plain.relays - 2) continue;
            std::printf("exit %zu: steady %.4f, %.4f\n", exit, steady(sent, moments),
                        steady(exchanged.sent.at(exit), moments));
            CHECK(steady(sent, moments) > 0.95);
            CHECK(steady(exchanged.sent.at(exit), moments) > 0.95);
        }
        if (seed == 10) CHECK(exits[0] != exits[1]);
        if (seed == 1) CHECK(exits[1].size() == 2);
        std::printf("%zu replies at the same moments\n", replies);
        print_shares(plain, exchanged);
    }
}
