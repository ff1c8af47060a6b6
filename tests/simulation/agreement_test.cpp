// Many seeds of an agreement (docs/directory.md, "Agreement"). NIGHTJAR_AGREEMENT_SEEDS sets their
// number.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>

#include "tests/simulation/agreement_world.hpp"

using namespace nightjar;
using namespace nightjar::simulation;

namespace {

std::uint64_t seeds() {
    const auto* given = std::getenv("NIGHTJAR_AGREEMENT_SEEDS");
    return given == nullptr ? 200 : std::strtoull(given, nullptr, 10);
}

AgreementOutcome check_seed(std::uint64_t seed) {
    AgreementOptions options;
    options.seed = seed;
    options.authorities = seed % 4 == 0 ? 7 : 4;
    options.faulty = seed % 8 < 6 ? (options.authorities - 1) / 3 : 0;
    options.chaos = seed % 10 != 0;
    const auto outcome = run_agreement(options);
    INFO("seed := ", seed);
    CHECK_FALSE(outcome.split);
    CHECK(outcome.missed == 0);
    CHECK_FALSE(outcome.honest_accused);
    return outcome;
}

/// The first seed that splits; 0: none does. With the rule kept the same seed must not split.
std::uint64_t first_split(AgreementOptions broken, const AgreementOptions& kept,
                          std::uint64_t most) {
    for (broken.seed = 1; broken.seed <= most; ++broken.seed) {
        if (!run_agreement(broken).split) continue;
        auto same = kept;
        same.seed = broken.seed;
        CHECK_FALSE(run_agreement(same).split);
        return broken.seed;
    }
    return 0;
}

}  // namespace

TEST_CASE("agreement: no seed splits, and once all is well no epoch is missed") {
    std::uint64_t decided = 0, accused = 0;
    std::uint32_t last_round = 0;
    for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
        const auto outcome = check_seed(seed);
        decided += outcome.decided;
        accused += outcome.accused;
        last_round = std::max(last_round, outcome.last_round);
    }
    std::printf("%llu seeds: %llu decisions, the last in round %u; %llu proofs of equivocation\n",
                static_cast<unsigned long long>(seeds()), static_cast<unsigned long long>(decided),
                last_round, static_cast<unsigned long long>(accused));
    CHECK(accused > 0);
    CHECK(last_round > 0);
}

TEST_CASE(
    "agreement: an authority that crashed in a later round does not leave the others behind") {
    // They missed an epoch when authorities forgot in a crash what they had heard.
    for (const std::uint64_t seed : {843, 1387, 1629, 2057, 5009, 7652})
        check_seed(seed);
}

TEST_CASE("agreement: with a majority in place of the quorum a split is found") {
    AgreementOptions options;
    options.authorities = 7;
    options.faulty = 2;
    options.fault = Fault::echo;
    auto broken = options;
    broken.quorum = 4;
    const auto seed = first_split(broken, options, 100);
    std::printf("a majority is enough: split at seed %llu\n",
                static_cast<unsigned long long>(seed));
    CHECK(seed != 0);
}

TEST_CASE("agreement: with a vote that is sent before it is written a split is found") {
    AgreementOptions options;
    options.fault = Fault::echo;
    options.slowest_write = base::Seconds{60};
    auto broken = options;
    broken.send_before_write = true;
    const auto seed = first_split(broken, options, 4000);
    std::printf("sent before written: split at seed %llu\n", static_cast<unsigned long long>(seed));
    CHECK(seed != 0);
}

TEST_CASE("agreement: with as many authorities that vote twice as are too many a split is found") {
    AgreementOptions options;
    options.fault = Fault::twin;
    auto broken = options;
    broken.faulty = 2;
    const auto seed = first_split(broken, options, 200);
    std::printf("two of four vote twice: split at seed %llu\n",
                static_cast<unsigned long long>(seed));
    CHECK(seed != 0);
}
