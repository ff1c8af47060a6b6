#include "tests/privacy/capture.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <utility>

#include "tests/privacy/crowd.hpp"
#include "tests/privacy/experiment.hpp"

namespace nightjar::privacy {
namespace {

constexpr double bin_seconds = 0.25;
constexpr double settled_seconds = 10;
constexpr double payload_bytes = 1980;  // of a packet
constexpr unsigned layers = 3;
constexpr unsigned relabellings = 100;

/// Which place each link between relays has in a slice's counts: those that carry packets. (A
/// keep-alive every 15 s, which the other directions carry, is not simulated.)
class Links {
 public:
    explicit Links(const Observed& observed) {
        const std::size_t first_gateway = std::size_t{layers} * observed.mixes;
        for (std::size_t to = 0; to < observed.gateways; ++to)
            for (std::size_t from = 0; from < observed.mixes; ++from)
                add(first_gateway - observed.mixes + from, first_gateway + to);
        if (!observed.every_link) return;
        for (std::size_t from = 0; from < observed.gateways; ++from)
            for (std::size_t to = 0; to < observed.mixes; ++to)
                add(first_gateway + from, to);
        for (std::size_t from = 0; from < first_gateway - observed.mixes; ++from)
            for (std::size_t to = 0; to < observed.mixes; ++to)
                add(from, (from / observed.mixes + 1) * observed.mixes + to);
    }
    /// `count()` for a link that is not watched.
    std::size_t place(std::size_t from, std::size_t to) const {
        const auto found = places_.find({from, to});
        return found != places_.end() ? found->second : count();
    }
    std::size_t count() const { return places_.size(); }

 private:
    void add(std::size_t from, std::size_t to) {
        const auto next = count();
        places_[{from, to}] = next;
    }

