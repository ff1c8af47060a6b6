// The HTTP listener of metrics and probes, on loopback: GET /metrics, /livez and /readyz, nothing
// else. Bounded in every direction: 4 connections, 1 KiB of request, 5 s each. I/O thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <optional>
#include <string>

#include "sphinx/base/time.hpp"
#include "sphinx/node/task_group.hpp"

namespace nightjar::relay {

struct HttpLimits {
    std::size_t connections_max = 4;
    std::size_t request_bytes_max = 1024;
    base::Seconds deadline{5};  // absolute, from accept to the last byte of the answer
};

/// What is served. Called once per request that is well-formed and asks for it.
struct HttpPages {
    std::function<std::string()> metrics;
    /// Nothing: ready. Else one word why not.
    std::function<std::optional<std::string>()> not_ready;
};

class MetricsHttp {
 public:
    /// Binds at once; throws node::StartupError if it cannot. `tasks` outlives it.
    MetricsHttp(boost::asio::any_io_executor executor, boost::asio::ip::tcp::endpoint listen,
                HttpPages pages, node::TaskGroup& tasks, HttpLimits limits = {});

    /// Where it listens: the port that the kernel chose, if 0 was asked for.
    boost::asio::ip::tcp::endpoint local() const;
    /// Accepts until it is closed or cancelled. Spawned once by the owner.
    boost::asio::awaitable<void> run();
    void close();

 private:
    boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket);

    boost::asio::ip::tcp::acceptor acceptor_;
    HttpPages pages_;
    node::TaskGroup& tasks_;
    HttpLimits limits_;
    std::size_t connections_ = 0;
};

}  // namespace nightjar::relay
