#include "sphinx/packet/route_keys.hpp"

#include <algorithm>
#include <vector>

#include "sphinx/packet/curve.hpp"
#include "sphinx/packet/key_schedule.hpp"
#include "sphinx/packet/scalar_chain.hpp"
#include "sphinx/packet/x25519_batch.hpp"

namespace nightjar::packet {

namespace {

constexpr PublicKey base_point{{9}};

/// A network's keys stay the same for an epoch, and looking at one costs a tenth of multiplying by
/// it: the thread remembers those that it found good, as many as a large network has.
bool is_known_good(const PublicKey& key) {
    static thread_local std::vector<PublicKey> known(512);
    auto& place = known[(key.bytes[0] | key.bytes[1] << 8) % known.size()];
    if (place == key && !key.is_zero()) return true;
    if (!on_curve(key)) return false;
    place = key;
    return true;
}

std::optional<Error> fault_of(const RouteKeysJob& job) {
    if (job.route.empty() || job.route.size() > max_hops) return Error::bad_route;
    for (const auto& hop : job.route) {
        if (is_known_good(hop.key)) continue;
        return agree(*job.initial_secret, hop.key) ? Error::bad_key : Error::low_order;
    }
    return std::nullopt;
}

/// A route on its way from hop to hop.
struct Walk {
    explicit Walk(RouteKeysJob& wanted)
        : job{&wanted}, chain{*wanted.initial_secret}, scalar{wanted.initial_secret->copy()} {}

    RouteKeysJob* job;
    ScalarChain chain;
    base::Secret<32> scalar;
    SharedSecret shared;
};

void refuse_low_order(std::vector<Walk>& walks) {
    std::erase_if(walks, [](const Walk& walk) {
        if (!is_zero(walk.shared.view())) return false;
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
    std::vector<Walk> walks;
    walks.reserve(jobs.size());
    for (auto& job : jobs) {
        job.keys.hops = job.route.size();
        job.error = fault_of(job);
        if (!job.error) walks.emplace_back(job);
    }
    std::vector<Multiplication> products;
    for (std::size_t hop = 0; !walks.empty(); ++hop) {
        products.clear();
        for (auto& walk : walks) {
            // x b_0 … b_(hop-1) times the hop's key; the first alpha beside the first hop's.
            if (hop == 0)
                products.push_back({walk.scalar.data(), base_point.bytes.data(),
                                    walk.job->keys.alpha.bytes.data()});
            products.push_back(
                {walk.scalar.data(), walk.job->route[hop].key.bytes.data(), walk.shared.data()});
        }
        multiply(products);
        refuse_low_order(walks);
        expand_all(walks, hop);
        for (auto& walk : walks) {
            walk.chain.append(walk.job->keys.of_hop[hop].blinding);
            walk.scalar = walk.chain.scalar();
        }
        std::erase_if(walks, [&](const Walk& walk) { return walk.job->route.size() == hop + 1; });
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
