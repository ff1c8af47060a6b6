#include "tests/privacy/tagging.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "sphinx/base/codec.hpp"
#include "tests/privacy/parallel.hpp"
#include "tests/privacy/statistics.hpp"
#include "tests/simulation/client_node.hpp"
#include "tests/simulation/probe.hpp"
#include "tests/simulation/relay_node.hpp"

namespace nightjar::privacy {
namespace {

using simulation::OnWire;
using simulation::World;

/// What an observer of every wire sees.
struct Seen {
    base::Mono at;
    std::size_t from = 0;
    std::size_t to = 0;
    bool client_link = false;
    auto operator<=>(const Seen&) const = default;
};
using Trace = std::vector<Seen>;
using Hand = std::function<void(OnWire&)>;

bool from_client(const OnWire& cell) {
    return std::holds_alternative<base::MailboxId>(cell.from);
}
bool to_relay(const OnWire& cell) {
    return std::holds_alternative<base::NodeId>(cell.to);
}
bool is_packet(const OnWire& cell) {
    return cell.cell.kind() == cell::Kind::packet;
}

Seen note(const OnWire& cell) {
    return {cell.sent, cell.from_number, cell.to_number, from_client(cell) || !to_relay(cell)};
}

/// Cells that are in one of the two and not in the other.
std::size_t differing(Trace a, Trace b) {
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    Trace apart;
    std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(),
                                  std::back_inserter(apart));
    return apart.size();
}

Trace only(const Trace& trace, const std::function<bool(const Seen&)>& which) {
    Trace kept;
    std::copy_if(trace.begin(), trace.end(), std::back_inserter(kept), which);
    return kept;
}

// --- every packet, with cryptography ---

struct Real {
    Trace trace;
    std::size_t touched = 0;  // packets that the attacker's hands were on
};

/// Relays and a sender of loops and of messages to an exit.
Real real_run(std::uint64_t seed, base::Seconds length, const Hand& hand) {
    simulation::WorldOptions options;
    options.seed = seed;
    options.parameters.relay_loops = {4'000};
    World world{options};
    const base::MailboxId alice{{1}};
    auto& probe = world.add<simulation::Probe>(alice, alice, world.gateway(0).identity());
    Real run;
    world.wire = [&](OnWire& cell) {
        run.trace.push_back(note(cell));
        if (!hand || !is_packet(cell) || !to_relay(cell)) return;
        hand(cell);
        ++run.touched;
    };
    probe.send_loops_at(15);
    for (base::Seconds passed{}; passed < length; passed += base::Seconds{1}) {
        probe.send_to_exit(world.gateway(1).identity(), base::as_bytes("not a session's message"));
        world.run_for(base::Seconds{1});
    }
    return run;
}

// --- clients and their sessions, in clear ---

/// The payload of a real packet is garbled as a whole by a single changed bit; of one in clear, the
/// zeros that a message is known by are.
void tag(OnWire& cell) {
    cell.cell.body()[packet::header_size] ^= 1;
}

struct Clients {
    Trace trace;
    std::size_t gateway = 0;  // of the first client
    std::size_t exit = 0;     // of its session
    std::size_t touched = 0;  // cells that the attacker's hands were on
    base::Mono attack_at;
    base::Mono first_end = base::Mono::max();  // when an attacked packet's route first ends
};

enum class Whose { nobodys, loops, session_some, session_all };
enum class What { tagged, dropped, twice };
struct Case {
    const char* name;
    Whose whose;
    What what;
};

constexpr double warm_up_s = 10;
constexpr double attack_s = 20;
constexpr unsigned one_in = 20;  // of a session's packets, for session_some

class Attacked {
 public:
    Attacked(std::uint64_t seed, const Case& attack) : attack_{attack}, world_{options(seed)} {
        world_.servers.add("blob.example", 80, simulation::blob_server);
        for (unsigned i = 0; i < 2; ++i) {
            const auto mailbox = world_.fork_random()->id<base::MailboxId>();
            clients_.push_back(&world_.add<simulation::ClientNode>(mailbox, mailbox,
                                                                   world_.gateway(i).identity()));
        }
        seen_.gateway = world_.number_of(world_.gateway(0).identity());
        seen_.exit = seen_.gateway;
        world_.wire = [this](OnWire& cell) { wire(cell); };
    }

    Clients run() {
        world_.run_for(base::from_seconds(warm_up_s));
        auto& core = clients_[0]->core();
        if (const auto stream = core.open("download", {"blob.example", 80})) {
            base::Bytes size(8);
            base::Writer{size}.u64(16'000'000);
            core.write(*stream, size);
        }
        attacking_ = true;
        seen_.attack_at = world_.now();
        world_.run_for(base::from_seconds(attack_s));
        return std::move(seen_);
    }

 private:
    static simulation::WorldOptions options(std::uint64_t seed) {
        simulation::WorldOptions made;
        made.seed = seed;
        made.packets = simulation::Packets::clear;
        made.gateways = 3;
        made.parameters.relay_loops = {5'000};
        return made;
    }

    void wire(OnWire& cell) {
        seen_.trace.push_back(note(cell));
        if (!is_packet(cell)) return;
        if (!to_relay(cell)) {
            // A delivery: it can only come twice.
            if (attacking_ && attack_.what == What::twice) {
                cell.copies = 2;
                ++seen_.touched;
            }
            return;
        }
        const auto header = simulation::read_clear(cell.cell.body());
        follow(cell, header);
        if (attacking_ && wanted(cell, header)) attack(cell, header);
    }
    /// Which exit the first client uses, and when an attacked packet first ends.
    void follow(const OnWire& cell, const simulation::ClearHeader& header) {
        const auto& first = clients_[0]->mailbox();
        if (!attacking_ && from_client(cell) && std::get<base::MailboxId>(cell.from) == first &&
            header.destination.bytes != first.bytes)
            seen_.exit = world_.number_of(base::NodeId{header.destination.bytes});
        if (header.at + 1 == header.hops && attacked_.contains(header.unique))
            seen_.first_end = std::min(seen_.first_end, cell.sent + world_.link.latency);
    }
    bool wanted(const OnWire& cell, const simulation::ClearHeader& header) {
        const auto& first = clients_[0]->mailbox();
        const bool loop = header.destination.bytes == header.address[header.hops - 1].bytes
                              ? !header.identifier.is_zero()
                              : header.hops == packet::max_hops;
        switch (attack_.whose) {
            case Whose::nobodys:
                return false;
            case Whose::loops:
                return loop;
            case Whose::session_some:
            case Whose::session_all:
                break;
        }
        if (attack_.what == What::twice) return !from_client(cell) || ++count_ % one_in == 0;
        // On the link from the client's gateway on, where its packets to the exit begin, and on
        // the first link of each reply to it.
        const auto sender = cell.from_number;
        const bool out =
            sender == seen_.gateway && header.at == 1 && !loop && header.hops == packet::max_hops;
        const bool back = header.at == 0 && header.destination.bytes == first.bytes && !loop &&
                          !from_client(cell);
        if (!out && !back) return false;
        return attack_.whose == Whose::session_all || ++count_ % one_in == 0;
    }
    void attack(OnWire& cell, const simulation::ClearHeader& header) {
        attacked_.insert(header.unique);
        ++seen_.touched;
        if (attack_.what == What::tagged) tag(cell);
        if (attack_.what == What::dropped) cell.copies = 0;
        if (attack_.what == What::twice) cell.copies = 2;
    }

    const Case& attack_;
    World world_;
    std::vector<simulation::ClientNode*> clients_;
    Clients seen_;
    bool attacking_ = false;
    unsigned count_ = 0;
    std::set<std::uint64_t> attacked_;
};

constexpr Case calm{"calm", Whose::nobodys, What::tagged};
constexpr Case loops_tagged{"every loop tagged", Whose::loops, What::tagged};
constexpr Case replayed{"every packet sent twice", Whose::session_all, What::twice};
constexpr Case some_tagged{"one in 20 of a session tagged", Whose::session_some, What::tagged};
constexpr Case some_dropped{"one in 20 of a session dropped", Whose::session_some, What::dropped};
constexpr Case all_tagged{"all of a session tagged", Whose::session_all, What::tagged};

std::size_t differing_on_client_links(const Clients& a, const Clients& b) {
    const auto client_link = [](const Seen& seen) { return seen.client_link; };
    return differing(only(a.trace, client_link), only(b.trace, client_link));
}

std::size_t differing_before(base::Mono end, const Clients& a, const Clients& b) {
    const auto before = [end](const Seen& seen) { return seen.at < end; };
    return differing(only(a.trace, before), only(b.trace, before));
}

void trace_row(Report& report, std::uint64_t seed, const char* attack, std::size_t cells,
               std::size_t touched, std::size_t everywhere, std::size_t on_client_links,
               std::size_t before_its_end) {
    report.row("active", "trace",
               {{"seed", seed},
                {"attack", attack},
                {"cells", cells},
                {"touched", touched},
                {"differing", everywhere},
                {"differing_on_client_links", on_client_links},
                {"differing_before_first_end", before_its_end}});
}

/// The control of "no cell differs": there was an attack, in each run.
void judge_touched(const std::string& attack, std::size_t fewest, Report& report) {
    constexpr double least = 50;  // half of what the rarest attack touches
    report.at_least("control, " + attack + ": packets touched, fewest of a run",
                    static_cast<double>(fewest), least);
}

void real_traces(const Options& options, Report& report) {
    const base::Seconds length{options.full ? 60 : 5};
    const auto quiet = real_run(options.seed, length, {});
    const std::pair<const char*, Hand> hands[] = {
        {"real packets, every payload tagged",
         [](OnWire& cell) { cell.cell.body()[1400] ^= 0x10; }},
        {"real packets, every packet twice", [](OnWire& cell) { cell.copies = 2; }},
    };
    for (const auto& [name, hand] : hands) {
        const auto attacked = real_run(options.seed, length, hand);
        const auto apart = differing(attacked.trace, quiet.trace);
        trace_row(report, options.seed, name, quiet.trace.size(), attacked.touched, apart, apart,
                  apart);
        judge_touched(name, attacked.touched, report);
        report.at_most(std::string{name} + ": cells that differ on any link",
                       static_cast<double>(apart), 0);
    }
}

enum Feature : std::size_t { sent_by_exit, into_exit, sent_by_gateway, into_gateway, features };

/// Counts on the links between the mixes and both ends of the first client's session, against what
/// they were before the attack: one observation for each two seconds of its last half, when a
/// session that is given up has gone.
void observe(const Clients& seen, std::uint64_t seed, bool busy, std::vector<Observation>& out) {
    constexpr double before_s = 4;
    constexpr double window_s = 2;
    constexpr int windows = static_cast<int>(attack_s / 2 / window_s);
    std::vector<std::vector<double>> counts(windows, std::vector<double>(features));
    const auto add = [&seen](const Seen& cell, std::vector<double>& to, double weight) {
        if (cell.from == seen.exit) to[sent_by_exit] += weight;
        if (cell.to == seen.exit) to[into_exit] += weight;
        if (cell.from == seen.gateway) to[sent_by_gateway] += weight;
        if (cell.to == seen.gateway) to[into_gateway] += weight;
    };
    for (const auto& cell : seen.trace) {
        if (cell.client_link) continue;
        const auto at = base::to_seconds(cell.at - seen.attack_at);
        if (at >= -before_s && at < 0)
            for (auto& window : counts)
                add(cell, window, -window_s / before_s);
        if (at >= attack_s / 2 && at < attack_s)
            add(cell, counts[static_cast<std::size_t>((at - attack_s / 2) / window_s)], 1);
    }
    for (auto& window : counts)
        out.push_back({seed, busy, std::move(window)});
}

/// All runs of one attack.
struct Runs {
    const Case& attack;
    unsigned most;             // so many seeds at most
    std::size_t anywhere = 0;  // cells that differ, and where
    std::size_t on_client_links = 0;
    std::size_t before_its_end = 0;
    std::size_t touched = std::numeric_limits<std::size_t>::max();  // in the run with the fewest
    std::vector<Observation> observed = {};
};

/// One attack, one seed.
struct One {
    std::size_t cells = 0;  // without an attack
    std::size_t touched = 0;
    std::size_t anywhere = 0;
    std::size_t on_client_links = 0;
    std::size_t before_its_end = 0;
    std::vector<Observation> observed = {};
};

One run(const Case& attack, std::uint64_t seed, const Clients& quiet) {
    const auto attacked = Attacked{seed, attack}.run();
    One one{.cells = quiet.trace.size(),
            .touched = attacked.touched,
            .anywhere = differing(attacked.trace, quiet.trace),
            .on_client_links = differing_on_client_links(attacked, quiet),
            .before_its_end = differing_before(attacked.first_end, attacked, quiet)};
    observe(quiet, seed, false, one.observed);
    observe(attacked, seed, true, one.observed);
    return one;
}

void note(Runs& runs, const One& one, std::uint64_t seed, Report& report) {
    trace_row(report, seed, runs.attack.name, one.cells, one.touched, one.anywhere,
              one.on_client_links, one.before_its_end);
    runs.anywhere += one.anywhere;
    runs.on_client_links += one.on_client_links;
    runs.before_its_end += one.before_its_end;
    runs.touched = std::min(runs.touched, one.touched);
    runs.observed.insert(runs.observed.end(), one.observed.begin(), one.observed.end());
}

void judge_everywhere(const Runs& runs, Report& report) {
    judge_touched(runs.attack.name, runs.touched, report);
    report.at_most(std::string{runs.attack.name} + ": cells that differ on any link",
                   static_cast<double>(runs.anywhere), 0);
}

void judge_session(Runs& runs, const Options& options, Report& report) {
    base::SeededRandom random{options.seed};
    // What was dropped is missing where it was going to: only what both ends send can be a
    // reaction.
    if (runs.attack.what == What::dropped)
        for (auto& one : runs.observed)
            one.features = {one.features[sent_by_exit], one.features[sent_by_gateway]};
    const auto bound = cross_bound(cross_fitted(runs.observed), random);
    const std::string name = runs.attack.name;
    const bool control = runs.attack.whose == Whose::session_all;
    report.row("active", "tagged_session",
               {{"attack", name},
                {"observations", runs.observed.size() / 2},
                {"auc", bound.point},
                {"auc_upper", bound.upper},
                {"control", control}});
    judge_touched(name, runs.touched, report);
    report.at_most(name + ": cells that differ on clients' links",
                   static_cast<double>(runs.on_client_links), 0);
    // One that is dropped is missing at once, and the next relay draws for fewer from then on.
    if (runs.attack.what == What::tagged)
        report.at_most(name + ": cells that differ before the first one's end",
                       static_cast<double>(runs.before_its_end), 0);
    if (control)
        report.at_least(name + ": AUC at the exit (control)", bound.point, 0.95);
    else
        report.at_most(name + ": AUC at both ends of the mixes, 95 % bound", bound.upper,
                       options.full ? 0.55 : 0.68);
}

}  // namespace

void tagging(const Options& options, Report& report) {
    real_traces(options, report);
    const auto seeds = options.or_else(options.seeds, 24u, 200u);
    const unsigned few = options.full ? 20 : 2;
    Runs everywhere[] = {{loops_tagged, few}, {replayed, few}};
    Runs sessions[] = {{some_tagged, seeds}, {some_dropped, seeds}, {all_tagged, 8}};
    std::vector<Runs*> all;
    for (auto& runs : sessions)
        all.push_back(&runs);
    for (auto& runs : everywhere)
        all.push_back(&runs);
    const auto each = side_by_side(
        seeds,
        [&](std::size_t i) {
            const auto quiet = Attacked{options.seed + i, calm}.run();
            std::vector<One> attacks;
            for (const auto* runs : all)
                if (i < runs->most) attacks.push_back(run(runs->attack, options.seed + i, quiet));
            return attacks;
        },
        [&](std::size_t made) { report.progress("tagging", made / double(seeds)); });
    for (std::size_t i = 0; i < seeds; ++i) {
        auto one = each[i].begin();
        for (auto* runs : all)
            if (i < runs->most) note(*runs, *one++, options.seed + i, report);
    }
    for (const auto& one : everywhere)
        judge_everywhere(one, report);
    for (auto& one : sessions)
        judge_session(one, options, report);
}

}  // namespace nightjar::privacy
