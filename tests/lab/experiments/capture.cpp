#include "tests/lab/experiments/capture.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <utility>

#include "tests/lab/attacks/crowd.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"

namespace nightjar::lab::experiments {
namespace {

constexpr double bin_seconds = 0.25;
constexpr double settled_seconds = 10;
constexpr double payload_bytes = 1980;  // of a packet
constexpr unsigned layers = 3;
constexpr unsigned relabellings = 200;
constexpr unsigned left_out = 20;  // of the controls: one cell in so many

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

attacks::CrowdOptions crowd_options(const Observed& observed, std::uint64_t seed, double seconds) {
    attacks::CrowdOptions crowd;
    crowd.seed = seed;
    crowd.clients = 1;
    crowd.seconds = seconds;
    crowd.begins_within = 0;
    crowd.network.layers = layers;
    crowd.network.mixes_per_layer = observed.mixes;
    crowd.network.gateways = observed.gateways;
    crowd.network.parameters = observed.parameters;
    // Only windows behind settled_seconds count, when the session is open.
    crowd.network.parameters.session_grid = base::Seconds{1};
    // More than the slots can carry in this time, so that the transfer lasts for the whole window.
    const auto most = std::max(observed.parameters.main_slots, observed.parameters.replies);
    crowd.bytes = static_cast<std::size_t>(1.5 * most.per_second() * payload_bytes * seconds);
    return crowd;
}

double auc_of(const std::vector<measure::Sample>& samples) {
    std::vector<double> idle, busy;
    for (const auto& sample : samples)
        (sample.busy ? busy : idle).push_back(sample.score);
    return measure::auc(idle, busy);
}

/// The AUCs where there is nothing to find: whether a window is busy is dealt out anew among those
/// of its parity.
std::vector<double> aucs_by_chance(std::vector<measure::Observation> observations,
                                   base::Random& random) {
    std::map<std::uint64_t, bool> busy;
    for (const auto& one : observations)
        busy[one.seed] = one.busy;
    std::vector<std::uint64_t> windows[2];
    for (const auto& [window, is_busy] : busy)
        windows[window % 2].push_back(window);
    std::vector<double> areas;
    while (areas.size() < relabellings) {
        for (const auto& same : windows)
            for (auto left = same.size(); left > 1; --left)
                std::swap(busy[same[left - 1]],
                          busy[same[static_cast<std::size_t>(random.below(left))]]);
        for (auto& one : observations)
            one.busy = busy[one.seed];
        areas.push_back(auc_of(cross_fitted(observations)));
    }
    return areas;
}

double deviation_of(const std::vector<double>& values) {
    const auto middle = measure::mean(values);
    double squares = 0;
    for (const auto value : values)
        squares += (value - middle) * (value - middle);
    return std::sqrt(squares / static_cast<double>(values.size()));
}

/// The mean count of the client's cells in a busy window less that in an idle one.
double counts_apart(std::span<const Slice> slices, attacks::Times Slice::*way) {
    std::map<std::uint64_t, double> counts[2];  // by busy, then by window
    for (const auto& slice : slices)
        counts[slice.busy][slice.window] += static_cast<double>((slice.*way).size());
    double means[2] = {0, 0};
    for (const bool busy : {false, true})
        for (const auto& [window, count] : counts[busy])
            means[busy] += count / static_cast<double>(counts[busy].size());
    return means[1] - means[0];
}

/// Slices of one source: judged, written as a row, and held against what shows nothing.
struct Source {
    const char* name;   // of the rows
    const char* title;  // of the verdicts
    std::span<const Slice> slices;
    unsigned windows;
};

Shown judged(const Source& source, bool control, const measure::Options& options,
             measure::Report& report) {
    base::SeededRandom random{options.seed};
    const auto shown = judge(source.slices, random);
    const auto& auc = shown.auc;
    report.row("capture", "auc",
               {{"source", source.name},
                {"control", control},
                {"up", shown.up},
                {"down", shown.down},
                {"chance", shown.chance},
                {"auc", auc.point},
                {"lower", std::max(0.0, auc.point - agreement_deviations * auc.deviation)},
                {"upper", std::min(1.0, auc.point + agreement_deviations * auc.deviation)},
                {"deviation", auc.deviation},
                {"slices", source.slices.size()},
                {"windows", source.windows},
                {"links", source.slices.front().links.size()}});
    return shown;
}

/// The control: with one cell in twenty of the busy windows left out each verdict must refuse, in
/// this very run. `honest` is what the AUC is compared with.
void judge_control(const Source& source, const CountLimits& limits, const measure::Bound& honest,
                   const measure::Options& options, measure::Report& report) {
    const auto thinned = thinned_when_busy({source.slices.begin(), source.slices.end()}, left_out);
    const Source control{source.name, source.title, thinned, source.windows};
    const auto shown = judged(control, true, options, report);
    const auto what = [&](const char* measured) {
        return std::string{source.title} + ", one cell in 20 of the busy left out: " + measured;
    };
    report.at_least(what("cells up, idle less busy"), -shown.up, limits.up);
    report.at_least(what("cells down, idle less busy"), -shown.down, limits.down);
    report.at_most(what("chance of such an AUC"), shown.chance, chance_least);
    report.at_least(what("AUC, in deviations from the simulated one"),
                    deviations_apart(shown.auc, honest), agreement_deviations);
}

}  // namespace

attacks::Row slice_features(const Slice& slice) {
    const attacks::Window whole{0, slice_seconds};
    auto row = shape(slice.up, whole, bin_seconds);
    const auto down = shape(slice.down, whole, bin_seconds);
    row.insert(row.end(), down.begin(), down.end());
    row.insert(row.end(), slice.links.begin(), slice.links.end());
    return row;
}

std::vector<Slice> thinned_when_busy(std::vector<Slice> slices, unsigned one_in) {
    for (auto way : {&Slice::up, &Slice::down}) {
        std::size_t seen = 0;
        for (auto& slice : slices)
            if (slice.busy) std::erase_if(slice.*way, [&](float) { return ++seen % one_in == 0; });
    }
    return slices;
}

Shown judge(std::span<const Slice> slices, base::Random& random) {
    std::vector<measure::Observation> observations;
    for (const auto& slice : slices)
        observations.push_back({slice.window, slice.busy, slice_features(slice)});
    Shown shown{counts_apart(slices, &Slice::up), counts_apart(slices, &Slice::down)};
    shown.auc = auc_bound(cross_fitted(observations), random);
    const auto areas = aucs_by_chance(std::move(observations), random);
    shown.auc.deviation = std::max(shown.auc.deviation, deviation_of(areas));
    const auto as_large = std::count_if(areas.begin(), areas.end(),
                                        [&](double area) { return area >= shown.auc.point; });
    shown.chance = (1.0 + static_cast<double>(as_large)) / (1.0 + relabellings);
    return shown;
}

CountLimits count_limits(const directory::Parameters& parameters, double window_seconds) {
    const auto up = parameters.main_slots.per_second() + parameters.client_loops.per_second();
    return {up * window_seconds / 100, parameters.down.per_second() * window_seconds / 100};
}

bool nothing_shown(const Shown& shown, const CountLimits& limits) {
    return std::abs(shown.up) <= limits.up && std::abs(shown.down) <= limits.down &&
           shown.chance >= chance_least;
}

double deviations_apart(const measure::Bound& a, const measure::Bound& b) {
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
        options.work = i / 4 % 2 == 0 ? attacks::Work::download : attacks::Work::upload;
        std::vector<Slice> slices(slices_each, Slice{i, busy, {}, {}, {}});
        for (auto& slice : slices)
            slice.links.resize(links.count());
        options.seen = [&](const lab::world::OnWire& cell) {
            const auto at =
                base::to_seconds(cell.sent - lab::world::World::begin) - settled_seconds;
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
        attacks::Crowd{options}.run();
        all.insert(all.end(), slices.begin(), slices.end());
        if (progress) progress(i + 1);
    }
    return all;
}

void capture(const measure::Options& options, measure::Report& report) {
    const auto read = read_capture(options.capture);
    const auto windows = std::max(4u, options.or_else(options.seeds, 400u, 1000u) / 4 * 4);
    const auto each =
        std::max<unsigned>(1, static_cast<unsigned>(read.slices.size()) / read.windows);
    const auto simulated =
        simulate_slices(read.observed, options.seed * 10'000, windows, each, [&](unsigned done) {
            report.progress("the same network, simulated", 1.0 * done / windows);
        });

