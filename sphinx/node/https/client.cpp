#include "sphinx/node/https/client.hpp"

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "sphinx/directory/gzip.hpp"
#include "sphinx/node/https/http_date.hpp"
#include "sphinx/node/https/negotiation.hpp"
#include "sphinx/node/https/pinned_tls.hpp"
#include "sphinx/node/https/zstd.hpp"
#include "sphinx/node/process/completion.hpp"
#include "sphinx/node/process/http_messages.hpp"

namespace nightjar::node::https {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using process::as_result;

namespace {

using TlsStream = asio::ssl::stream<boost::beast::tcp_stream>;

http::request<http::string_body> request_of(const Request& request, const base::IpEndpoint& to) {
    http::request<http::string_body> made;
    made.method_string(request.method);
    made.target(request.target);
    made.version(11);
    const auto host = to.address.to_text();
    made.set(http::field::host,
             (to.address.v6 ? "[" + host + "]" : host) + ":" + std::to_string(to.port));
    if (!request.if_none_match.empty()) made.set(http::field::if_none_match, request.if_none_match);
    if (request.coding != Coding::none)
        made.set(http::field::accept_encoding,
                 request.coding == Coding::zstd ? "zstd, gzip" : "gzip");
    made.body() = request.body;
    made.keep_alive(false);
    made.prepare_payload();
    return made;
}

/// The body within its bound; nullopt if it has another coding than was asked for.
std::optional<std::string> restored(std::string_view body, std::string_view coding, Coding asked,
                                    std::size_t body_max) {
    if (asked >= Coding::gzip && coding == name_of(Coding::gzip))
        return directory::gunzip(body, body_max);
    if (asked >= Coding::zstd && coding == name_of(Coding::zstd)) return unzstd(body, body_max);
    return std::nullopt;
}

base::Fail<std::string> failed(const char* what, const boost::system::error_code& error) {
    const bool late = error == boost::beast::error::timeout;
    return base::Fail{std::string{what} + ": " + (late ? "no answer in time" : error.message())};
}

}  // namespace

asio::awaitable<base::Result<Reply, std::string>> ask(const Peer& peer, const Request& request,
                                                      ClientLimits limits,
                                                      const base::Secret<32>* own) {
    PinnedContext context{peer.key, own};
    TlsStream stream{co_await asio::this_coro::executor, context.get()};
    auto& lowest = boost::beast::get_lowest_layer(stream);
    lowest.expires_after(limits.deadline);
    const asio::ip::tcp::endpoint to{asio::ip::make_address(peer.address.address.to_text()),
                                     peer.address.port};
    const auto connected = co_await lowest.async_connect(to, as_result);
    if (std::get<0>(connected)) co_return failed("cannot connect", std::get<0>(connected));
    const auto shaken = co_await stream.async_handshake(TlsStream::client, as_result);
    if (std::get<0>(shaken))
        co_return failed("it does not prove that it has the key of the anchors file",
                         std::get<0>(shaken));

    const auto sent_request = request_of(request, peer.address);
    if (const auto unsent = co_await process::write_message(stream, sent_request))
        co_return failed("the request was not sent", unsent);
    boost::beast::flat_buffer buffer{limits.header_max + limits.body_max};
    http::response_parser<http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits.header_max));
    parser.body_limit(limits.body_max);
    if (const auto unread = co_await process::read_message(stream, parser, buffer))
        co_return failed("no whole answer", unread);
    const auto date = parser.get()[http::field::date];
    Reply reply{parser.get().result_int(), std::move(parser.get().body()),
                parse_http_date({date.data(), date.size()})};
    const auto coding = parser.get()[http::field::content_encoding];
    if (!coding.empty()) {
        auto text =
            restored(reply.body, {coding.data(), coding.size()}, request.coding, limits.body_max);
        if (!text) co_return base::Fail{std::string{"its compressed answer cannot be read"}};
        reply.body = *std::move(text);
    }
    // The server closes first, or not: its answer is whole.
    co_return reply;
}

}  // namespace nightjar::node::https
