// Clocks that are wrong: which session belongs to the client whose clock is off by so much?
//
//   two exits   each one sees when a session's packets begin to name a change of paces. Clients
//               name it a fixed time before the change, by their own clocks
//   gateway     it sees when the client's cells change to the next epoch's keys: at moments that
//               each session draws, by the client's clock
//   rate        an exit that gets a session's packets in a fixed ratio to the client's slots has
//               the rate of the client's clock, which the client's link shows as well
// Clients go by the clock of their host if that is synchronised, else by their gateway's. Controls:
// clients that go by a wrong clock all the same, as before decision 0056, and a client that changes
// its keys at a fixed moment of its clock, as before decision 0024. A bad gateway says another
// time to each of its clients, and works together with the exit.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "sphinx/cell/padding_time.hpp"
#include "sphinx/stream/header.hpp"
#include "tests/lab/attacks/crowd.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/statistics.hpp"
#include "tests/lab/sessions/flows.hpp"

namespace nightjar::lab::experiments {
namespace {

constexpr double connecting = 110, after_handover = 40;  // seconds; the handover ends an epoch
constexpr double false_alarms = 0.01;

struct Clocks {
    const char* name;
    double off;  // seconds, at most
    double ppm;
    /// The hosts say that their clocks are synchronised, so clients go by them, wrong or right.
    bool synchronised = true;
    /// Gateways say the time to each client by up to so many seconds wrong, and know it again.
    double bad_gateways = 0;
};

/// One number by client, in seconds: how late it is by the clock of the one who sees it.
using Lateness = std::map<unsigned, double>;

struct Seen {
    Lateness before, after;  // by the exits of the session before the handover and after it
    Lateness gateway;
};

/// What exits and gateways see of clients' clocks around a handover.
class ClockReader {
 public:
    ClockReader(attacks::CrowdOptions& options, double bad_gateways)
        : start_{base::to_seconds(options.network.start.time_since_epoch())},
          relays_{std::size_t{options.network.layers} * options.network.mixes_per_layer +
                  options.network.gateways},
          random_{options.seed} {
        for (unsigned i = 0; bad_gateways > 0 && i < options.clients; ++i)
            marks_.push_back(bad_gateways * (2 * random_.unit() - 1));
        if (bad_gateways > 0) options.tamper = [this](world::OnWire& cell) { mark(cell); };
        options.traces = false;
        options.on_exit = [this](const attacks::Plaintext& packet) { on_exit(packet); };
        options.seen = [this](const world::OnWire& cell) { on_cell(cell); };
    }

    Seen seen() const {
        Seen seen;
        for (const auto& [id, session] : sessions_)
            if (const auto late = lateness(session))
                (session.packets.front().at < connecting - 20 ? seen.before
                                                              : seen.after)[session.client] = *late;
        for (const auto& [client, cells] : cells_)
            seen.gateway[client] =
                watched * cells.old / (cells.old + cells.fresh) - watched / 2 + middle_of_draw;
        return seen;
    }
    /// What bad gateways did to their clients' clocks: one that was set ahead is less late.
    Lateness marks() const {
        Lateness marks;
        for (unsigned client = 0; client < marks_.size(); ++client)
            marks[client] = -marks_[client];
        return marks;
    }

 private:
    static constexpr double watched = 140;  // seconds, around the end of the epoch
    static constexpr double middle_of_draw = 30;

    struct Packet {
        double at;
        std::uint32_t sequence, change_at;
    };
    struct Session {
        unsigned client = 0;
        std::vector<Packet> packets;
    };
    struct Cells {
        double old = 0, fresh = 0;
    };

    void on_exit(const attacks::Plaintext& packet) {
        const auto header = stream::decode_up(packet.message);
        if (!header) return;
        auto& session = sessions_[header->session];
        session.client = packet.client;
        session.packets.push_back(
            {packet.at, header->schedule.sequence, header->schedule.change_at});
    }

    void mark(world::OnWire& cell) const {
        if (cell.to_number < relays_) return;
        const auto time = cell::time_in(cell.cell);
        if (!time) return;
        const base::Milliseconds by{std::lround(1000 * marks_[cell.to_number - relays_])};
        cell.cell = *cell::padding_that_says(*time + by);
    }

