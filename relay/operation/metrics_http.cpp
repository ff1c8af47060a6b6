#include "relay/operation/metrics_http.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/listen_error.hpp"

namespace nightjar::relay::operation {

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
    static const auto& category = http::make_error_code(http::error::bad_method).category();
    return error.category() == category && error != http::error::end_of_stream &&
           error != http::error::partial_message;
}

/// True for a HEAD, also if the rest of the request could not be read: its answer has no body.
bool asks_for_head(const http::request<http::empty_body>& request,
                   const boost::beast::flat_buffer& unread) {
    const std::string_view begin{static_cast<const char*>(unread.data().data()), unread.size()};
    return request.method() == http::verb::head || begin.starts_with("HEAD ");
}

http::response<http::string_body> route(const http::request<http::empty_body>& request,
                                        const HttpPages& pages) {
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
        auto refused = answer(http::status::method_not_allowed, "GET or HEAD only\n");
        refused.set(http::field::allow, "GET, HEAD");
        return refused;
    }
    // No page depends on a query, but a scrape job may have parameters.
    const auto path = request.target().substr(0, request.target().find('?'));
    if (path == "/metrics") {
        return answer(http::status::ok, pages.metrics(),
                      "text/plain; version=0.0.4; charset=utf-8");
    }
    if (path == "/livez") return answer(http::status::ok, "alive\n");
    if (path == "/readyz") {
        const auto reason = pages.not_ready();
        if (!reason) return answer(http::status::ok, "ready\n");
        return answer(http::status::service_unavailable, "not ready: " + *reason + "\n");
    }
    return answer(http::status::not_found, "/metrics, /livez or /readyz\n");
}

}  // namespace

MetricsHttp::MetricsHttp(asio::any_io_executor executor, tcp::endpoint listen, HttpPages pages,
                         node::process::TaskGroup& tasks, HttpLimits limits)
    : acceptor_{std::move(executor)}, pages_{std::move(pages)}, tasks_{tasks}, limits_{limits} {
    try {
        acceptor_.open(listen.protocol());
        acceptor_.set_option(tcp::acceptor::reuse_address{true});
        acceptor_.bind(listen);
        acceptor_.listen();
    } catch (const boost::system::system_error& error) {
        throw node::process::cannot_listen(listen, error.code(), "metrics.listen");
    }
}

tcp::endpoint MetricsHttp::local() const {
    return acceptor_.local_endpoint();
}

void MetricsHttp::close() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
}

asio::awaitable<void> MetricsHttp::run() {
    node::process::AcceptLimits limits{.connections = limits_.connections_max};
    auto admit = [this](tcp::socket socket, const auto&, node::process::ConnectionPlace place) {
        tasks_.spawn("metrics connection", serve(std::move(socket), std::move(place)));
    };
    co_await node::process::accept_loop(acceptor_, std::move(limits), std::move(admit));
}

asio::awaitable<void> MetricsHttp::serve(tcp::socket socket, node::process::ConnectionPlace) {
    boost::beast::tcp_stream stream{std::move(socket)};
    stream.expires_after(limits_.deadline);

    boost::beast::flat_buffer buffer{limits_.request_bytes_max};
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits_.request_bytes_max));
    parser.body_limit(0);
    const auto read = co_await http::async_read(stream, buffer, parser, as_result);
    const auto error = std::get<0>(read);
    auto response = answer(http::status::bad_request, "bad request\n");
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
        response = answer(http::status::request_header_fields_too_large, "over 1 KiB\n");
    } else if (error == http::error::body_limit || error == http::error::unexpected_body) {
        response = answer(http::status::payload_too_large, "a request body is not allowed\n");
    } else if (!error) {
        response = route(parser.get(), pages_);
    } else if (!is_bad_request(error)) {
        co_return;  // the peer has gone, or the deadline has passed
    }
    http::response_serializer<http::string_body> serializer{response};
    if (asks_for_head(parser.get(), buffer))
        co_await http::async_write_header(stream, serializer, as_result);
    else
        co_await http::async_write(stream, serializer, as_result);
    boost::system::error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

}  // namespace nightjar::relay::operation