    std::map<std::pair<std::size_t, std::size_t>, std::size_t> places_;
};

CrowdOptions crowd_options(const Observed& observed, std::uint64_t seed, double seconds) {
    CrowdOptions crowd;
    crowd.seed = seed;
    crowd.clients = 1;
    crowd.seconds = seconds;
    crowd.begins_within = 0;
    crowd.network.layers = layers;
    crowd.network.mixes_per_layer = observed.mixes;
    crowd.network.gateways = observed.gateways;
    crowd.network.parameters = observed.parameters;
    // More than the law lets through, so that it lasts.
    const auto most = std::max(observed.parameters.main_slots, observed.parameters.replies);
    crowd.bytes = static_cast<std::size_t>(1.5 * most.per_second() * payload_bytes * seconds);
    return crowd;
}

double auc_of(const std::vector<Sample>& samples) {
    std::vector<double> idle, busy;
    for (const auto& sample : samples)
        (sample.busy ? busy : idle).push_back(sample.score);
    return auc(idle, busy);
}

/// How far the AUC strays where there is nothing to find: whether a window is busy is dealt out
/// anew among those of its parity.
double deviation_by_chance(std::vector<Observation> observations, base::Random& random) {
    std::map<std::uint64_t, bool> busy;
    for (const auto& one : observations)
        busy[one.seed] = one.busy;
    std::vector<std::uint64_t> windows[2];
    for (const auto& [window, is_busy] : busy)
        windows[window % 2].push_back(window);
    double sum = 0, squares = 0;
    for (unsigned i = 0; i < relabellings; ++i) {
        for (const auto& same : windows)
            for (auto left = same.size(); left > 1; --left)
                std::swap(busy[same[left - 1]],
                          busy[same[static_cast<std::size_t>(random.below(left))]]);
        for (auto& one : observations)
            one.busy = busy[one.seed];
        const auto area = auc_of(cross_fitted(observations));
        sum += area / relabellings;
        squares += area * area / relabellings;
    }
    return std::sqrt(std::max(0.0, squares - sum * sum));
}

/// Judges slices and writes the row of it.
Bound judged(std::span<const Slice> slices, unsigned windows, const char* source, bool control,
             const Options& options, Report& report) {
    base::SeededRandom random{options.seed};
    const auto bound = judge(slices, random);
    report.row("capture", "auc",
               {{"source", source},
                {"control", control},
                {"auc", bound.point},
                {"lower", std::max(0.0, bound.point - agreement_deviations * bound.deviation)},
                {"upper", std::min(1.0, bound.point + agreement_deviations * bound.deviation)},
                {"deviation", bound.deviation},
                {"slices", slices.size()},
                {"windows", windows},
                {"links", slices.front().links.size()}});
    return bound;
}

}  // namespace

Row slice_features(const Slice& slice) {
    const Window whole{0, slice_seconds};
    auto row = shape(slice.up, whole, bin_seconds);
    const auto down = shape(slice.down, whole, bin_seconds);
    row.insert(row.end(), down.begin(), down.end());
    row.insert(row.end(), slice.links.begin(), slice.links.end());
    return row;
}

std::vector<Slice> thinned_when_busy(std::vector<Slice> slices) {
    for (auto& slice : slices) {
        if (!slice.busy) continue;
        for (auto* times : {&slice.up, &slice.down}) {
            Times kept;
            for (std::size_t i = 0; i < times->size(); i += 2)
                kept.push_back((*times)[i]);
            *times = std::move(kept);
        }
    }
    return slices;
}

Bound judge(std::span<const Slice> slices, base::Random& random) {
    std::vector<Observation> observations;
    for (const auto& slice : slices)
        observations.push_back({slice.window, slice.busy, slice_features(slice)});
    auto bound = auc_bound(cross_fitted(observations), random);
    bound.deviation =
        std::max(bound.deviation, deviation_by_chance(std::move(observations), random));
    return bound;
}

double deviations_apart(const Bound& a, const Bound& b) {
    const auto difference = std::abs(a.point - b.point);
    if (difference == 0) return 0;
    const auto deviation = std::hypot(a.deviation, b.deviation);
    return deviation > 0 ? difference / deviation : std::numeric_limits<double>::infinity();
}

std::vector<Slice> simulate_slices(const Observed& observed, std::uint64_t first_seed,
                                   unsigned windows, unsigned slices_each,
                                   const std::function<void(unsigned done)>& progress) {
    const Links links{observed};
    const auto client = std::size_t{layers} * observed.mixes + observed.gateways;
    std::vector<Slice> all;
    for (unsigned i = 0; i < windows; ++i) {
        auto options =
            crowd_options(observed, first_seed + i, settled_seconds + slice_seconds * slices_each);
        // Idle twice, busy twice; the busy ones download twice, upload twice.
        const bool busy = i / 2 % 2 == 1;
        options.busy_share = busy ? 1 : 0;
        options.work = i / 4 % 2 == 0 ? Work::download : Work::upload;
        std::vector<Slice> slices(slices_each, Slice{i, busy, {}, {}, {}});
        for (auto& slice : slices)
            slice.links.resize(links.count());
        options.seen = [&](const simulation::OnWire& cell) {
            const auto at =
                base::to_seconds(cell.sent - simulation::World::begin) - settled_seconds;
            if (at < 0 || at >= slice_seconds * slices_each) return;
            const auto number = std::floor(at / slice_seconds);
            auto& slice = slices[static_cast<std::size_t>(number)];
            const auto offset = static_cast<float>(at - number * slice_seconds);
            const auto place = links.place(cell.from_number, cell.to_number);
            if (place < links.count())
                ++slice.links[place];
            else if (cell.from_number == client)
                slice.up.push_back(offset);
            else if (cell.to_number == client)
                slice.down.push_back(offset);
        };
        Crowd{options}.run();
        all.insert(all.end(), slices.begin(), slices.end());
        if (progress) progress(i + 1);
    }
    return all;
}

void capture(const Options& options, Report& report) {
    const auto read = read_capture(options.capture);
    const auto windows = std::max(4u, options.or_else(options.seeds, 400u, 1000u) / 4 * 4);
    const auto each =
        std::max<unsigned>(1, static_cast<unsigned>(read.slices.size()) / read.windows);
    const auto simulated =
        simulate_slices(read.observed, options.seed * 10'000, windows, each, [&](unsigned done) {
            report.progress("the same network, simulated", 1.0 * done / windows);
        });

    // The control: a client that shows what it does is found.
    const auto found =
        judged(thinned_when_busy(read.slices), read.windows, "capture", true, options, report);
    report.at_least("captured, every other cell of the busy left out: AUC", found.point, 0.9);
    const auto found_too =
        judged(thinned_when_busy(simulated), windows, "simulation", true, options, report);
    report.at_least("simulated, every other cell of the busy left out: AUC", found_too.point, 0.9);

    const auto real = judged(read.slices, read.windows, "capture", false, options, report);
    const auto virtual_one = judged(simulated, windows, "simulation", false, options, report);
    const auto show = [](const char* what, const Bound& bound) {
        std::printf("%s: AUC %.3f ± %.3f\n", what, bound.point,
                    agreement_deviations * bound.deviation);
    };
    show("captured, idle against busy", real);
    show("simulated, idle against busy", virtual_one);
    report.at_most("captured against simulated: AUCs apart, in deviations of their difference",
                   deviations_apart(real, virtual_one), agreement_deviations);
}

}  // namespace nightjar::privacy
