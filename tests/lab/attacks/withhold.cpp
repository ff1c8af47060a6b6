#include "tests/lab/attacks/withhold.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/lab/attacks/watched_world.hpp"
#include "tests/lab/attacks/withhold_forms.hpp"
#include "tests/lab/measure/parallel.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::attacks {
namespace {

using lab::world::OnWire;
using lab::world::read_clear;

constexpr double warm_up_s = 75;     // by then relays watch their loops
constexpr double try_every_s = 0.5;  // long enough for the relay to empty

struct Attack {
    const char* target;  // "mix" or "gateway"
    double share;        // share of the packets into it that the attacker withholds
    double hold_s;       // how long they are withheld; 0: for ever
};

constexpr Attack attacks[] = {
    {"mix", 0.5, 0},     {"mix", 0.9, 0},     {"mix", 1, 0},     {"mix", 1, 1},
    {"gateway", 0.5, 0}, {"gateway", 0.9, 0}, {"gateway", 1, 0},
};

/// Sits between the wire and one relay. Every half second it lets one packet of another sender
/// through and checks whether the next packet to leave is this one.
class Attacker {
 public:
    Attacker(const Attack& attack, lab::world::World& world, std::size_t target,
             std::unique_ptr<base::Random> random)
        : attack_{attack}, world_{world}, target_{target}, random_{std::move(random)} {}

    void wire(OnWire& cell) {
        if (cell.to_number == target_) return into(cell);
        if (cell.from_number == target_ && std::holds_alternative<base::NodeId>(cell.to))
            out_of(cell);
    }
    unsigned tries = 0;
    unsigned followed = 0;
    unsigned seen = 0;  // packets into the target

 private:
    void into(OnWire& cell) {
        ++seen;
        const auto header = read_clear(cell.cell.body());
        const bool goes_on = header.at + 1 < header.hops;
        if (goes_on && !watching_ && world_.now() >= next_try_) {
            watching_ = header.unique;
            next_try_ = world_.now() + base::from_seconds(try_every_s);
            entered_ = world_.now() + world_.link.latency;
            return;
        }
        if (random_->unit() >= attack_.share) return;
        if (attack_.hold_s > 0)
            cell.held_back = base::from_seconds(attack_.hold_s);
        else
            cell.copies = 0;
    }
    void out_of(const OnWire& cell) {
        if (!watching_ || world_.now() < entered_) return;
        ++tries;
        if (read_clear(cell.cell.body()).unique == *watching_) ++followed;
        watching_.reset();
    }

    const Attack& attack_;
    lab::world::World& world_;
    std::size_t target_;
    std::unique_ptr<base::Random> random_;
    std::optional<std::uint64_t> watching_;  // the packet that was let through
    base::Mono next_try_{};
    base::Mono entered_{};
};

constexpr double never = std::numeric_limits<double>::infinity();

nlohmann::json or_null(double seconds) {
    return seconds == never ? nlohmann::json{} : nlohmann::json(seconds);
}

struct Outcome {
    double target = never;  // seconds until the attacked relay finds that packets are withheld
    double others = never;  // until another relay finds that too many of its loops are lost
    double client = never;  // the first alarm of a client; of an attacked gateway's own clients
    double client_median = never;
    double followed = 0;
    unsigned tries = 0;
    double arrivals = 0;  // packets per second into the target
};

Outcome run(const Attack& attack, std::uint64_t seed, unsigned clients, double seconds) {
    // Without the answer, so that the closed form of the attacker's gain holds throughout.
    WatchedWorld watched{seed, clients, 0, lab::world::world_parameters(), false};
    auto& world = watched.world();
    watched.run(warm_up_s);
    const bool gateway = attack.target == std::string{"gateway"};
    const auto& relay = gateway ? world.gateway(0) : world.mix(2, 0);
    const auto number = world.number_of(relay.identity());
    Attacker attacker{attack, world, number, world.fork_random()};
    watched.forget();
    world.wire = [&attacker](OnWire& cell) { attacker.wire(cell); };
    watched.run(seconds);
    Outcome outcome;
    for (std::size_t i = 0; i < watched.relays(); ++i) {
        if (world.relays()[i] == &relay)
            outcome.target = watched.relay_noticed(i).value_or(never);
        else
            outcome.others = std::min(outcome.others, watched.relay_missing(i).value_or(never));
    }
    std::vector<double> noticed;
    // Clients are assigned to gateways in turn. If a gateway is attacked, look at its own clients.
    for (std::size_t i = 0; i < watched.clients(); i += gateway ? world.options().gateways : 1)
        noticed.push_back(watched.client_noticed(i).value_or(never));
    std::sort(noticed.begin(), noticed.end());
    outcome.client = noticed.front();
    outcome.client_median = noticed[noticed.size() / 2];
    outcome.tries = attacker.tries;
    outcome.followed = attacker.tries > 0 ? attacker.followed / double(attacker.tries) : 0;
    outcome.arrivals = attacker.seen / seconds;
    return outcome;
}

/// The attacker's expected gain and risk.
nlohmann::json closed_forms(const Attack& attack, const directory::Parameters& law,
                            double arrivals) {
    const auto mu = 1 / base::to_seconds(law.mean_delay);
    const auto loops = law.relay_loops.per_second();
    // The relay's own loops end here and are not held.
    const auto held = std::max(0.0, arrivals - loops);
    nlohmann::json columns{
        {"loopix_success", loopix_success(mu, loops, held, attack.share)},
        {"expected_followed", nullptr},
    };
    if (attack.target == std::string{"mix"} && attack.hold_s == 0)
        columns["expected_followed"] = first_out(mu, held * (1 - attack.share), loops);
    return columns;
}

struct Sum {
    double followed = 0, tries = 0, target = 0, client = 0, expected = 0;
};

unsigned clients_of(const measure::Options& options) {
    return options.or_else(options.clients, 6u, 12u);
}

/// Runs every attack with every seed, one attack after the other.
std::vector<Outcome> run_all(unsigned seeds, const measure::Options& options,
                             measure::Report& report) {
    const auto seconds = options.or_else(options.seconds, 45.0, 200.0);
    const auto count = std::size(attacks) * seeds;
    return measure::side_by_side(
        count,
        [&](std::size_t i) {
            return run(attacks[i / seeds], options.seed + i % seeds, clients_of(options), seconds);
        },
        [&](std::size_t made) {
            report.progress("withholding", static_cast<double>(made) / double(count));
        });
}

Sum sum_up(const Attack& attack, std::span<const Outcome> outcomes, const measure::Options& options,
           measure::Report& report) {
    Sum sum;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const auto& one = outcomes[i];
        auto columns = closed_forms(attack, directory::Parameters{}, one.arrivals);
        sum.followed += one.followed * one.tries;
        sum.tries += one.tries;
        sum.target = std::max(sum.target, one.target);
        sum.client = std::max(sum.client, one.client);
        if (columns["expected_followed"].is_number())
            sum.expected += columns["expected_followed"].get<double>() * one.tries;
        columns.update(
            {{"seed", options.seed + i},
             {"target", attack.target},
             {"withheld", attack.share},
             {"held_back_s", attack.hold_s},
             {"clients", clients_of(options)},
             {"arrivals_per_s", one.arrivals},
             {"target_notices_s", or_null(one.target)},
             {"first_other_relay_s", or_null(one.others)},
             {"first_client_s", or_null(one.client)},
             {"median_client_s", or_null(one.client_median)},
             {"tries", one.tries},
             {"followed", attack.hold_s > 0 ? nlohmann::json{} : nlohmann::json(one.followed)}});
        report.row("active", "withhold", columns);
    }
    return sum;
}

}  // namespace

