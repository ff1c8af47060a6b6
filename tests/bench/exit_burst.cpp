// What the beat's moments cost a real exit (docs/performance.md): at each of them it sends one
// reply for every session. How long a burst takes, what processor time it needs, and how much later
// the exit's other packets leave. The relay is a process of its own that runs the code of
// nightjar-relay behind real links on loopback; this process is everything around it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "relay/io/dial_helper.hpp"
#include "relay/io/name_helper.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/keeper.hpp"
#include "sphinx/node/process/process.hpp"
#include "sphinx/stream/beat.hpp"
#include "sphinx/stream/header.hpp"
#include "tests/bench/relay_load/program.hpp"
#include "tests/bench/relay_load/relay_process.hpp"
#include "tests/bench/relay_load/surroundings.hpp"

namespace {

using namespace nightjar;
using namespace nightjar::bench;
using node::process::mono_now;
using Json = nlohmann::ordered_json;

/// A session begins with so many packets of five SURBs, and its stock then stays.
constexpr std::size_t packets_at_start = 14;
constexpr double more_surbs_than_replies = 1.03;
constexpr base::Seconds filling{3};  // from the first packet to the first moment that counts
constexpr base::Milliseconds silence_at_end{900};
/// Below this distance the generator spins, because a timer would ring too late.
constexpr base::Nanoseconds spin = std::chrono::microseconds{200};

struct Options {
    std::vector<std::size_t> sessions{4, 64, 256};
    double seconds = 5;
    std::size_t links = 8;
    std::size_t clients = 8;
    int nice = 0;
    std::string json;
};

double millis(base::Nanoseconds time) {
    return static_cast<double>(time.count()) * 1e-6;
}

Json quantiles(std::vector<double> values) {
    if (values.empty()) return nullptr;
    std::sort(values.begin(), values.end());
    const auto at = [&](double share) {
        return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
    };
    return {{"p50", at(0.5)}, {"p90", at(0.9)}, {"p99", at(0.99)}};
}

base::Nanoseconds slot_gap(const directory::Parameters& law) {
    return directory::Rate{law.main_slots.milli + law.client_loops.milli}.mean_gap();
}

struct MarkHash {
    std::size_t operator()(const Mark& mark) const {
        std::size_t value = 0;
        std::memcpy(&value, mark.data(), sizeof value);
        return value;
    }
};

/// A packet that is sent at its time, and what became of it.
struct Flight {
    base::Mono due;
    Prepared packet;
    base::Mono left = base::Mono::min();  // min(): not yet
};

/// One run: sessions that get SURBs, and clients whose packets pass the exit as a gateway. Each
/// client sends at its own steady times, the same in all runs, because its gateway holds a packet
/// until the next moment of its own (relay/core/entry_gate.hpp).
class Run {
 public:
    Run(Surroundings& around, const Options& options, std::size_t sessions, std::uint32_t pace,
        base::Random& random)
        : around_{around}, beat_{around.law().replies.milli}, begin_{mono_now() + filling / 2} {
        count_from_ = begin_ + filling;
        count_until_ = count_from_ + base::from_seconds(options.seconds);
        add_sessions(sessions, pace, random);
        add_probes(options);
        // Building them took its time: all begins now.
        const auto late = mono_now() + base::Milliseconds{50} - begin_;
        if (late > base::Nanoseconds{0}) shift(late);
        std::sort(flights_.begin(), flights_.end(),
                  [](const auto& a, const auto& b) { return a.due < b.due; });
        for (std::size_t i = 0; i < flights_.size(); ++i)
            if (flights_[i].packet.from_client) probes_.emplace(flights_[i].packet.mark, i);
        around_.on_cell([this](const Mark& mark) { note(mark); });
    }
    ~Run() { around_.on_cell(nullptr); }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    void go(const RelayProcess& relay) {
        work_until(count_from_);
        const auto before = relay.usage();
        work_until(count_until_);
        used = relay.usage() - before;
        work_until(count_until_ + silence_at_end);
    }

    /// By client: the time from a packet's entry to its exit less the delay that it asked.
    std::vector<std::vector<double>> held(std::size_t clients) const {
        std::vector<std::vector<double>> found(clients);
        for (const auto& flight : flights_)
            if (flight.packet.from_client && flight.left != base::Mono::min() &&
                flight.due >= count_from_ && flight.due < count_until_)
                found[flight.packet.link].push_back(
                    millis(flight.left - flight.due - *flight.packet.delay));
        return found;
    }
    /// Each moment's replies: how many, when the first and the last came.
    struct Burst {
        std::size_t replies = 0;
        base::Nanoseconds first{}, last{};  // from the moment on
    };
    std::vector<Burst> bursts() {
        std::map<stream::Beat::Moment, Burst> found;
        for (const auto at : replied_) {
            // A reply never leaves before its moment, but two clocks are read to know it.
            const auto moment = beat_.from(at + base::Milliseconds{2}) - 1;
            const auto since = at - beat_.at(moment);
            if (beat_.at(moment) < count_from_ || beat_.at(moment) >= count_until_) continue;
            auto& burst = found[moment];
            if (burst.replies++ == 0) burst.first = since;
            burst.last = since;
        }
        std::vector<Burst> all;
        for (const auto& [moment, burst] : found)
            all.push_back(burst);
        return all;
    }
    double moments() const { return base::to_seconds(count_until_ - count_from_) / gap_seconds(); }
    double gap_seconds() const { return base::to_seconds(beat_.gap()); }

