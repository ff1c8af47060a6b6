// The HTTP listener of a daemon for metrics and probes, on a TCP port or a unix socket. Serves GET
// and HEAD of /metrics, /livez and /readyz, with any query, and nothing else. /metrics has
// Prometheus' text format, or OpenMetrics for those who ask for it. Limits: 4 connections, 1 KiB
// per request, 5 s per connection. I/O thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sphinx/base/ip.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/node/process/accept_loop.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::node::scrape {

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

/// Who may ask. A connection from another address is closed at once, and so is one without a
/// certificate that the TLS context accepts; a request without the token gets 401, whatever its
/// path.
struct HttpAccess {
    std::vector<base::IpNetwork> allow = {};           // empty: every address
    std::string token = {};                            // empty: none is needed
    std::shared_ptr<boost::asio::ssl::context> tls{};  // nullptr: in clear
    /// Requests that a browser sends for a page get no answer, nor do requests that cannot be read.
    /// The host must be an address, localhost or missing. Otherwise a web page could give this
    /// machine a name of its own, and read the metrics. No field may be one that browsers send for
    /// a page. Otherwise a page would see by the status of /readyz when the daemon is connected.
    bool not_for_pages = false;

    /// A socket of [::] takes IPv4 connections as well, and shows their addresses as mapped ones:
    /// they count as IPv4.
    bool allows(boost::asio::ip::address from) const;
    /// False for what gets no answer, by the value of its Host.
    bool takes_host(std::string_view host) const;
};

class MetricsHttp {
 public:
    using Protocol = boost::asio::generic::stream_protocol;

    /// Binds the port; throws node::StartupError if that fails. `tasks` must outlive this object.
    MetricsHttp(boost::asio::any_io_executor executor, boost::asio::ip::tcp::endpoint listen,
                HttpPages pages, node::process::TaskGroup& tasks, HttpLimits limits = {},
                HttpAccess access = {});
    /// Does the same with a unix socket for its user and group. Replaces the file of a process that
    /// has ended; close() removes it.
    MetricsHttp(boost::asio::any_io_executor executor, std::filesystem::path listen,
                HttpPages pages, node::process::TaskGroup& tasks, HttpLimits limits = {});

    /// The address it listens on. If port 0 was requested, this has the port that the kernel chose.
    boost::asio::ip::tcp::endpoint local() const;
    /// Accepts connections until closed or cancelled. The owner spawns it once.
    boost::asio::awaitable<void> run();
    void close();

 private:
    boost::asio::awaitable<void> serve(Protocol::socket socket,
                                       node::process::ConnectionPlace place);

    boost::asio::basic_socket_acceptor<Protocol> acceptor_;
    HttpPages pages_;
    node::process::TaskGroup& tasks_;
    HttpLimits limits_;
    HttpAccess access_;
    std::filesystem::path file_;  // of a unix socket
};

}  // namespace nightjar::node::scrape
