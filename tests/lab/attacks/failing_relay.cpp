#include "tests/lab/attacks/failing_relay.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/core/slot_shares.hpp"
#include "sphinx/base/codec.hpp"
#include "tests/lab/measure/parallel.hpp"
#include "tests/lab/measure/statistics.hpp"
#include "tests/lab/world/client_node.hpp"
#include "tests/lab/world/relay_node.hpp"

namespace nightjar::lab::attacks {
namespace {

using lab::world::World;

constexpr unsigned mixes = 4;  // in each layer
constexpr double before_s = 15;
constexpr double after_s = 90;
constexpr double early_s = 5;  // of them: the session cannot have been given up yet
constexpr double late_s = 30;  // the last ones, when everything has settled

/// An application that downloads without end: opens its stream again whenever it is reset.
class Download {
 public:
    explicit Download(client::core::Core& core) : core_{core} {}

    void step(double now) {
        if (!stream_) open();
        if (!stream_) return;
        base::ByteArray<16'384> buffer;
        std::size_t taken = 0;
        while (const auto some = core_.read(*stream_, buffer))
            taken += some;
        if (taken > 0) arrived.emplace_back(now, taken);
        for (const auto& event : core_.take_events())
            if (event.stream == stream_ && event.event.kind == stream::Event::Kind::reset) {
                ++resets;
                stream_.reset();
            }
    }
    double rate(double from, double until) const {
        double sum = 0;
        for (const auto& [at, bytes] : arrived)
            if (at >= from && at < until) sum += static_cast<double>(bytes);
        return sum / (until - from);
    }
    /// The longest time without a byte that begins after `from`.
    double pause(double from, double until) const {
        double longest = 0;
        double last = from;
        for (const auto& [at, bytes] : arrived) {
            if (at < from) continue;
            longest = std::max(longest, at - last);
            last = at;
        }
        return std::max(longest, until - last);
    }

    unsigned resets = 0;
    std::vector<std::pair<double, std::size_t>> arrived;

 private:
    void open() {
        stream_ = core_.open("", {"blob.example", 80});
        if (!stream_) return;
        base::Bytes size(8);
        base::Writer{size}.u64(16'000'000);
        core_.write(*stream_, size);
    }

    client::core::Core& core_;
    std::optional<client::core::StreamRef> stream_;
};

/// Main slots of the client by the mix of layer 2 that their packets pass.
struct Slots {
    std::map<std::array<std::uint8_t, 32>, unsigned> by_mix;
    unsigned sum = 0;