    Usage used;

 private:
    void add_sessions(std::size_t sessions, std::uint32_t pace, base::Random& random) {
        const auto& law = around_.law();
        const double a_second =
            law.replies.per_second() * more_surbs_than_replies / double(stream::surbs_max);
        const auto seconds = base::to_seconds(count_until_ - begin_);
        const auto each = packets_at_start + static_cast<std::size_t>(a_second * seconds);
        std::vector<Mark> marks;
        auto packets = around_.session_packets(sessions, each, pace, marks);
        for (const auto& mark : marks)
            replies_.emplace(mark, true);
        for (std::size_t i = 0; i < packets.size(); ++i) {
            const auto n = i % each;
            const double at = n < packets_at_start
                                  ? random.unit() * 1.5
                                  : 1.5 + (double(n - packets_at_start) + random.unit()) / a_second;
            flights_.push_back({begin_ + base::from_seconds(at), std::move(packets[i])});
        }
    }
    void add_probes(const Options& options) {
        const auto& law = around_.law();
        const auto gap = slot_gap(law);
        const auto seconds = base::to_seconds(count_until_ - begin_);
        const auto each = static_cast<std::size_t>(seconds / base::to_seconds(gap));
        auto packets = around_.client_packets(each * options.clients);
        // The same places in the gap in all runs.
        const auto from = base::Mono{begin_.time_since_epoch() / gap * gap};
        for (std::size_t i = 0; i < packets.size(); ++i) {
            const auto client = i % options.clients;
            packets[i].link = client;
            const auto place = gap * static_cast<int>(client) / static_cast<int>(options.clients);
            flights_.push_back({from + gap * static_cast<int>(i / options.clients) + place,
                                std::move(packets[i])});
        }
    }
    /// By whole gaps of the clients.
    void shift(base::Nanoseconds late) {
        const auto& law = around_.law();
        const auto gap = slot_gap(law);
        const auto by = gap * (late / gap + 1);
        for (auto& flight : flights_)
            flight.due += by;
        begin_ += by, count_from_ += by, count_until_ += by;
    }
    void work_until(base::Mono end) {
        for (auto now = mono_now(); now < end; now = mono_now()) {
            beat_.follow(now, node::process::wall_now());
            while (next_ < flights_.size() && flights_[next_].due <= now)
                send(flights_[next_++]);
            const auto wait = next_ < flights_.size() ? flights_[next_].due - now : end - now;
            if (wait > spin)
                around_.work_until(now + std::min<base::Nanoseconds>(wait - spin, spin));
            else
                around_.poll();
        }
    }
    void send(Flight& flight) {
        auto& packet = flight.packet;
        flight.due = mono_now();
        if (packet.from_client)
            around_.send_as_client(packet.link, std::move(packet.cell));
        else
            around_.send_as_relay(packet.link, std::move(packet.cell));
    }
    void note(const Mark& mark) {
        const auto now = mono_now();
        if (replies_.contains(mark)) return replied_.push_back(now);
        const auto found = probes_.find(mark);
        if (found != probes_.end()) flights_[found->second].left = now;
    }

    Surroundings& around_;
    stream::Beat beat_;
    base::Mono begin_, count_from_, count_until_;
    std::vector<Flight> flights_;
    std::size_t next_ = 0;
    boost::unordered_flat_map<Mark, bool, MarkHash> replies_;
    boost::unordered_flat_map<Mark, std::size_t, MarkHash> probes_;
    std::vector<base::Mono> replied_;
};

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2),
                     values.end());
    return values[values.size() / 2];
}

/// One exit with everything around it, all links up.
class Bench {
 public:
    explicit Bench(const Options& options)
        : options_{options},
          around_{shape(options)},
          relay_{around_.folder(), crypto::kernel()},
          usual_(options.clients) {
        wait_for([this] { return relay_.status().active; });
        relay_.pin({cores() - 1});
        around_.connect();
        wait_for([this] {
            const auto status = relay_.status();
            return around_.next_up() == options_.links && status.previous_up == options_.links &&
                   status.clients == options_.clients;
        });
        Run quiet{around_, options_, 0, 0, random_};
        quiet.go(relay_);
        const auto held = quiet.held(options_.clients);
        for (std::size_t i = 0; i < held.size(); ++i)
            usual_[i] = median(held[i]);
        without_ = later(quiet);
    }

