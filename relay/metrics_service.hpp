// A relay's metrics: ends the windows in time, keeps the text of a scrape, and serves it. Outside a
// lab a scrape only copies a text that was made before, and never sees a live count
// (docs/metrics.md R2). I/O thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "relay/io/engine.hpp"
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
    /// Binds the listener; throws node::StartupError. `loaded`, `engine` and `connections` must
    /// outlive this object. Precondition: the configuration turns metrics on.
    MetricsService(boost::asio::io_context& io, const operation::Loaded& loaded, io::Engine& engine,
                   MetricsSources sources, node::process::TaskGroup& connections);

    /// Spawns the listener and the windows. Call it once.
    void start(node::process::TaskGroup& tasks);
    void close();
    /// The text that a scrape would get now.
    std::string page() { return exact() ? text() : shown_; }
    /// A bug has ended a task.
    void count_bug() { ++bugs_; }

 private:
    boost::asio::awaitable<void> keep_windows();
    node::scrape::HttpPages pages();
    bool exact() const;
    metrics::Totals totals();
    std::string text();

    const operation::Loaded& loaded_;
    io::Engine& engine_;
    MetricsSources sources_;
    base::SystemRandom random_;
    metrics::Windows windows_;
    std::uint64_t bugs_ = 0;
    std::string shown_;
    boost::asio::steady_timer timer_;
    std::unique_ptr<node::scrape::MetricsHttp> http_;
};

}  // namespace nightjar::relay
