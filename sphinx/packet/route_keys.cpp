#include "sphinx/packet/route_keys.hpp"

#include <algorithm>
#include <vector>

#include "sphinx/crypto/scalar_chain.hpp"
#include "sphinx/crypto/x25519_batch.hpp"
#include "sphinx/packet/key_schedule.hpp"
#include "sphinx/packet/known_keys.hpp"

namespace nightjar::packet {

namespace {

constexpr PublicKey base_point{{9}};

/// The state of one route while its hops are processed in order.
struct Walk {
    explicit Walk(RouteKeysJob& wanted) : job{&wanted}, chain{*wanted.initial_secret} {}

    RouteKeysJob* job;
    crypto::ScalarChain chain;
    std::array<const crypto::PointTable*, max_hops> tables{};  // nullptr: the kernel uses no tables
    base::Secret<32> scalar;
    SharedSecret shared;
};

/// Finds the tables of the route's keys. Returns the error if the route is invalid.
std::optional<Error> prepare(Walk& walk, KnownKeys& known) {
    const auto& route = walk.job->route;
    if (route.empty() || route.size() > max_hops) return Error::bad_route;
    for (std::size_t i = 0; i < route.size(); ++i) {
        const auto table = known.find(route[i].key);
        if (!table) return table.error();
        walk.tables[i] = *table;
    }
    return std::nullopt;
}

/// Computes x b_0 … b_(hop-1) times the hop's key for each route; at the first hop also the first
/// alpha.
void multiply_all(std::vector<Walk>& walks, std::size_t hop, const KnownKeys& known,
                  const crypto::PointTable* base_table) {
    std::vector<crypto::TableMultiplication> by_table;
    std::vector<crypto::Multiplication> by_ladder;
    for (auto& walk : walks) {
        auto& alpha = walk.job->keys.alpha.bytes;
        if (base_table != nullptr) {
            walk.scalar = walk.chain.odd_eighth();
            if (hop == 0) by_table.push_back({walk.scalar.data(), base_table, alpha.data()});
            by_table.push_back({walk.scalar.data(), walk.tables[hop], walk.shared.data()});
        } else {
            walk.scalar = walk.chain.scalar();
            if (hop == 0)
                by_ladder.push_back({walk.scalar.data(), base_point.bytes.data(), alpha.data()});
            by_ladder.push_back(
                {walk.scalar.data(), walk.job->route[hop].key.bytes.data(), walk.shared.data()});
        }
    }
    known.multiply(by_table);
    multiply(by_ladder);
}

void refuse_low_order(std::vector<Walk>& walks) {
    std::erase_if(walks, [](const Walk& walk) {
        if (!crypto::is_zero(walk.shared.view())) return false;
        walk.job->error = Error::low_order;
        return true;
    });
}

void expand_all(std::vector<Walk>& walks, std::size_t hop) {
    std::size_t i = 0;
    for (; i + 2 <= walks.size(); i += 2)
        expand_each<2>({&walks[i].shared, &walks[i + 1].shared},
                       {&walks[i].job->keys.of_hop[hop], &walks[i + 1].job->keys.of_hop[hop]});
    if (i < walks.size()) expand_each<1>({&walks[i].shared}, {&walks[i].job->keys.of_hop[hop]});
}

}  // namespace

void derive_keys(std::span<RouteKeysJob> jobs) {
    auto& known = KnownKeys::of_this_thread();
    known.begin_batch();
    const crypto::PointTable* const base_table = *known.find(base_point);
    std::vector<Walk> walks;
    walks.reserve(jobs.size());
    for (auto& job : jobs) {
        job.keys.hops = job.route.size();
        job.error = prepare(walks.emplace_back(job), known);
        if (job.error) walks.pop_back();
    }
    for (std::size_t hop = 0; !walks.empty(); ++hop) {
        multiply_all(walks, hop, known, base_table);
        refuse_low_order(walks);
        expand_all(walks, hop);
        std::erase_if(walks, [&](const Walk& walk) { return walk.job->route.size() == hop + 1; });
        for (auto& walk : walks)
            walk.chain.append(walk.job->keys.of_hop[hop].blinding);
    }
}

base::Result<RouteKeys, Error> derive_keys(std::span<const Hop> route,
                                           const SecretKey& initial_secret) {
    RouteKeysJob job{.route = route, .initial_secret = &initial_secret};
    derive_keys({&job, 1});
    if (job.error) return base::Fail{*job.error};
    return std::move(job.keys);
}

}  // namespace nightjar::packet
