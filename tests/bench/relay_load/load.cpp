#include "tests/bench/relay_load/load.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstring>

#include "sphinx/node/process/clocks.hpp"

namespace nightjar::bench {

namespace {

using node::process::mono_now;

/// Packets may be out for the longest delay, and an overloaded relay is late as well.
constexpr base::Milliseconds silence_at_end{900};
constexpr base::Seconds end_at_latest{20};
/// A run begins to count when the mix has filled: a tenth of a millionth asks more than 500 ms.
constexpr base::Milliseconds filling{500};
/// Below this distance the generator spins, because a timer would ring too late.
constexpr base::Nanoseconds spin = std::chrono::microseconds{300};

struct Flight {
    base::Mono due;      // when the process says
    base::Mono entered;  // when the link took it
    base::Mono left;     // min(): not yet
    std::optional<base::Nanoseconds> delay;
};

struct MarkHash {
    std::size_t operator()(const Mark& mark) const {
        std::size_t value = 0;
        std::memcpy(&value, mark.data(), sizeof value);
        return value;
    }
};

double millis(base::Nanoseconds time) {
    return static_cast<double>(time.count()) * 1e-6;
}

double quantile(const std::vector<double>& sorted, double share) {
    if (sorted.empty()) return 0;
    const auto at = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
    return sorted[std::min(at, sorted.size() - 1)];
}

/// The state of one run.
class Run {
 public:
    Run(Surroundings& around, std::vector<Prepared> packets, double rate, base::Random& random)
        : around_{around}, packets_{std::move(packets)}, flights_(packets_.size()) {
        auto at = mono_now() + base::Milliseconds{20};
        begin_ = at;
        const base::Nanoseconds gap{static_cast<std::int64_t>(1e9 / rate)};
        for (std::size_t i = 0; i < packets_.size(); ++i) {
            at += random.exponential(gap);
            flights_[i] = {at, {}, base::Mono::min(), packets_[i].delay};
            places_.emplace(packets_[i].mark, i);
        }
        around_.on_cell([this](const Mark& mark) { note(mark); });
    }
    ~Run() { around_.on_cell(nullptr); }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    void send_until(base::Mono end) {
        while (next_ < packets_.size() && mono_now() < end) {
            send_due();
            if (next_ == packets_.size()) break;
            const auto wait = std::min(end, flights_[next_].due) - mono_now();
            if (wait > spin)
                around_.work_until(mono_now() + wait - spin / 2);
            else
                around_.poll();
        }
    }
    void finish() {
        const auto end = mono_now() + end_at_latest;
        while (mono_now() < end && mono_now() - last_ < silence_at_end &&
               arrived_ + refused_ < next_)
            around_.work_until(mono_now() + base::Milliseconds{5});
    }
    base::Mono counting_from() const { return begin_ + filling; }
    std::size_t arrived() const { return arrived_; }

    void report(LoadResult& result) const {
        result.sent = packets_.size();
        result.refused = refused_;
        result.arrived = arrived_;
        std::vector<double> added, lag;
        for (const auto& flight : flights_) {
            lag.push_back(millis(flight.entered - flight.due));
            if (flight.left != base::Mono::min() && flight.delay)
                added.push_back(millis(flight.left - flight.entered - *flight.delay));
        }
        std::sort(added.begin(), added.end());
        std::sort(lag.begin(), lag.end());
        result.added = {quantile(added, 0.5), quantile(added, 0.99), quantile(added, 0.999)};
        result.generator_lag_p99 = quantile(lag, 0.99);
    }

 private:
    void send_due() {
        const auto now = mono_now();
        while (next_ < packets_.size() && flights_[next_].due <= now) {
            auto& packet = packets_[next_];
            flights_[next_].entered = now;
            const bool sent = packet.from_client
                                  ? around_.send_as_client(packet.link, std::move(packet.cell))
                                  : around_.send_as_relay(packet.link, std::move(packet.cell));
            refused_ += sent ? 0 : 1;
            ++next_;
        }
        last_ = now;
    }
    void note(const Mark& mark) {
        const auto found = places_.find(mark);
        if (found == places_.end()) return;  // a loop of the relay itself
        auto& flight = flights_[found->second];
        if (flight.left != base::Mono::min()) return;
        flight.left = last_ = mono_now();
        ++arrived_;
    }

    Surroundings& around_;
    std::vector<Prepared> packets_;
    std::vector<Flight> flights_;
    boost::unordered_flat_map<Mark, std::size_t, MarkHash> places_;
    base::Mono begin_;
    base::Mono last_{};
    std::size_t next_ = 0;
    std::size_t refused_ = 0;
    std::size_t arrived_ = 0;
};

}  // namespace

double LoadResult::loss() const {
    return sent == 0 ? 0 : static_cast<double>(sent - arrived) / static_cast<double>(sent);
}

double LoadResult::micros_per_packet() const {
    return handled == 0 ? 0 : usage.seconds() * 1e6 / static_cast<double>(handled);
}

LoadResult run_load(Surroundings& around, const RelayProcess& relay, std::vector<Prepared> packets,
                    double rate, base::Random& random) {
    LoadResult result;
    result.rate = rate;
    Run run{around, std::move(packets), rate, random};
    run.send_until(run.counting_from());
    const auto began = mono_now();
    const auto before = relay.usage();
    const auto arrived = run.arrived();
    run.send_until(base::Mono::max());
    result.seconds = base::to_seconds(mono_now() - began);
    result.usage = relay.usage() - before;
    result.handled = run.arrived() - arrived;
    result.goodput = static_cast<double>(result.handled) / result.seconds;
    result.memory = relay.memory();
    run.finish();
    run.report(result);
    return result;
}

}  // namespace nightjar::bench