void withhold(const measure::Options& options, measure::Report& report) {
    const auto seeds = options.or_else(options.seeds, 2u, 5u);
    const auto outcomes = run_all(seeds, options, report);
    for (const auto& attack : attacks) {
        const auto first = static_cast<std::size_t>(&attack - attacks) * seeds;
        const auto sum = sum_up(attack, std::span{outcomes}.subspan(first, seeds), options, report);
        const auto name = std::string{attack.target} + ", " +
                          std::to_string(std::lround(100 * attack.share)) + " % withheld";
        if (attack.hold_s > 0) {
            // Cells keep their order on a link, so no packet overtakes the held ones, and the
            // attacker cannot follow any. For that it would have to be the previous relay.
            // No packet is lost, but the loops are late.
            report.at_most(name + " for 1 s: seconds until its own loops' delays tell", sum.target,
                           6);
            continue;
        }
        report.at_most(name + ": seconds until its own loops tell", sum.target,
                       attack.share < 0.9 ? 15 : 8);
        if (attack.target == std::string{"gateway"})
            report.at_most(name + ": seconds until one of its clients' loops tell", sum.client, 30);
        if (sum.expected > 0) {
            const auto p = sum.expected / sum.tries;
            // In standard deviations for this number of tries.
            report.at_most(
                name + ": packets followed beside the closed form, deviations",
                std::abs(sum.followed - sum.expected) / std::sqrt(sum.tries * p * (1 - p)), 4);
        }
    }
}

void false_alarms(const measure::Options& options, measure::Report& report) {
    const auto seconds = options.full ? 7'200.0 : 300.0;
    constexpr double losses[] = {0, 0.01};
    report.progress("false alarms", 0);
    const auto calm = measure::side_by_side(std::size(losses), [&](std::size_t i) {
        auto watched = std::make_unique<WatchedWorld>(options.seed, 1, losses[i]);
        watched->run(warm_up_s);
        watched->forget();
        watched->run(seconds);
        return watched;
    });
    for (std::size_t i = 0; i < std::size(losses); ++i) {
        const auto loss = losses[i];
        const auto& watched = *calm[i];
        const auto relay_hours = watched.relays() * seconds / 3600;
        const auto client_hours = watched.clients() * seconds / 3600;
        report.row("active", "false_alarms",
                   {{"seed", options.seed},
                    {"loss", loss},
                    {"relay_hours", relay_hours},
                    {"client_hours", client_hours},
                    {"relay_alarms", watched.relay_alarms()},
                    {"client_alarms", watched.client_alarms()},
                    {"stated_a_year", 1}});
        report.at_most("false alarms in a calm network at " +
                           std::to_string(std::lround(100 * loss)) + " % loss",
                       static_cast<double>(watched.relay_alarms() + watched.client_alarms()), 0);
    }
}

}  // namespace nightjar::lab::attacks
