// Operators with several relays: an exit that names the operator of the client's gateway, and a
// gateway that names the exit's operator and the client's loops.
#include <cmath>
#include <string>
#include <vector>

#include "sphinx/directory/positions.hpp"
#include "tests/lab/attacks/operators.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"

namespace nightjar::lab::experiments {
namespace {

using attacks::Insider;
using attacks::Owner;
using attacks::Positions;

constexpr double seconds[] = {0.2, 0.5, 1, 2, 5, 20, 60};
constexpr std::size_t judged = 4;  // of `seconds`: 5 s
constexpr std::size_t times = std::size(seconds);

struct Share {
    double sum = 0;
    double count = 0;
    void add(double value) { sum += value, count += 1; }
    double mean() const { return count > 0 ? sum / count : 0; }
};

/// What one kind of adversary concluded about all sessions, by the time that it observed them.
struct Result {
    Share right[times];
    Share right_in_first_layer[times];
    Share known_loops[times];
    Share chance;
};

std::string said(Insider insider) {
    return insider == Insider::exit ? "an exit that names the gateway's"
                                    : "a gateway that names the exit's";
}

std::string said(Owner owner) {
    return owner == Owner::operator_name ? "operator" : "family";
}

Result attack(const measure::Options& options, Positions positions, Owner owner, Insider insider) {
    base::SeededRandom random{options.seed};
    const auto document = attacks::operators_network(positions, owner);
    attacks::OperatorAttack adversary{document, insider, owner,
                                      options.or_else(0u, 4'000u, 40'000u), random};
    Result result;
    const auto sessions = options.or_else(options.clients, 400u, 4'000u);
    const std::span wanted{seconds, options.full ? times : judged + 1};
    for (unsigned i = 0; i < sessions; ++i) {
        const auto guesses = adversary.session(wanted);
        result.chance.add(guesses[0].chance);
        for (std::size_t at = 0; at < guesses.size(); ++at) {
            const auto& guess = guesses[at];
            result.right[at].add(guess.right);
            result.known_loops[at].add(guess.known_loops);
            if (guess.in_first_layer) result.right_in_first_layer[at].add(guess.right);
        }
    }
    return result;
}

void judge(measure::Report& report, Insider insider, Owner owner, Positions positions,
           const Result& result) {
    const auto what = said(insider) + " " + said(owner);
    if (positions == Positions::any) {
        report.at_least("control, " + what + " that runs a mix of layer 1 too, after 5 s, share",
                        result.right_in_first_layer[judged].mean(), 0.99);
        return;
    }
    const auto chance = result.chance.mean();
    const auto deviation = std::sqrt(chance * (1 - chance) / result.chance.count);
    report.at_most(what + " after 5 s, above chance, deviations",
                   (result.right[judged].mean() - chance) / deviation, 4);
    if (insider == Insider::gateway)
        report.at_most(what + ": loops known to be loops, share", result.known_loops[judged].mean(),
                       0);
}

}  // namespace

void operators(const measure::Options& options, measure::Report& report) {
    const auto refused = [](Positions positions, Owner owner) {
        const auto document = attacks::operators_network(positions, owner);
        return static_cast<double>(directory::two_positions(document).size());
    };
    for (const auto owner : {Owner::operator_name, Owner::family}) {
        report.at_least("control: " + said(owner) + " names for which a document is refused",
                        refused(Positions::any, owner), 12);
        report.at_most(said(owner) + " names with one position for which a document is refused",
                       refused(Positions::one, owner), 0);
    }
    for (const auto insider : {Insider::exit, Insider::gateway})
        for (const auto owner : {Owner::operator_name, Owner::family})
            for (const auto positions : {Positions::any, Positions::one}) {
                const auto result = attack(options, positions, owner, insider);
                for (std::size_t at = 0; at < times && result.right[at].count > 0; ++at)
                    report.row("operators", "named",
                               {{"insider", insider == Insider::exit ? "exit" : "gateway"},
                                {"owner", said(owner)},
                                {"positions", positions == Positions::any ? "any" : "one"},
                                {"seconds", seconds[at]},
                                {"sessions", result.right[at].count},
                                {"right", result.right[at].mean()},
                                {"chance", result.chance.mean()},
                                {"right_in_first_layer", result.right_in_first_layer[at].mean()},
                                {"known_loops", result.known_loops[at].mean()}});
                judge(report, insider, owner, positions, result);
            }
}

}  // namespace nightjar::lab::experiments
