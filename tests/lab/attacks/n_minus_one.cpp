#include "tests/lab/attacks/n_minus_one.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/lab/attacks/watched_world.hpp"
#include "tests/lab/measure/parallel.hpp"

namespace nightjar::lab::attacks {
namespace {

using directory::MixLaw;
using lab::world::OnWire;
using lab::world::read_clear;

constexpr double warm_up_s = 75;     // by then a relay watches its loops
constexpr double try_every_s = 1.2;  // longer than a relay holds any packet

enum class How { withheld, replaced, delayed };
constexpr const char* how_names[] = {"withheld", "replaced", "delayed"};

struct Case {
    const char* law;
    directory::Mixing mixing;
    base::Milliseconds mean_delay;
    How how;
    double share;     // of the packets into the mix
    double within_s;  // the relay must notice it within this time
    /// The attacker pauses between attacks of half a second and more; 0: it never does. What it
    /// delays goes on when its attack ends.
    double on_s = 0;
    double every_s = 0;
    bool only_full = false;  // the reduced form leaves it out
};

constexpr directory::Mixing pool{
    .law = MixLaw::timed_pool, .interval = base::Milliseconds{25}, .keep = 1};
constexpr directory::Mixing threshold{.law = MixLaw::threshold, .packets = 20};
constexpr base::Milliseconds mean{50};
constexpr base::Milliseconds longest{100};

constexpr Case cases[] = {
    {"poisson", {}, mean, How::withheld, 0.5, 15},
    {"poisson", {}, mean, How::withheld, 0.9, 8},
    {"poisson", {}, mean, How::withheld, 1, 8},
    {"poisson", {}, mean, How::replaced, 1, 8},
    {"poisson", {}, mean, How::withheld, 1, 60, 0.6, 3},
    {"poisson", {}, mean, How::replaced, 0.5, 15, 0, 0, true},
    {"poisson", {}, mean, How::replaced, 0.9, 8, 0, 0, true},
    {"poisson", {}, mean, How::delayed, 0.5, 60, 1.2, 1.2, true},
    {"poisson", {}, mean, How::delayed, 0.9, 15, 1.2, 1.2, true},
    {"poisson", {}, mean, How::delayed, 1, 15, 1.2, 1.2},
    {"timed-pool", pool, mean, How::withheld, 0.5, 15},
    {"timed-pool", pool, mean, How::withheld, 0.9, 8},
    {"timed-pool", pool, mean, How::withheld, 1, 8},
    {"threshold", threshold, longest, How::withheld, 0.5, 15},
    {"threshold", threshold, longest, How::withheld, 0.9, 8},
    {"threshold", threshold, longest, How::withheld, 1, 8},
};

/// Keeps cells and sends them on later, in any order: the attacker is the relay before the mix, or
/// has its keys. On one link a held cell would hold back those behind it. All go on together, at
/// the end of each attack.
class Later final : public lab::world::Node {
 public:
    explicit Later(lab::world::World& world) : world_{world} {}

    /// Not during a run.
    void begin(base::Nanoseconds every) {
        every_ = every;
        due_ = world_.now() + every;
    }
    void hold(const OnWire& cell) { held_.push_back({cell.from, cell.to, cell.cell}); }
    bool sends() const { return sends_; }

    bool receive(std::uint32_t, cell::CellBox, base::Mono) override { return false; }
    void step(base::Mono now) override {
        if (now < due_) return;
        due_ += every_;
        sends_ = true;
        for (const auto& one : std::exchange(held_, {}))
            world_.send(one.from, one.to, one.cell);
        sends_ = false;
    }
    base::Mono next_due() const override { return due_; }

 private:
    struct Held {
        lab::world::Peer from, to;
        cell::Cell cell;
    };
    lab::world::World& world_;
    std::vector<Held> held_;
    base::Nanoseconds every_{};
    base::Mono due_ = base::Mono::max();
    bool sends_ = false;
};

/// Sits between the wire and one mix. It knows the law by which the mix holds packets, and all that
/// enters. It lets one packet of another sender through and picks one of those that leave, in two
/// ways: the first to leave at all, and the first at a moment at which the law can release packets.
class Attacker {
 public:
    Attacker(const Case& attack, lab::world::World& world, lab::world::RelayNode& target,
             Later* later, std::unique_ptr<base::Random> random)
        : attack_{attack},
          world_{world},
          relay_{target},
          later_{later},
          target_{target.number},
          random_{std::move(random)} {}

