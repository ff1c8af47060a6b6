// The HTTP listener for metrics and probes, on loopback. Serves GET and HEAD of /metrics, /livez
// and /readyz, with any query, and nothing else. Limits: 4 connections, 1 KiB per request, 5 s per
// connection. I/O thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <optional>
#include <string>

#include "sphinx/base/time.hpp"
#include "sphinx/node/process/accept_loop.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::relay::operation {

struct HttpLimits {
    std::size_t connections_max = 4;
    std::size_t request_bytes_max = 1024;
    base::Seconds deadline{5};  // from accept to the last byte of the response
};

/// The content of the pages. Each function is called once for every valid request of its page, also
/// for HEAD.
struct HttpPages {
    std::function<std::string()> metrics;
    /// nullopt: ready. Otherwise one word that says why not.
    std::function<std::optional<std::string>()> not_ready;
};

class MetricsHttp {
 public:
    /// Binds the port; throws node::StartupError if that fails. `tasks` must outlive this object.
    MetricsHttp(boost::asio::any_io_executor executor, boost::asio::ip::tcp::endpoint listen,
                HttpPages pages, node::process::TaskGroup& tasks, HttpLimits limits = {});

    /// The address it listens on. If port 0 was requested, this has the port that the kernel chose.
    boost::asio::ip::tcp::endpoint local() const;
    /// Accepts connections until closed or cancelled. The owner spawns it once.
    boost::asio::awaitable<void> run();
    void close();

 private:
    boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket,
                                       node::process::ConnectionPlace place);

    boost::asio::ip::tcp::acceptor acceptor_;
    HttpPages pages_;
    node::process::TaskGroup& tasks_;
    HttpLimits limits_;
};

}  // namespace nightjar::relay::operation