    void see(const lab::world::OnWire& cell) {
        if (!std::holds_alternative<base::MailboxId>(cell.from)) return;
        const auto header = lab::world::read_clear(cell.cell.body());
        // A loop ends at the client's own mailbox, not at a relay.
        const auto& client = std::get<base::MailboxId>(cell.from);
        if (header.destination.bytes == client.bytes) return;
        ++by_mix[header.address[2].bytes];
        ++sum;
    }
    double share(const base::NodeId& mix) const {
        const auto found = by_mix.find(mix.bytes);
        return found == by_mix.end() ? 0 : static_cast<double>(found->second) / sum;
    }
    std::size_t rank(const base::NodeId& mix) const {
        const auto found = by_mix.find(mix.bytes);
        return found == by_mix.end() ? 0 : found->second;
    }
};

lab::world::RelayNode& mix_to_stop(World& world, const Slots& slots, Stop stop) {
    std::size_t chosen = 0;
    for (std::size_t i = 1; i < mixes; ++i) {
        const auto here = slots.rank(world.mix(2, i).identity());
        const auto best = slots.rank(world.mix(2, chosen).identity());
        if (stop == Stop::kept ? here > best : here < best) chosen = i;
    }
    return world.mix(2, chosen);
}

struct Ticks {
    explicit Ticks(const World& world) {
        for (const auto* relay : world.relays()) {
            replies += relay->counters.replies;
            missed += relay->counters.ticks_missed;
        }
    }
    double missed_since(const Ticks& before) const {
        const auto here = static_cast<double>(missed - before.missed);
        return here / std::max(1.0, here + static_cast<double>(replies - before.replies));
    }
    std::uint64_t replies = 0;
    std::uint64_t missed = 0;
};

}  // namespace

FailingRun run_failing(std::uint64_t seed, std::uint32_t fixed_hops, Stop stop) {
    lab::world::WorldOptions options;
    options.seed = seed;
    options.packets = lab::world::Packets::clear;
    options.mixes_per_layer = mixes;
    options.gateways = 4;
    options.parameters.fixed_hops = fixed_hops;
    options.parameters.relay_loops = {1'000};  // nothing here depends on them
    World world{options};
    world.servers.add("blob.example", 80, lab::world::blob_server);
    const auto mailbox = world.fork_random()->id<base::MailboxId>();
    auto& client = world.add<lab::world::ClientNode>(mailbox, mailbox, world.gateway(0).identity());
    Slots slots;
    world.wire = [&slots](lab::world::OnWire& cell) { slots.see(cell); };
    Download download{client.core()};
    const auto seconds = [&world] { return base::to_seconds(world.now() - World::begin); };
    const auto run_for = [&](double length) {
        world.run_until([&] { return download.step(seconds()), false; },
                        base::from_seconds(length));
    };
    run_for(10);  // the session opens, its stream reaches its pace
    slots = {};
    run_for(before_s);
    auto& stopped = mix_to_stop(world, slots, stop);
    stopped.up = false;
    const auto at = seconds();
    FailingRun outcome;
    outcome.rate_before = download.rate(at - before_s, at);
    slots = {};
    run_for(early_s);
    outcome.slots_lost_early = slots.share(stopped.identity());
    run_for(after_s - early_s - late_s);
    slots = {};
    const Ticks ticks{world};
    run_for(late_s);
    outcome.ticks_missed_late = Ticks{world}.missed_since(ticks);
    outcome.slots_lost_late = slots.share(stopped.identity());
    outcome.rate_after = download.rate(at + after_s - late_s, at + after_s);
    outcome.pause_s = download.pause(at, at + after_s);
    outcome.resets = download.resets;
    return outcome;
}

void judge_failing(std::uint32_t fixed_hops, Stop stop, const std::vector<FailingRun>& runs,
                   measure::Report& report) {
    const auto worst = [&runs](const auto& of, bool highest) {
        double found = of(runs.at(0));
        for (const auto& run : runs)
            found = highest ? std::max(found, of(run)) : std::min(found, of(run));
        return found;
    };
    const auto what = std::to_string(fixed_hops) + " kept, ";
    if (fixed_hops == 0) {
        double lost = 0;
        for (const auto& run : runs)
            lost += run.slots_lost_early / static_cast<double>(runs.size());
        report.at_most(what + "a mix fails: slots lost beside 1/n, mean",
                       std::abs(lost - 1.0 / mixes), 0.08);
        return;  // it stays so: nothing is kept that could be given up
    }
    const auto lost_early = [](const FailingRun& run) { return run.slots_lost_early; };
    const auto resets = [](const FailingRun& run) { return static_cast<double>(run.resets); };
    if (stop == Stop::kept) {
        // Fillers pass other mixes.
        report.at_least(what + "the kept mix fails: share of slots lost at first, least",
                        worst(lost_early, false), 0.95 * (1 - client::core::spare_share));
        report.at_least(what + "the kept mix fails: sessions given up, fewest",
                        worst(resets, false), 1);
        // A next session may keep the same mix.
        const auto pause = [](const FailingRun& run) {
            return run.pause_s / std::max(1u, run.resets);
        };
        report.at_most(
            what + "the kept mix fails: seconds without a byte for each session given up",
            worst(pause, true), 23);  // 8 s of silence, the next decision, 3 s, a round trip
    } else {
        report.at_most(what + "another mix fails: share of slots lost, most",
                       worst(lost_early, true), 0.05);
        report.at_most(what + "another mix fails: sessions given up, most", worst(resets, true), 0);
        report.at_most(what + "another mix fails: longest time without a byte, s",
                       worst([](const FailingRun& run) { return run.pause_s; }, true), 2);
    }
    report.at_most(what + "a minute after: share of slots lost, most",
                   worst([](const FailingRun& run) { return run.slots_lost_late; }, true), 0.05);
    report.at_least(
        what + "a minute after: goodput beside before, least",
        worst([](const FailingRun& run) { return run.rate_after / run.rate_before; }, false), 0.9);
}

void failing_relay(const measure::Options& options, measure::Report& report) {
    const auto seeds = options.or_else(options.seeds, 3u, 20u);
    struct Job {
        std::uint32_t fixed_hops;
        Stop stop;
        std::uint64_t seed;
    };
    std::vector<Job> jobs;
    for (std::uint32_t fixed_hops = 0; fixed_hops <= 3; ++fixed_hops)
        for (const auto stop : {Stop::kept, Stop::other})
            for (unsigned i = 0; i < seeds && (fixed_hops > 0 || stop == Stop::kept); ++i)
                jobs.push_back({fixed_hops, stop, options.seed + i});
    const auto outcomes = measure::side_by_side(
        jobs.size(),
        [&](std::size_t i) { return run_failing(jobs[i].seed, jobs[i].fixed_hops, jobs[i].stop); },
        [&](std::size_t made) {
            report.progress("a relay fails", static_cast<double>(made) / double(jobs.size()));
        });
    auto outcome = outcomes.begin();
    for (std::uint32_t fixed_hops = 0; fixed_hops <= 3; ++fixed_hops) {
        double expected = 0;  // slots lost, over which mix of the layer it is that fails
        for (const auto stop : {Stop::kept, Stop::other}) {
            if (fixed_hops == 0 && stop == Stop::other) continue;  // none is kept
            double lost = 0;
            judge_failing(fixed_hops, stop, {outcome, outcome + seeds}, report);
            for (unsigned i = 0; i < seeds; ++i) {
                const auto one = *outcome++;
                lost += one.slots_lost_early / seeds;
                report.row("routes", "failing_relay",
                           {{"seed", options.seed + i},
                            {"fixed_hops", fixed_hops},
                            {"mixes_per_layer", mixes},
                            {"stopped", fixed_hops == 0      ? "any"
                                        : stop == Stop::kept ? "kept"
                                                             : "other"},
                            {"rate_before_Bps", one.rate_before},
                            {"rate_after_Bps", one.rate_after},
                            {"pause_s", one.pause_s},
                            {"resets", one.resets},
                            {"slots_lost_early", one.slots_lost_early},
                            {"slots_lost_late", one.slots_lost_late},
                            {"ticks_missed_late", one.ticks_missed_late}});
            }
            const auto weight = stop == Stop::kept ? 1.0 / mixes : 1 - 1.0 / mixes;
            expected += fixed_hops == 0 ? lost : weight * lost;
        }
        // With a kept mix this is 1/n by construction: a row for the plot, and no verdict.
        report.row(
            "routes", "failing_relay_mean",
            {{"fixed_hops", fixed_hops}, {"slots_lost", expected}, {"one_in_n", 1.0 / mixes}});
    }
}

}  // namespace nightjar::lab::attacks