    void wire(OnWire& cell) {
        if (cell.to_number == target_) return into(cell);
        if (cell.from_number != target_ || !std::holds_alternative<base::NodeId>(cell.to)) return;
        learn(cell);
        out_of(cell);
    }
    void begin() {
        attacks_ = true;
        begun_ = world_.now();
        if (later_) later_->begin(base::from_seconds(attack_.every_s));
    }

    struct Score {
        unsigned tries = 0;
        unsigned first = 0;    // right, by the first to leave
        unsigned by_law = 0;   // right, by the first at a moment of a release
        unsigned company = 0;  // cells that left from the entry on until the packet did
    };
    Score before;    // until the relay answered
    Score answered;  // from then on

 private:
    void into(OnWire& cell) {
        if (!attacks_ || (later_ && later_->sends())) return;
        const auto header = read_clear(cell.cell.body());
        const bool goes_on = header.at + 1 < header.hops;
        const auto since = attack_.every_s > 0
                               ? std::fmod(base::to_seconds(world_.now() - begun_), attack_.every_s)
                               : attack_.on_s;
        if (since > attack_.on_s) {
            if (goes_on) enter();
            return;
        }
        // The mix has half of an attack to become empty.
        if (goes_on && !packet_ && world_.now() >= next_try_ && since >= attack_.on_s / 2) {
            packet_ = header.unique;
            next_try_ = world_.now() + base::from_seconds(try_every_s);
            entered_ = world_.now() + world_.link.latency;
            guessed_first_ = guessed_by_law_ = false;
            score_ = relay_.pipeline().answers() ? &answered : &before;
            enter();
            return;
        }
        if (random_->unit() >= attack_.share) {
            if (goes_on) enter();
            return;
        }
        if (attack_.how == How::delayed) later_->hold(cell);
        if (attack_.how != How::replaced || !goes_on) {
            cell.copies = 0;
            return;
        }
        // A packet of the attacker's own, along the same way. No relay's loop comes home.
        auto own = header;
        own.unique = random_->u64();
        own.identifier = random_->id<base::SurbId>();
        lab::world::write_clear(own, cell.cell.body());
        own_.insert(own.unique);
    }
    void enter() {
        if (!oldest_) oldest_ = world_.now() + world_.link.latency;
    }
    /// A timed pool releases at one place of the interval: the busiest one.
    void learn(const OnWire& cell) {
        if (attack_.mixing.law != MixLaw::timed_pool || attacks_) return;
        ++left_at_[place(cell.sent)];
    }
    std::size_t place(base::Mono at) const {
        return static_cast<std::size_t>(at.time_since_epoch() % attack_.mixing.interval /
                                        base::Milliseconds{1});
    }
    bool may_release(base::Mono at) const {
        switch (attack_.mixing.law) {
            case MixLaw::timed_pool:
                return std::max_element(left_at_.begin(), left_at_.end()) - left_at_.begin() ==
                       static_cast<std::ptrdiff_t>(place(at));
            case MixLaw::threshold:
                // Too early for the longest wait, unless there are enough.
                return attack_.share < 1 || !oldest_ ||
                       at >= *oldest_ + attack_.mean_delay - base::Milliseconds{1};
            case MixLaw::poisson:
                break;
        }
        return true;
    }
    void out_of(const OnWire& cell) {
        const bool released = may_release(cell.sent);
        if (released) oldest_.reset();
        if (!packet_ || world_.now() < entered_) return;
        const auto unique = read_clear(cell.cell.body()).unique;
        if (own_.contains(unique)) return;
        const bool right = unique == *packet_;
        ++score_->company;
        if (!std::exchange(guessed_first_, true)) score_->first += right;
        if (released && !std::exchange(guessed_by_law_, true)) score_->by_law += right;
        if (!right) return;
        ++score_->tries;
        packet_.reset();
    }

