// Headers: an exit reads the header of every packet of its sessions. Which client's is a session?
//
// At the other end the adversary has the client's link (stamps, numbers), or the client's gateway
// (replies):
//   stamps    times in the headers against the slots on the link
//   numbers   the order of the packets, so that each arrival belongs to one slot, but for loops
//   acks      which replies a packet acknowledges first, against the gateway's deliveries
//   SURBs     how many SURBs a packet brings, against the same
//   late      acks again, by deliveries up to five seconds before the slot
// Each has a control: the same score with what the header would say if it told the truth about
// times. The control must win, or the score is too weak to show anything.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "tests/lab/attacks/crowd.hpp"
#include "tests/lab/attacks/header_reads.hpp"
#include "tests/lab/attacks/header_scores.hpp"
#include "tests/lab/attacks/header_twins.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/parallel.hpp"
#include "tests/lab/measure/spectral_bound.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::experiments {
namespace {

constexpr double settled = 14;  // seconds; the first session has its whole pace
constexpr unsigned hops_to_exit = 4;
constexpr double false_alarms = 0.01;
/// The product claims that headers say nothing of time. Without the claim the attacks' results
/// would be rows without a verdict.
constexpr bool headers_hide_times = true;
constexpr attacks::Lags at_once{-0.06, 0.06, 0.002}, late{-0.1, 5.1, 0.01};

/// One client's two ends, as the adversary has them, and the truth that the controls need.
struct Ends {
    attacks::SlotTimes slots;
    attacks::Times handed_on;
    std::vector<attacks::HeaderRead> reads;
    std::vector<attacks::HeaderRead> truth;  // stamps are send times, acks and SURBs are deliveries
    std::vector<attacks::HeaderRead> quick;  // numbers in order, and hardly any delays
};

enum Kind { stamps, numbers, acks, surbs, late_acks, kinds };
constexpr std::array names{"stamps", "numbers", "acks", "SURBs", "late acks"};

struct Question {
    Kind kind;
    bool control;
    std::size_t packets;
    std::size_t others;  // clients beside the right one; 0: all
};

struct Answers {
    std::vector<double> own, foreign;
    double right = 0;  // sessions whose own client has the best score; ties count in part
    std::size_t sessions = 0;
    std::size_t of = 0;  // clients that a session is compared with
};

attacks::Route route_of(const directory::Parameters& law, bool quick = false) {
    return {hops_to_exit, base::to_seconds(law.mean_delay) / (quick ? 20 : 1)};
}

/// What the headers would say if they told when packets left and replies came: an acknowledgement
/// and a new SURB at once for each reply.
std::vector<attacks::HeaderRead> truthful(std::vector<attacks::HeaderRead> reads,
                                          const attacks::Times& handed_on) {
    std::sort(reads.begin(), reads.end(),
              [](const auto& a, const auto& b) { return a.sent < b.sent; });
    auto delivery = handed_on.begin();
    stream::PacketNumber number = 0;
    for (auto& read : reads) {
        read.stamp = read.sent;
        read.sequence = 0;
        read.acked.clear();
        for (; delivery != handed_on.end() && *delivery + attacks::link_and_tick < read.sent;
             ++delivery)
            read.acked.push_back(++number);
        read.surbs = static_cast<double>(read.acked.size());
    }
    if (!reads.empty()) reads.front().acked.clear(), reads.front().surbs = 0;
    return reads;
}

std::vector<attacks::HeaderRead> hurried(std::vector<attacks::HeaderRead> reads,
                                         const attacks::Route& route, base::Random& random) {
    std::sort(reads.begin(), reads.end(),
              [](const auto& a, const auto& b) { return a.sent < b.sent; });
    stream::PacketNumber number = 0;
    for (auto& read : reads) {
        read.number = ++number;
        read.at = read.sent + attacks::link_and_tick * route.hops;
        for (unsigned hop = 0; hop < route.hops; ++hop)
            read.at += std::round(1000 * base::to_seconds(random.exponential(
                                             base::from_seconds(route.mean_delay)))) /
                       1000;
    }
    return reads;
}

std::optional<double> score(const Question& question, const Ends& session, const Ends& client,
                            const directory::Parameters& law) {
    const bool quick = question.control && question.kind == numbers;
    const auto& all = quick ? session.quick : question.control ? session.truth : session.reads;
    if (all.size() < question.packets) return std::nullopt;
    const auto reads = std::span{all}.first(question.packets);
    const auto route = route_of(law, quick);
    const auto by_replies = [&](const attacks::ReplySignal& signal, const attacks::Lags& lags) {
        return attacks::reply_score(client.handed_on, reads, route, signal, lags);
    };
    const auto newly_acked = [](const auto& read) {
        return static_cast<double>(read.acked.size());
    };
    switch (question.kind) {
        case stamps:
            return attacks::stamp_score(client.slots, reads, route);
        case numbers:
            return attacks::number_score(client.slots, reads, route,
                                         quick ? 1 : attacks::number_block);
        case acks:
            return by_replies(newly_acked, at_once);
        case surbs:
            return by_replies([](const auto& read) { return read.surbs; }, at_once);
        case late_acks:
            return by_replies(newly_acked, late);
        case kinds:
            break;
    }
    return std::nullopt;
}

Answers ask(const Question& question, const std::vector<Ends>& ends,
            const directory::Parameters& law) {
    Answers answers;
    for (std::size_t i = 0; i < ends.size(); ++i) {
        const auto own = score(question, ends[i], ends[i], law);
        if (!own) continue;
        std::size_t better = 0, equal = 0;
        std::vector<double> foreign;
        const auto others = question.others > 0 ? question.others : ends.size() - 1;
        for (std::size_t step = 1; step <= others; ++step) {
            const auto other = score(question, ends[i], ends[(i + step) % ends.size()], law);
            if (!other) continue;
            foreign.push_back(*other);
            better += *other > *own;
            equal += *other == *own;
        }
        if (foreign.empty()) continue;
        answers.of = std::max(answers.of, foreign.size() + 1);
        // How well a session fits any link depends on the session. Only the difference tells whose
        // it is.
        const auto usual = measure::mean(foreign);
        for (const auto other : foreign)
            answers.foreign.push_back(other - usual);
        answers.own.push_back(*own - usual);
        answers.right += better == 0 ? 1.0 / (1.0 + static_cast<double>(equal)) : 0;
        ++answers.sessions;
    }
    return answers;
}

/// A network of idle clients, each with one session at its whole pace.
std::vector<Ends> observe(const measure::Options& options, std::uint64_t seed,
                          std::size_t most_packets) {
    attacks::CrowdOptions crowd;
    crowd.seed = seed;
    crowd.clients = options.or_else(options.clients, 60u, 60u);
    crowd.busy_share = 0;
    crowd.network.gateways = 4;
    crowd.network.parameters = {};
    crowd.network.parameters.session_lifetime = base::Seconds{7200};
    crowd.records_from = settled - 2;
    const auto rate = crowd.network.parameters.main_slots.per_second();
    crowd.seconds = settled + static_cast<double>(most_packets) / rate + 6;
    attacks::HeaderReader reader{crowd};
    attacks::Crowd network{crowd};
    network.run();
    base::SeededRandom random{seed};
    const auto quick = route_of(crowd.network.parameters, true);
    std::vector<Ends> ends;
    for (const auto& session : reader.sessions()) {
        const auto& trace = network.traces()[session.client];
        std::vector<attacks::HeaderRead> reads;
        for (const auto& read : session.packets)
            if (read.sent >= settled) reads.push_back(read);
        auto& client = ends.emplace_back(Ends{attacks::SlotTimes{trace.up},
                                              trace.handed_on,
                                              reads,
                                              truthful(reads, trace.handed_on),
                                              {}});
        client.quick = hurried(std::move(reads), quick, random);
    }
    return ends;
}

std::vector<Question> questions(bool full) {
    std::vector<Question> all;
    for (const bool control : {true, false}) {
        for (const std::size_t packets : {20, 50, 100})
            all.push_back({stamps, control, packets, 0});
        for (const std::size_t packets : {50, 100, 200, 600})
            all.push_back({acks, control, packets, 0});
        all.push_back({late_acks, control, 200, 0});
        all.push_back({late_acks, control, 600, 0});
    }
    all.push_back({surbs, true, 600, 0});
    for (const std::size_t packets : {100, 200, 600})
        all.push_back({surbs, false, packets, 0});
    all.push_back({numbers, true, 600, 8});
    all.push_back({numbers, false, 600, 8});
    if (full)
        for (const std::size_t packets : {6'000, 30'000})
            all.push_back({numbers, false, packets, 8});
    return all;
}

void show(const Question& question, const Answers& answers, measure::Report& report) {
    const auto auc = measure::auc(answers.foreign, answers.own);
    report.row("headers", "which",
               {{"reads", names[question.kind]},
                {"control", question.control},
                {"packets", question.packets},
                {"right", answers.right},
                {"sessions", answers.sessions},
                {"of", answers.of},
                {"auc", auc},
                {"tpr", measure::true_positive_rate(answers.foreign, answers.own, false_alarms)}});
    // An exit does not know the slot of each packet, so replies take it longer.
    if (question.control && question.packets >= (question.kind == stamps ? 100u : 600u))
        report.at_least(std::string{"headers that tell the time, "} + names[question.kind] + ", " +
                            std::to_string(question.packets) + " packets: share named",
                        answers.right / static_cast<double>(answers.sessions), 0.8);
    // The bound allows for chance. Numbers stay a row: who knows the mean latency gets the phase of
    // a client's slots from arrivals, in whatever order the numbers are.
    if (headers_hide_times && !question.control && question.packets >= 100 &&
        question.kind != numbers) {
        const auto what = std::string{"headers, "} + names[question.kind] + ", " +
                          std::to_string(question.packets) + " packets: ";
        report.at_most(what + "AUC", auc,
                       0.5 + 2 / std::sqrt(12.0 * static_cast<double>(answers.own.size())));
    }
}

/// What the best linear score would give, beside the scores that were measured here and in
/// `linking`.
void show_estimates(measure::Report& report) {
    const directory::Parameters law;
    const auto delay = base::to_seconds(law.mean_delay);
    const auto slots = law.main_slots.per_second(), loops = law.client_loops.per_second();
    const auto show_one = [&](const char* adversary, double pace, double deflection) {
        for (const double seconds : {12.0, 120.0, 600.0, 3600.0})
            report.row("headers", "estimate",
                       {{"adversary", adversary},
                        {"pace", pace},
                        {"seconds", seconds},
                        {"auc", measure::auc_of(deflection, seconds)}});
    };
    const measure::Beat sent{.rate = slots,
                             .gap = 1 / (slots + loops),
                             .jitter = directory::jitter_share,
                             .hops = hops_to_exit,
                             .mean_delay = delay};
    show_one("exit and link, by numbers", slots, measure::numbered_deflection(sent));
    show_one("exit and link, by arrivals", slots, measure::unordered_deflection(sent));
    for (const double pace : {45.0, 30.0, 15.0, 7.5, 3.5})
        show_one("exit and gateway, by arrivals", pace,
                 measure::unordered_deflection({.rate = pace,
                                                .gap = 1 / pace,
                                                .jitter = 0,
                                                .hops = 3,
                                                .mean_delay = delay,
                                                .others = slots - pace}));
}

/// A packet's plaintext must not depend on when its slot was, or when a delivery came.
void compare_twins(const measure::Options& options, measure::Report& report) {
    using attacks::Differs;
    const auto clients = options.or_else(options.clients, 10u, 40u);
    const double seconds = options.full ? 60 : 25;
    for (const auto& [name, differs] :
         {std::pair{"nothing", Differs::nothing}, std::pair{"moments of slots", Differs::moments},
          std::pair{"deliveries", Differs::deliveries}}) {
        const auto count = attacks::compare_twins(differs, options.seed, clients, seconds);
        report.row("headers", "twins",
                   {{"differs", name},
                    {"packets", count.packets},
                    {"differ", count.differ},
                    {"number", count.number},
                    {"schedule", count.schedule},
                    {"acks", count.acks},
                    {"surb_count", count.surb_count},
                    {"epoch", count.epoch},
                    {"surbs", count.surbs},
                    {"frames", count.frames}});
        const auto what = std::string{"plaintexts of twins that differ in "} + name;
        // With other moments a packet can reach the exit on the other side of a tick. The exit's
        // reply then says so, and the client answers what the exit knows: it sends SURBs in place
        // of those that the exit calls missing. Nothing else may differ.
        if (differs == Differs::moments && headers_hide_times) {
            report.at_most(
                what + ": number, schedule, acks or epoch",
                static_cast<double>(count.number + count.schedule + count.acks + count.epoch), 0);
            report.at_most(what + ": share",
                           static_cast<double>(count.differ) / static_cast<double>(count.packets),
                           0.05);
        } else if (differs == Differs::nothing || headers_hide_times)
            report.at_most(what, static_cast<double>(count.differ), 0);
        else
            report.at_least(what + ", seen at all", static_cast<double>(count.differ), 1);
    }
}

}  // namespace

