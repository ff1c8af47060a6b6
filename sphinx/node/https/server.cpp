#include "sphinx/node/https/server.hpp"

#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <limits>

#include "sphinx/node/https/http_date.hpp"
#include "sphinx/node/https/negotiation.hpp"
#include "sphinx/node/https/pinned_tls.hpp"
#include "sphinx/node/link/link.hpp"
#include "sphinx/node/process/accept_loop.hpp"
#include "sphinx/node/process/activation.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/http_messages.hpp"
#include "sphinx/node/process/listen_error.hpp"

namespace nightjar::node::https {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using process::as_result;

namespace {

using TlsStream = asio::ssl::stream<boost::beast::tcp_stream>;
using Response = http::response<http::string_body>;

Response response_of(Answer answer) {
    Response response{static_cast<http::status>(answer.status), 11};
    response.set(http::field::date, http_date(process::wall_now()));
    response.set(http::field::content_type, answer.type);
    response.set(http::field::cache_control, answer.cache_control);
    if (!answer.etag.empty()) response.set(http::field::etag, answer.etag);
    if (answer.gzip) response.set(http::field::content_encoding, "gzip");
    if (answer.varies) response.set(http::field::vary, "Accept-Encoding");
    if (answer.last_modified)
        response.set(http::field::last_modified, http_date(*answer.last_modified));
    if (!answer.allow.empty()) response.set(http::field::allow, answer.allow);
    response.body() = std::move(answer.body);
    response.keep_alive(false);
    response.prepare_payload();
    return response;
}

Answer refusal(unsigned status, std::string line) {
    Answer answer;
    answer.status = status;
    answer.body = std::move(line);
    return answer;
}

/// The answer to a request that could not be read; nullopt if the peer has gone.
std::optional<Answer> answer_to(const boost::system::error_code& error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
        return refusal(431, "the header is too long\n");
    if (error == http::error::body_limit) return refusal(413, "the body is too long\n");
    static const auto of_beast = http::make_error_code(http::error::bad_method);
    if (error.category() == of_beast.category() && error != http::error::end_of_stream &&
        error != http::error::partial_message)
        return refusal(400, "not an HTTP request\n");
    return std::nullopt;
}

}  // namespace

// A connection's place. Freed however the connection ends, even if it is cancelled before it
// starts.
class Server::Place {
 public:
    Place(Server& server, base::PrefixShares::Holder number) : server_{server}, number_{number} {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
        server_.places_.leave(number_);
        server_.open_.erase(number_);
    }

 private:
    Server& server_;
    const base::PrefixShares::Holder number_;
};

Server::Server(asio::any_io_executor executor, const tcp::endpoint& address, const char* key,
               const base::Secret<32>& ed25519_seed, Handler handler, process::TaskGroup& tasks,
               ServerLimits limits)
    : acceptor_{std::move(executor)},
      context_{server_context(ed25519_seed)},
      handler_{std::move(handler)},
      tasks_{tasks},
      limits_{limits},
      rates_{limits.rate, random_},
      places_{limits.connections, random_} {
    try {
        acceptor_ = process::listen_on(acceptor_.get_executor(), address);
    } catch (const boost::system::system_error& error) {
        throw process::cannot_listen(address, error.code(), key);
    }
}

Server::~Server() {
    assert(open_.empty());
}

tcp::endpoint Server::local() const {
    return acceptor_.local_endpoint();
}

void Server::close() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
}

asio::awaitable<void> Server::run() {
    // admit() bounds the connections, so the loop itself has no bound.
    process::AcceptLimits limits{.connections = std::numeric_limits<std::size_t>::max()};
    co_await process::accept_loop(acceptor_, std::move(limits),
                                  [this](tcp::socket socket, const tcp::endpoint& peer, auto) {
                                      admit(std::move(socket), link::plain_address(peer.address()));
                                  });
}

void Server::admit(tcp::socket socket, const base::IpAddress& from) {
    // Where this returns early, the destructor closes the socket.
    if (!rates_.take(from, std::chrono::steady_clock::now())) return;
    const auto number = next_++;
    if (const auto loser = places_.enter(from, number)) {
        if (*loser == number) return;
        if (const auto found = open_.find(*loser); found != open_.end())
            tasks_.cancel(found->second);
    }
    auto place = std::make_unique<Place>(*this, number);
    const auto task =
        tasks_.spawn("https connection", serve(std::move(socket), from, std::move(place)));
    if (places_.holds(number)) open_.emplace(number, task);  // it may be over already
}

asio::awaitable<void> Server::serve(tcp::socket socket, base::IpAddress from,
                                    std::unique_ptr<Place>) {
    TlsStream stream{boost::beast::tcp_stream{std::move(socket)}, context_};
    auto& lowest = boost::beast::get_lowest_layer(stream);
    lowest.expires_after(limits_.request_time);
    const auto shaken = co_await stream.async_handshake(TlsStream::server, as_result);
    if (std::get<0>(shaken)) co_return;

    boost::beast::flat_buffer buffer{limits_.header_max + limits_.body_max};
    http::request_parser<http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits_.header_max));
    parser.body_limit(limits_.body_max);
    const auto unread = co_await process::read_message(stream, parser, buffer);
    auto answer = answer_to(unread);
    if (unread && !answer) co_return;
    const auto& request = parser.get();
    if (!answer) {
        try {
            const auto match = request[http::field::if_none_match];
            const auto coding = request[http::field::accept_encoding];
            answer = handler_({std::string{request.method_string()}, std::string{request.target()},
                               request.body(), std::string{match},
                               accepts_gzip({coding.data(), coding.size()}), from});
        } catch (const std::exception&) {
            answer = refusal(500, "the server has failed\n");
        }
    }
    lowest.expires_after(limits_.answer_time);
    const auto response = response_of(std::move(*answer));
    co_await process::write_message(stream, response, request.method() == http::verb::head);
    co_await stream.async_shutdown(as_result);
}

}  // namespace nightjar::node::https
