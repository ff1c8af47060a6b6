#include "sphinx/node/scrape/metrics_http.hpp"

#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <cstring>

#include "sphinx/base/page_field.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/http_messages.hpp"
#include "sphinx/node/process/listen_error.hpp"
#include "sphinx/node/process/socket_file.hpp"
#include "sphinx/node/scrape/open_metrics.hpp"

namespace nightjar::node::scrape {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace {

using node::process::as_result;

http::response<http::string_body> answer(http::status status, std::string body,
                                         const char* type = "text/plain; charset=utf-8") {
    http::response<http::string_body> response{status, 11};
    response.set(http::field::content_type, type);
    response.set(http::field::cache_control, "no-store");
    response.body() = std::move(body);
    response.keep_alive(false);
    response.prepare_payload();
    return response;
}

/// True if the peer sent something that is not HTTP.
bool is_bad_request(const boost::system::error_code& error) {
    return error.category() == http::make_error_code(http::error::bad_method).category() &&
           error != http::error::end_of_stream && error != http::error::partial_message;
}

/// True for a HEAD, also if the rest of the request could not be read: its answer has no body.
bool asks_for_head(const http::request<http::empty_body>& request,
                   const boost::beast::flat_buffer& unread) {
    const std::string_view begin{static_cast<const char*>(unread.data().data()), unread.size()};
    return request.method() == http::verb::head || begin.starts_with("HEAD ");
}

http::response<http::string_body> metrics_answer(const http::request<http::empty_body>& request,
                                                 std::string text) {
    const auto accept = request[http::field::accept];
    const bool open = prefers_open_metrics({accept.data(), accept.size()});
    auto made = open ? answer(http::status::ok, to_open_metrics(text),
                              "application/openmetrics-text; version=1.0.0; charset=utf-8")
                     : answer(http::status::ok, std::move(text),
                              "text/plain; version=0.0.4; charset=utf-8");
    made.set(http::field::vary, "Accept");
    return made;
}

bool has_token(const http::request<http::empty_body>& request, const std::string& token) {
    constexpr std::string_view scheme = "Bearer ";
    const auto field = request[http::field::authorization];
    const std::string_view given{field.data(), field.size()};
    return given.starts_with(scheme) && given.size() == scheme.size() + token.size() &&
           sodium_memcmp(given.data() + scheme.size(), token.data(), token.size()) == 0;
}

http::response<http::string_body> route(const http::request<http::empty_body>& request,
                                        const HttpPages& pages, const HttpAccess& access) {
    if (!access.token.empty() && !has_token(request, access.token)) {
        auto refused = answer(http::status::unauthorized, "a bearer token is needed\n");
        refused.set(http::field::www_authenticate, "Bearer");
        return refused;
    }
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
        auto refused = answer(http::status::method_not_allowed, "GET or HEAD only\n");
        refused.set(http::field::allow, "GET, HEAD");
        return refused;
    }
    // No page depends on a query, but a scrape job may have parameters.
    const auto path = request.target().substr(0, request.target().find('?'));
    if (path == "/metrics") return metrics_answer(request, pages.metrics());
    if (path == "/livez") return answer(http::status::ok, "alive\n");
    if (path == "/readyz") {
        const auto reason = pages.not_ready();
        if (!reason) return answer(http::status::ok, "ready\n");
        return answer(http::status::service_unavailable, "not ready: " + *reason + "\n");
    }
    return answer(http::status::not_found, "/metrics, /livez or /readyz\n");
}

bool is_for_a_page(const http::request<http::empty_body>& request, const HttpAccess& access) {
    const auto host = request[http::field::host];
    return !access.takes_host({host.data(), host.size()}) ||
           std::ranges::any_of(request, [](const auto& field) {
               const auto name = field.name_string();
               return base::is_page_field({name.data(), name.size()});
           });
}

/// Precondition: the address is of TCP.
tcp::endpoint to_tcp(const MetricsHttp::Protocol::endpoint& address) {
    tcp::endpoint made{address.protocol().family() == AF_INET6 ? tcp::v6() : tcp::v4(), 0};
    std::memcpy(made.data(), address.data(), made.size());
    return made;
}

/// Reads one request from a connection and answers it. False if the peer has gone, if the deadline
/// of the stream below has passed, or if it may be a page's and gets no answer.
template <class Stream>
asio::awaitable<bool> talk(Stream& stream, const HttpPages& pages, const HttpLimits& limits,
                           const HttpAccess& access) {
    boost::beast::flat_buffer buffer{limits.request_bytes_max};
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits.request_bytes_max));
    parser.body_limit(0);
    const auto error = co_await node::process::read_message(stream, parser, buffer);
    if (access.not_for_pages && (error || is_for_a_page(parser.get(), access))) co_return false;
    auto response = answer(http::status::bad_request, "bad request\n");
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
        response = answer(http::status::request_header_fields_too_large, "over 1 KiB\n");
    } else if (error == http::error::body_limit || error == http::error::unexpected_body) {
        response = answer(http::status::payload_too_large, "a request body is not allowed\n");
    } else if (!error) {
        response = route(parser.get(), pages, access);
    } else if (!is_bad_request(error)) {
        co_return false;
    }
    co_await node::process::write_message(stream, response, asks_for_head(parser.get(), buffer));
    co_return true;
}

}  // namespace

