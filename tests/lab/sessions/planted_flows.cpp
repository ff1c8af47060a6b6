#include "tests/lab/sessions/planted_flows.hpp"

#include <algorithm>
#include <cmath>

#include "tests/lab/attacks/flow_score.hpp"
#include "tests/lab/sessions/spectral_score.hpp"

namespace nightjar::lab::sessions {
namespace {

constexpr unsigned hops_to_exit = 4, hops_back = 3;
constexpr double two_thirds = 2 / 3.0;

Moments merged(Moments a, const Moments& b) {
    a.insert(a.end(), b.begin(), b.end());
    std::sort(a.begin(), a.end());
    return a;
}

}  // namespace

Moments beat(double per_second, double jitter, double seconds, base::Random& random) {
    Moments moments;
    const auto gap = 1000 / per_second, phase = gap * random.unit();
    for (double at = phase; at < 1000 * seconds; at += gap)
        moments.push_back(static_cast<std::uint32_t>(
            std::lround(at + gap * (0.5 + jitter * (random.unit() - 0.5)))));
    return moments;
}

Moments poisson_moments(double per_second, double seconds, base::Random& random) {
    Moments moments;
    const auto mean = base::from_seconds(1 / per_second);
    for (double at = 0; at < seconds; at += base::to_seconds(random.exponential(mean)))
        moments.push_back(static_cast<std::uint32_t>(std::lround(1000 * at)));
    return moments;
}

Moments displaced(const Moments& events, unsigned hops, base::Nanoseconds mean_delay,
                  base::Random& random) {
    Moments moments;
    for (const auto event : events) {
        double at = event;
        for (unsigned hop = 0; hop < hops; ++hop)
            at +=
                1000 * (attacks::link_and_tick + base::to_seconds(random.exponential(mean_delay)));
        moments.push_back(static_cast<std::uint32_t>(std::lround(at)));
    }
    std::sort(moments.begin(), moments.end());
    return moments;
}

PlantedFlows plant(Leak leak, unsigned clients, std::size_t segments,
                   const directory::Parameters& law, base::Random& random) {
    PlantedFlows flows;
    const auto seconds = static_cast<double>(planted_begin_ms + segments * segment_ms) / 1000 + 2;
    const auto slots = law.main_slots.per_second(), loops = law.client_loops.per_second();
    const auto replies = law.replies.per_second();
    for (unsigned i = 0; i < clients; ++i) {
        auto& client = flows.clients.emplace_back();
        SessionFlow main{i, 0, {}, {}}, lingering{i, 1, {}, {}};
        client.slots = leak == Leak::poisson
                           ? poisson_moments(slots + loops, seconds, random)
                           : beat(slots + loops, directory::jitter_share, seconds, random);
        const auto interval = static_cast<std::size_t>(std::lround((slots + loops) / loops));
        std::size_t loop = 0, turns = random.below(3);
        for (std::size_t k = 0; k < client.slots.size(); ++k) {
            if (leak == Leak::slots_in_turns) {
                if (k % interval == 0) loop = k + random.below(interval);
                if (k == loop) continue;
                (turns++ % 3 < 2 ? main : lingering).arrivals.push_back(client.slots[k]);
                continue;
            }
            if (random.unit() < loops / (slots + loops)) continue;
            (random.unit() < two_thirds ? main : lingering).arrivals.push_back(client.slots[k]);
        }
        main.arrivals = displaced(main.arrivals, hops_to_exit, law.mean_delay, random);
        if (leak == Leak::even_ticks) {
            main.replies = beat(replies * two_thirds, 0, seconds, random);
            lingering.replies = beat(replies / 3, 0, seconds, random);
            client.deliveries = merged(displaced(merged(main.replies, lingering.replies), hops_back,
                                                 law.mean_delay, random),
                                       poisson_moments(loops, seconds, random));
        }
        if (leak == Leak::poisson) {
            const auto others = replies + loops - replies * two_thirds;
            main.replies = poisson_moments(replies * two_thirds, seconds, random);
            client.deliveries = merged(displaced(main.replies, hops_back, law.mean_delay, random),
                                       poisson_moments(others, seconds, random));
        } else {
            lingering.arrivals =
                displaced(lingering.arrivals, hops_to_exit, law.mean_delay, random);
            flows.sessions.push_back(std::move(lingering));
        }
        flows.sessions.push_back(std::move(main));
    }
    return flows;
}

}  // namespace nightjar::lab::sessions
