#include "relay/metrics_service.hpp"

#include <algorithm>
#include <utility>

#include "relay/operation/metrics_access.hpp"
#include "relay/operation/process_facts.hpp"
#include "sphinx/node/files/atomic_file.hpp"
#include "sphinx/node/files/text_file.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::relay {

namespace asio = boost::asio;
using node::process::as_result;

namespace {

/// How old the static facts of a scrape can be.
constexpr base::Seconds renewal{1};

metrics::Terms terms(const operation::Loaded& loaded) {
    const auto& document = *loaded.document.document;
    const auto per_key = operation::packets_per_key(loaded.config, document);
    const auto seconds = operation::key_time(document.parameters).count();
    return {metrics::aligned_window(loaded.config.metrics_rules.window,
                                    document.parameters.epoch_length),
            per_key / static_cast<std::uint64_t>(seconds)};
}

metrics::Handshakes handshakes(const io::HandshakeCounts& counts) {
    using node::link::LinkError;
    const auto& failed = counts.failed;
    return {counts.made,
            counts.refused,
            failed.of(LinkError::unreachable),
            failed.of(LinkError::handshake),
            failed.of(LinkError::bad_hello),
            failed.of(LinkError::timed_out),
            failed.of(LinkError::bad_cell) + failed.of(LinkError::closed) +
                failed.of(LinkError::silent) + failed.of(LinkError::stuck) +
                failed.of(LinkError::abuse)};
}

}  // namespace

MetricsService::MetricsService(asio::io_context& io, const operation::Loaded& loaded,
                               io::Engine& engine, MetricsSources sources,
                               node::process::TaskGroup& connections)
    : loaded_{loaded},
      engine_{engine},
      sources_{std::move(sources)},
      windows_{terms(loaded), sources_.now()},
      timer_{io} {
    const auto& config = loaded.config;
    if (config.traffic_month) load_month();
    if (!config.serves_metrics()) return;
    if (!config.metrics) {
        http_ = std::make_unique<node::scrape::MetricsHttp>(
            io.get_executor(), config.metrics_rules.socket, pages(), connections);
        return;
    }
    const asio::ip::tcp::endpoint at{asio::ip::make_address(config.metrics->host),
                                     config.metrics->port};
    http_ = std::make_unique<node::scrape::MetricsHttp>(
        io.get_executor(), at, pages(), connections, node::scrape::HttpLimits{},
        operation::metrics_access(config.metrics_rules));
}

void MetricsService::start(node::process::TaskGroup& tasks) {
    if (http_) shown_ = text();
    tasks.spawn("metrics windows", keep_windows());
    if (http_) tasks.spawn("metrics listener", http_->run());
}

void MetricsService::close() {
    if (http_) http_->close();
}

std::optional<std::string> MetricsService::page() {
    if (!http_) return std::nullopt;
    return exact() ? text() : shown_;
}

std::optional<metrics::MonthUse> MetricsService::month() const {
    if (!loaded_.config.traffic_month) return std::nullopt;
    return month_.use(sources_.now());
}

asio::awaitable<void> MetricsService::keep_windows() {
    for (;;) {
        const auto left = windows_.end() - sources_.now();
        timer_.expires_after(std::clamp<base::Milliseconds>(left, base::Milliseconds{1}, renewal));
        const auto waited = co_await timer_.async_wait(as_result);
        if (std::get<0>(waited)) co_return;
        const auto now = sources_.now();
        if (windows_.is_due(now)) {
            windows_.look(now, totals(), random_);
            if (loaded_.config.traffic_month && windows_.last()) add_to_month();
        }
        if (http_) shown_ = text();
    }
}

/// A file that is damaged, or names a future time, counts as none. The status says how much of the
/// month was counted.
void MetricsService::load_month() {
    const auto text = node::files::read_file(operation::month_file(loaded_.config),
                                             metrics::MonthTraffic::text_max);
    if (!text) return;
    const auto kept = metrics::MonthTraffic::parse(*text);
    if (kept && kept->until() <= sources_.now()) month_ = *kept;
}

void MetricsService::add_to_month() {
    month_.add(*windows_.last());
    try {
        node::files::replace_file(operation::month_file(loaded_.config), month_.text(),
                                  node::files::Durability::rename_only, 0600);
        month_kept_ = true;
    } catch (const std::exception& error) {
        if (std::exchange(month_kept_, false))
            node::process::log(node::process::Level::warning,
                               std::string{"the month's traffic is not kept: "} + error.what());
    }
}

bool MetricsService::exact() const {
    return loaded_.document.document->parameters.lab && loaded_.config.metrics_rules.exact;
}

metrics::Totals MetricsService::totals() {
    const auto counted = engine_.lab_facts();
    const auto links = engine_.links();
    const auto process = operation::process_facts();
    metrics::Totals totals;
    totals.packets_in = counted.counters.packets_in;
    totals.dropped = counted.counters.dropped;
    totals.handshakes = handshakes(engine_.handshakes());
    totals.loops_returned = counted.counters.loops_returned;
    totals.loops_failed = counted.counters.loops_lost + counted.counters.loops_modified;
    totals.round_trips = counted.round_trips;
    totals.cpu = process.cpu;
    totals.directory_failures = sources_.directory_failures();
    totals.bugs = bugs_;
    totals.overloads = {counted.no_descriptors, counted.unwrap_refused,
                        counted.replay_filters_filled, engine_.floods().of_relays};
    totals.resident_bytes = process.resident_bytes;
    totals.open_files = process.open_files;
    totals.next_relays = links.next_relays;
    totals.next_relays_up = links.next_relays_up;
    return totals;
}

std::string MetricsService::text() {
    const operation::WindowFacts windows{windows_.terms().window, windows_.last(), windows_.bugs(),
                                         windows_.overloads()};
    if (!exact()) return operation::metrics_text(sources_.facts(), windows, nullptr);
    const auto counted = engine_.lab_facts();
    return operation::metrics_text(sources_.facts(), windows, &counted);
}

node::scrape::HttpPages MetricsService::pages() {
    node::scrape::HttpPages pages;
    // A lab compares exact counts of one moment; elsewhere a scrape makes nothing.
    pages.metrics = [this] { return exact() ? text() : shown_; };
    pages.not_ready = [this]() -> std::optional<std::string> {
        const auto state = sources_.facts().state;
        if (state == core::State::active) return std::nullopt;
        return core::state_names[static_cast<std::size_t>(state)];
    };
    return pages;
}

}  // namespace nightjar::relay