    const Case& attack_;
    lab::world::World& world_;
    lab::world::RelayNode& relay_;
    Later* later_;  // of an attacker that delays
    std::size_t target_;
    std::unique_ptr<base::Random> random_;
    bool attacks_ = false;
    base::Mono begun_{};
    Score* score_ = nullptr;               // of the packet that was let through
    std::optional<std::uint64_t> packet_;  // the one that was let through
    base::Mono next_try_{};
    base::Mono entered_{};
    bool guessed_first_ = false;
    bool guessed_by_law_ = false;
    std::optional<base::Mono> oldest_;  // of the packets that are inside
    std::array<std::size_t, 64> left_at_{};
    std::set<std::uint64_t> own_;
};

struct Outcome {
    Attacker::Score before;
    Attacker::Score answered;
    std::optional<double> noticed_s;
};

Outcome run(const Case& attack, bool answer, std::uint64_t seed, unsigned clients, double seconds) {
    auto parameters = lab::world::world_parameters();
    parameters.mixing = attack.mixing;
    parameters.mean_delay = attack.mean_delay;
    WatchedWorld watched{seed, clients, 0, parameters, answer};
    auto& world = watched.world();
    auto& mix = world.mix(2, 0);
    auto random = world.fork_random();
    Later* later = nullptr;
    if (attack.how == How::delayed)
        later = &world.add<Later>(world.fork_random()->id<base::MailboxId>());
    Attacker attacker{attack, world, mix, later, std::move(random)};
    world.wire = [&attacker](OnWire& cell) { attacker.wire(cell); };
    watched.run(warm_up_s);
    watched.forget();
    attacker.begin();
    watched.run(seconds);
    Outcome outcome{attacker.before, attacker.answered, {}};
    for (std::size_t i = 0; i < watched.relays(); ++i)
        if (world.relays()[i] == &mix) outcome.noticed_s = watched.relay_noticed(i);
    return outcome;
}

void add(Attacker::Score& sum, const Attacker::Score& one) {
    sum.tries += one.tries;
    sum.first += one.first;
    sum.by_law += one.by_law;
    sum.company += one.company;
}

/// How often the better of the two guesses was right.
double followed(const Attacker::Score& score) {
    return score.tries ? std::max(score.first, score.by_law) / double(score.tries) : 0;
}

double company(const Attacker::Score& score) {
    return score.tries ? score.company / double(score.tries) : 0;
}

}  // namespace

void n_minus_one(const measure::Options& options, measure::Report& report) {
    std::vector<Case> taken;
    std::copy_if(std::begin(cases), std::end(cases), std::back_inserter(taken),
                 [&](const Case& one) { return options.full || !one.only_full; });
    const auto seeds = options.or_else(options.seeds, 2u, 4u);
    const auto clients = options.or_else(options.clients, 6u, 12u);
    const auto seconds = options.or_else(options.seconds, 60.0, 120.0);
    const auto runs = taken.size() * 2 * seeds;
    const auto outcomes = measure::side_by_side(
        runs,
        [&](std::size_t i) {
            return run(taken[i / (2 * seeds)], i / seeds % 2 == 1, options.seed + i % seeds,
                       clients, seconds);
        },
        [&](std::size_t made) { report.progress("n-1", double(made) / double(runs)); });
    for (std::size_t c = 0; c < taken.size(); ++c) {
        const auto& attack = taken[c];
        Attacker::Score alone;
        Attacker::Score answered;
        double noticed = 0;
        for (unsigned i = 0; i < 2 * seeds; ++i) {
            const auto& one = outcomes[c * 2 * seeds + i];
            add(alone, one.before);
            add(answered, one.answered);
            noticed = std::max(noticed, one.noticed_s.value_or(1e9));
        }
        const auto* how = how_names[static_cast<std::size_t>(attack.how)];
        report.row("active", "n_minus_one",
                   {{"seed", options.seed},
                    {"seeds", seeds},
                    {"law", attack.law},
                    {"how", how},
                    {"share", attack.share},
                    {"on_s", attack.on_s},
                    {"every_s", attack.every_s},
                    {"noticed_s", noticed},
                    {"tries", alone.tries},
                    {"followed", followed(alone)},
                    {"company", company(alone)},
                    {"tries_answered", answered.tries},
                    {"followed_answered", followed(answered)},
                    {"company_answered", company(answered)}});
        const auto name = std::string{"n-1, "} + attack.law + ", " +
                          std::to_string(std::lround(100 * attack.share)) + " % " + how +
                          (attack.every_s > attack.on_s ? ", a fifth of the time" : "");
        report.at_most(name + ": seconds until the answer", noticed, attack.within_s);
        report.at_most(name + ": packets followed while the relay answers", followed(answered),
                       0.15);
        if (attack.share == 1)
            report.at_least("control, " + name + ": packets followed without the answer",
                            followed(alone), 0.25);
    }
}

}  // namespace nightjar::lab::attacks