    void on_cell(const world::OnWire& cell) {
        if (cell.from_number < relays_) return;
        const auto at = base::to_seconds(cell.sent - world::World::begin);
        if (at < connecting - watched / 2 || at >= connecting + watched / 2) return;
        if (!first_epoch_) first_epoch_ = cell.cell.epoch();
        auto& cells = cells_[static_cast<unsigned>(cell.from_number - relays_)];
        ++(cell.cell.epoch() == *first_epoch_ ? cells.old : cells.fresh);
    }

    /// Between the last packets without a change and the first with it, from the change on. The
    /// mean over the session's changes; the notice and the route are the same for all.
    std::optional<double> lateness(const Session& session) const {
        constexpr std::size_t around = 10;
        std::vector<double> late;
        for (const auto& [sequence, change_at] : changes(session)) {
            std::vector<double> old, fresh;
            for (const auto& packet : session.packets)
                (packet.sequence < sequence ? old : fresh).push_back(packet.at);
            if (old.size() < around || fresh.size() < around) continue;
            old.erase(old.begin(), old.end() - around);
            fresh.resize(around);
            late.push_back((measure::mean(old) + measure::mean(fresh)) / 2 - (change_at - start_));
        }
        if (late.empty()) return std::nullopt;
        return measure::mean(late);
    }

    static std::map<std::uint32_t, double> changes(const Session& session) {
        std::map<std::uint32_t, double> found;
        for (const auto& packet : session.packets)
            if (packet.change_at != 0) found[packet.sequence] = packet.change_at;
        return found;
    }