    /// Without sessions, how much later packets leave than they mostly do.
    const Json& without() const { return without_; }
    /// The same packets without a reply: what the bursts take is the difference. Run all of these
    /// first: sessions with a pace outlive their run.
    struct Silent {
        Usage used;
        double core_percent;
        Json later;
    };
    Silent silent(std::size_t sessions) {
        Run run{around_, options_, sessions, 0, random_};
        run.go(relay_);
        return {run.used, core_percent(run), later(run)};
    }
    Json run(std::size_t sessions, const Silent& silent) {
        Run full{around_, options_, sessions, around_.law().replies.milli, random_};
        full.go(relay_);
        Json found{{"sessions", sessions}};
        found.update(bursts(full));
        const auto micros = [&](double Usage::*part) {
            return (full.used.*part - silent.used.*part) * 1e6 / full.moments();
        };
        found["io_micros_a_burst"] = micros(&Usage::io_seconds);
        found["worker_micros_a_burst"] = micros(&Usage::worker_seconds);
        found["core_percent"] = core_percent(full);
        found["core_percent_without_replies"] = silent.core_percent;
        found["others_later_ms"] = later(full);
        found["others_later_ms_without_replies"] = silent.later;
        return found;
    }

 private:
    static Shape shape(const Options& options) {
        Shape shape{options.links, options.links, options.clients, 1};
        shape.exit = true;
        return shape;
    }
    template <class Done>
    void wait_for(Done done) {
        const auto end = mono_now() + base::Seconds{120};
        while (!done()) {
            if (!relay_.running() || mono_now() > end)
                throw std::runtime_error{"the relay did not come up"};
            around_.work_until(mono_now() + base::Milliseconds{20});
        }
    }
    static double core_percent(const Run& run) {
        return 100 * run.used.seconds() / (run.moments() * run.gap_seconds());
    }
    Json later(const Run& of) const {
        std::vector<double> found;
        const auto held = of.held(options_.clients);
        const double gap = millis(slot_gap(around_.law()));
        for (std::size_t i = 0; i < held.size(); ++i) {
            // A client's packets may have moved on by whole moments of its gateway, all of them.
            const auto moved = gap * std::round((median(held[i]) - usual_[i]) / gap);
            for (const auto one : held[i])
                found.push_back(one - usual_[i] - moved);
        }
        return quantiles(found);
    }
    static Json bursts(Run& full) {
        std::vector<double> first, last, span, replies;
        for (const auto& burst : full.bursts()) {
            first.push_back(millis(burst.first));
            last.push_back(millis(burst.last));
            span.push_back(millis(burst.last - burst.first));
            replies.push_back(static_cast<double>(burst.replies));
        }
        return {{"bursts", replies.size()},
                {"replies_a_burst", quantiles(replies)},
                {"moment_to_first_ms", quantiles(first)},
                {"moment_to_last_ms", quantiles(last)},
                {"first_to_last_ms", quantiles(span)}};
    }

    Options options_;
    Surroundings around_;
    RelayProcess relay_;
    base::SeededRandom random_{3};
    std::vector<double> usual_;  // by client: what the gateway's own moments add, ms
    Json without_;
};

Json measure(const Options& options) {
    Bench bench{options};
    std::vector<Bench::Silent> silent;
    for (const auto sessions : options.sessions)
        silent.push_back(bench.silent(sessions));
    Json all = Json::array();
    for (std::size_t i = 0; i < silent.size(); ++i) {
        all.push_back(bench.run(options.sessions[i], silent[i]));
        std::fprintf(stderr, "%s\n", all.back().dump().c_str());
    }
    return {{"kernel", crypto::to_string(crypto::kernel())},
            {"links", options.links},
            {"clients", options.clients},
            {"seconds", options.seconds},
            {"others_later_ms_without_sessions", bench.without()},
            {"runs", all}};
}

Options parsed(CLI::App& app, int argc, char** argv) {
    Options options;
    app.add_option("--sessions", options.sessions, "Numbers of sessions, like 4,64,256")
        ->delimiter(',');
    app.add_option("--seconds", options.seconds, "Length of one run");
    app.add_option("--links", options.links, "Relays before the exit, and as many behind it");
    app.add_option("--clients", options.clients, "Of the exit as a gateway");
    app.add_option("--nice", options.nice, "Scheduling priority of relay and generator");
    app.add_option("--json", options.json, "File for the results");
    app.parse(argc, argv);
    return options;
}

/// What a running exit starts (sphinx/node/process/keeper.hpp). False: another verb.
bool run_as_helper(const std::string& verb) {
    if (verb == relay::io::name_keeper_verb)
        node::process::keep_helpers(relay::io::name_helper_verb);
    else if (verb == relay::io::dial_keeper_verb)
        node::process::keep_helpers(relay::io::dial_helper_verb);
    else if (verb == relay::io::name_helper_verb)
        relay::io::answer_names();
    else if (verb == relay::io::dial_helper_verb)
        relay::io::run_dial_helper();
    else
        return false;
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 4 && std::string{argv[1]} == "--as-relay") return run_as_relay(argv[2], argv[3]);
    if (argc == 2 && run_as_helper(argv[1])) return 0;
    CLI::App app{"What the bursts of an exit cost"};
    const auto options = [&] { return parsed(app, argc, argv); };
    return run_program("exit_burst", app, options, measure);
}