MetricsHttp::MetricsHttp(asio::any_io_executor executor, tcp::endpoint listen, HttpPages pages,
                         node::process::TaskGroup& tasks, HttpLimits limits, HttpAccess access)
    : acceptor_{std::move(executor)},
      pages_{std::move(pages)},
      tasks_{tasks},
      limits_{limits},
      access_{std::move(access)} {
    try {
        acceptor_.open(listen.protocol());
        acceptor_.set_option(tcp::acceptor::reuse_address{true});
        acceptor_.bind(listen);
        acceptor_.listen();
    } catch (const boost::system::system_error& error) {
        throw node::process::cannot_listen(listen, error.code(), "metrics.listen");
    }
}

MetricsHttp::MetricsHttp(asio::any_io_executor executor, std::filesystem::path listen,
                         HttpPages pages, node::process::TaskGroup& tasks, HttpLimits limits)
    : acceptor_{std::move(executor)},
      pages_{std::move(pages)},
      tasks_{tasks},
      limits_{limits},
      file_{std::move(listen)} {
    using node::process::ExitCode;
    const auto where = "metrics.listen: cannot listen on unix:" + file_.string() + ": ";
    try {
        if (!node::process::remove_stale_socket(file_))
            throw node::process::StartupError{ExitCode::failure,
                                              where + "another process answers there; stop it"};
        // No process can connect before listen(), and by then the mode is set.
        const asio::local::stream_protocol::endpoint address{file_.string()};
        acceptor_.open(address.protocol());
        acceptor_.bind(address);
        if (::chmod(file_.c_str(), 0660) != 0)
            throw boost::system::system_error{errno, boost::system::system_category()};
        acceptor_.listen();
    } catch (const boost::system::system_error& error) {
        throw node::process::StartupError{
            ExitCode::failure,
            where + error.code().message() + "; use a folder in which the program may write"};
    }
}

bool HttpAccess::allows(asio::ip::address from) const {
    if (from.is_v6() && from.to_v6().is_v4_mapped())
        from = asio::ip::make_address_v4(asio::ip::v4_mapped, from.to_v6());
    const auto address = base::IpAddress::parse(from.to_string());
    return allow.empty() || std::ranges::any_of(allow, [&](const base::IpNetwork& network) {
               return address && network.contains(*address);
           });
}

bool HttpAccess::takes_host(std::string_view host) const {
    if (!not_for_pages || host.empty()) return true;
    const bool bracketed = host.starts_with('[');
    const auto end = bracketed ? host.find(']') : host.find(':');
    if (bracketed && end == std::string_view::npos) return false;
    const auto name = bracketed ? host.substr(1, end - 1) : host.substr(0, end);
    return name == "localhost" || base::IpAddress::parse(name).has_value();
}

tcp::endpoint MetricsHttp::local() const {
    return to_tcp(acceptor_.local_endpoint());
}

void MetricsHttp::close() {
    if (!acceptor_.is_open()) return;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    if (!file_.empty()) ::unlink(file_.c_str());
}

asio::awaitable<void> MetricsHttp::run() {
    node::process::AcceptLimits limits{.connections = limits_.connections_max};
    auto admit = [this](Protocol::socket socket, const auto& peer,
                        node::process::ConnectionPlace place) {
        if (!access_.allow.empty() && !access_.allows(to_tcp(peer).address())) return;
        tasks_.spawn("metrics connection", serve(std::move(socket), std::move(place)));
    };
    co_await node::process::accept_loop(acceptor_, std::move(limits), std::move(admit));
}

asio::awaitable<void> MetricsHttp::serve(Protocol::socket socket, node::process::ConnectionPlace) {
    using Clear = boost::beast::basic_stream<Protocol>;
    using Secure = asio::ssl::stream<Clear>;
    if (access_.tls == nullptr) {
        Clear stream{std::move(socket)};
        stream.expires_after(limits_.deadline);
        const bool answered = co_await talk(stream, pages_, limits_, access_);
        boost::system::error_code ignored;
        if (answered) stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
        co_return;
    }
    Secure stream{Clear{std::move(socket)}, *access_.tls};
    stream.next_layer().expires_after(limits_.deadline);
    const auto shaken = co_await stream.async_handshake(Secure::server, as_result);
    if (std::get<0>(shaken)) co_return;
    const bool answered = co_await talk(stream, pages_, limits_, access_);
    if (answered) co_await stream.async_shutdown(as_result);
}

}  // namespace nightjar::node::scrape