void headers(const measure::Options& options, measure::Report& report) {
    const auto all = questions(options.full);
    std::size_t most = 0;
    for (const auto& question : all)
        most = std::max(most, question.packets);
    const auto seeds = options.or_else(options.seeds, 1u, 4u);
    const directory::Parameters law;
    const auto networks = measure::side_by_side(
        seeds,
        [&](std::size_t i) {
            const auto ends = observe(options, options.seed * 1000 + 700 + i, most);
            std::vector<Answers> answers;
            for (const auto& question : all)
                answers.push_back(ask(question, ends, law));
            return answers;
        },
        [&](std::size_t made) { report.progress("headers", static_cast<double>(made) / seeds); });
    for (std::size_t k = 0; k < all.size(); ++k) {
        Answers sum;
        for (const auto& network : networks) {
            const auto& from = network[k];
            sum.own.insert(sum.own.end(), from.own.begin(), from.own.end());
            sum.foreign.insert(sum.foreign.end(), from.foreign.begin(), from.foreign.end());
            sum.right += from.right;
            sum.sessions += from.sessions;
            sum.of = std::max(sum.of, from.of);
        }
        show(all[k], sum, report);
    }
    show_estimates(report);
    compare_twins(options, report);
}

}  // namespace nightjar::lab::experiments