    const auto limits = count_limits(read.observed.parameters, slice_seconds * each);
    const Source real{"capture", "captured", read.slices, read.windows};
    const Source virtual_one{"simulation", "simulated", simulated, windows};
    const auto shown = judged(real, false, options, report);
    const auto expected = judged(virtual_one, false, options, report);
    for (const auto& [source, found] : {std::pair{&real, &shown}, {&virtual_one, &expected}})
        std::printf(
            "%s, idle against busy: AUC %.3f ± %.3f, by chance %.3f; cells %+.2f up, %+.2f down\n",
            source->title, found->auc.point, agreement_deviations * found->auc.deviation,
            found->chance, found->up, found->down);
    judge_control(real, limits, expected.auc, options, report);
    judge_control(virtual_one, limits, expected.auc, options, report);

    report.at_most("captured: cells up of a busy window and an idle one apart", std::abs(shown.up),
                   limits.up);
    report.at_most("captured: cells down of a busy window and an idle one apart",
                   std::abs(shown.down), limits.down);
    report.at_least("captured: chance of such an AUC", shown.chance, chance_least);
    report.at_most("captured against simulated: AUCs apart, in deviations of their difference",
                   deviations_apart(shown.auc, expected.auc), agreement_deviations);
}

}  // namespace nightjar::lab::experiments
