// A relay's metrics: ends the windows in time, keeps the text of a scrape, and serves it. Outside a
// lab a scrape only copies a text that was made before, and never sees a live count
// (docs/metrics.md R2). If the operator has set a cap, it keeps the sum of this month's published
// windows in DATA_DIR/traffic_month, so that the sum outlives the process. I/O thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "relay/io/engine.hpp"
#include "relay/metrics/month.hpp"
#include "relay/metrics/windows.hpp"
#include "relay/operation/metrics.hpp"
#include "relay/operation/startup.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/node/process/task_group.hpp"
#include "sphinx/node/scrape/metrics_http.hpp"

namespace nightjar::relay {

/// What the daemon knows. Each function must stay callable as long as the service.
struct MetricsSources {
    std::function<operation::StaticFacts()> facts;
    std::function<base::Wall()> now;
    std::function<std::uint64_t()> directory_failures;
};

class MetricsService {
 public:
    /// Binds the listener, if the configuration names one; throws node::StartupError. `loaded`,
    /// `engine` and `connections` must outlive this object.
    MetricsService(boost::asio::io_context& io, const operation::Loaded& loaded, io::Engine& engine,
                   MetricsSources sources, node::process::TaskGroup& connections);

    /// Spawns the listener and the windows. Call it once.
    void start(node::process::TaskGroup& tasks);
    void close();
    /// The text that a scrape would get now. nullopt: there is no listener.
    std::optional<std::string> page();
    /// nullopt: the operator has set no cap.
    std::optional<metrics::MonthUse> month() const;
    /// A bug has ended a task.
    void count_bug() { ++bugs_; }

 private:
    boost::asio::awaitable<void> keep_windows();
    void load_month();
    void add_to_month();
    node::scrape::HttpPages pages();
    bool exact() const;
    metrics::Totals totals();
    std::string text();

    const operation::Loaded& loaded_;
    io::Engine& engine_;
    MetricsSources sources_;
    base::SystemRandom random_;
    metrics::Windows windows_;
    metrics::MonthTraffic month_;
    bool month_kept_ = true;  // the file could be written
    std::uint64_t bugs_ = 0;
    std::string shown_;
    boost::asio::steady_timer timer_;
    std::unique_ptr<node::scrape::MetricsHttp> http_;
};

}  // namespace nightjar::relay