    double start_;  // network time of the beginning, in seconds
    std::size_t relays_;
    base::SeededRandom random_;
    std::vector<double> marks_;  // seconds, by client
    std::optional<std::uint8_t> first_epoch_;
    std::map<base::SessionId, Session> sessions_;
    std::map<unsigned, Cells> cells_;
};

attacks::CrowdOptions crowd_options(const Clocks& clocks, unsigned clients, std::uint64_t seed) {
    attacks::CrowdOptions crowd;
    crowd.seed = seed;
    crowd.clients = clients;
    crowd.busy_share = 0;
    crowd.network.gateways = 6;
    crowd.clock_off = clocks.off;
    crowd.clocks_synchronised = clocks.synchronised;
    crowd.clock_ppm = clocks.ppm;
    return crowd;
}

/// What must come out. A control must win: by names, or less strictly by the AUC.
enum class Verdict { none, hidden, wins, tells_apart };

/// Whose is it? By the distance of two numbers. Their common difference is known: it is the median.
void judge(const Clocks& clocks, const char* adversary, Verdict verdict, const Lateness& one,
           const Lateness& other, measure::Report& report) {
    std::vector<double> differences;
    for (const auto& [client, late] : one)
        if (const auto its = other.find(client); its != other.end())
            differences.push_back(late - its->second);
    if (differences.size() < 5) return;
    const auto usual = measure::quantile(differences, 0.5);
    std::vector<double> own, foreign, misses;
    double right = 0;
    for (const auto& [client, late] : one) {
        if (!other.contains(client)) continue;
        const auto mine = -std::abs(late - other.at(client) - usual);
        std::size_t better = 0;
        for (const auto& [stranger, its] : other) {
            if (stranger == client) continue;
            foreign.push_back(-std::abs(late - its - usual));
            better += foreign.back() > mine;
        }
        own.push_back(mine);
        misses.push_back(-mine);
        right += better == 0;
    }
    const auto auc = measure::auc(foreign, own);
    report.row("clocks", "whose",
               {{"clocks", clocks.name},
                {"adversary", adversary},
                {"control", verdict == Verdict::wins || verdict == Verdict::tells_apart},
                {"auc", auc},
                {"tpr", measure::true_positive_rate(foreign, own, false_alarms)},
                {"right", right},
                {"of", other.size()},
                {"sessions", own.size()},
                {"off", measure::quantile(misses, 0.5)}});
    const auto what = std::string{clocks.name} + ", " + adversary + ": ";
    if (verdict == Verdict::wins)
        report.at_least(what + "share named", right / static_cast<double>(own.size()), 0.8);
    if (verdict == Verdict::tells_apart) report.at_least(what + "AUC", auc, 0.9);
    if (verdict == Verdict::hidden)
        report.at_most(what + "AUC", auc, 0.53 + 2 / std::sqrt(12.0 * own.size()));
}

void judge_offsets(const Clocks& clocks, const measure::Options& options, measure::Report& report) {
    auto crowd = crowd_options(clocks, options.or_else(options.clients, 30u, 60u),
                               options.seed * 1000 + 1500);
    crowd.handover_after(base::Seconds{static_cast<std::int64_t>(connecting)}, base::Seconds{3600});
    crowd.seconds = connecting + after_handover + 30;
    ClockReader reader{crowd, clocks.bad_gateways};
    attacks::Crowd network{crowd};
    network.run();
    const auto seen = reader.seen();
    const bool right = clocks.off < 1 || !clocks.synchronised;
    if (clocks.bad_gateways > 0) {
        const auto verdict = clocks.synchronised        ? Verdict::hidden
                             : clocks.bad_gateways > 10 ? Verdict::wins
                                                        : Verdict::none;
        judge(clocks, "exit and bad gateway", verdict, seen.before, reader.marks(), report);
        return;
    }
    judge(clocks, "two exits", right ? Verdict::hidden : Verdict::tells_apart, seen.before,
          seen.after, report);
    judge(clocks, "exit and gateway", right ? Verdict::hidden : Verdict::none, seen.before,
          seen.gateway, report);
    if (right) return;
    // Cells of one slot in 18 ms show a fixed moment to that.
    base::SeededRandom random{options.seed};
    Lateness fixed;
    for (const auto& [client, late] : seen.before)
        fixed[client] = late + 0.018 * random.unit();
    judge(clocks, "exit and gateway, keys changed at a fixed moment", Verdict::wins, seen.before,
          fixed, report);
}

/// The slope of moments over their indices, by least squares, in milliseconds.
double spacing(const sessions::Moments& moments) {
    const auto n = static_cast<double>(moments.size());
    const auto middle = (n - 1) / 2;
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < moments.size(); ++i) {
        const auto place = static_cast<double>(i) - middle;
        sum += place * moments[i];
        squares += place * place;
    }
    return sum / squares;
}

/// A session with its client's whole pace: one packet for every main slot.
void judge_rates(const Clocks& clocks, const measure::Options& options, measure::Report& report) {
    auto crowd = crowd_options(clocks, options.or_else(options.clients, 30u, 40u),
                               options.seed * 1000 + 1600);
    crowd.handover_after(base::Seconds{3600}, base::Seconds{7200});
    const auto seconds = options.or_else(options.seconds, 60.0, 600.0);
    crowd.records_from = 15;
    crowd.seconds = crowd.records_from + seconds;
    sessions::FlowRecorder flows{crowd};
    attacks::Crowd network{crowd};
    network.run();
    constexpr double millionths = 1e6;
    const auto& law = crowd.network.parameters;
    const auto gap = 1000 / (law.main_slots.per_second() + law.client_loops.per_second());
    Lateness link, exit;
    for (std::size_t i = 0; i < flows.clients().size(); ++i)
        link[static_cast<unsigned>(i)] = millionths * (spacing(flows.clients()[i].slots) / gap - 1);
    const auto end = static_cast<std::uint32_t>(1000 * crowd.seconds);
    for (const auto& session : flows.sessions(16'000, end - 1000))
        exit[session.client] =
            millionths * (spacing(session.arrivals) * law.main_slots.per_second() / 1000 - 1);
    const auto what = "exit and link, by rate, " + std::to_string(std::lround(seconds)) + " s";
    judge(clocks, what.c_str(), Verdict::hidden, exit, link, report);
}

}  // namespace

void clocks(const measure::Options& options, measure::Report& report) {
    const Clocks ntp{"20 ms, 50 ppm", 0.02, 50};
    judge_offsets(ntp, options, report);
    judge_offsets({"20 s, 50 ppm", 20, 50}, options, report);
    judge_offsets({"20 s, by the gateway", 20, 50, false}, options, report);
    judge_offsets({"20 s, by a bad gateway", 20, 50, false, 20}, options, report);
    judge_offsets({"20 ms, by a bad gateway", 0.02, 50, true, 20}, options, report);
    // What a client would gain if it could bound what its gateway says.
    for (const auto& [name, lie] : {std::pair{"20 s, by a gateway that lies by 2 s", 2.0},
                                    std::pair{"20 s, by a gateway that lies by 1 s", 1.0},
                                    std::pair{"20 s, by a gateway that lies by 0.25 s", 0.25}})
        if (options.full) judge_offsets({name, 20, 50, false, lie}, options, report);
    judge_rates(ntp, options, report);
}

}  // namespace nightjar::lab::experiments
