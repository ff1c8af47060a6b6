#include "sphinx/node/https/server.hpp"

#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <limits>
#include <sstream>

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
constexpr std::size_t piece = 16 * 1024;  // of an answer

/// The header of an answer, as it leaves.
std::string header_of(const Answer& answer) {
    http::response<http::empty_body> response{static_cast<http::status>(answer.status), 11};
    response.set(http::field::date, http_date(process::wall_now()));
    response.set(http::field::content_type, answer.type);
    response.set(http::field::cache_control, answer.cache_control);
    if (!answer.etag.empty()) response.set(http::field::etag, answer.etag);
    if (answer.coding != Coding::none) {
        const auto name = name_of(answer.coding);
        response.set(http::field::content_encoding, {name.data(), name.size()});
    }
    if (answer.varies) response.set(http::field::vary, "Accept-Encoding");
    if (answer.last_modified)
        response.set(http::field::last_modified, http_date(*answer.last_modified));
    if (!answer.allow.empty()) response.set(http::field::allow, answer.allow);
    response.keep_alive(false);
    if (answer.status != 304) response.content_length(answer.body.size());
    std::ostringstream made;
    made << response.base();
    return std::move(made).str();
}

/// Sends an answer in pieces, each within its own time. False: the peer has gone, or reads too
/// slowly. The first piece has the header too: a small write behind another waits for the peer.
asio::awaitable<bool> send(TlsStream& stream, const Answer& answer, bool header_alone,
                           const ServerLimits& limits) {
    const auto end = std::chrono::steady_clock::now() + limits.answer_time;
    auto first = header_of(answer);
    const std::string_view body = header_alone ? std::string_view{} : answer.body.text();
    const auto with_header = std::min(body.size(), piece - std::min(piece, first.size()));
    first += body.substr(0, with_header);
    std::string_view left = body.substr(with_header);
    for (std::string_view next = first; !next.empty();) {
        const auto time = end - std::chrono::steady_clock::now();
        boost::beast::get_lowest_layer(stream).expires_after(
            std::clamp<std::chrono::nanoseconds>(time, base::Milliseconds{1}, limits.stall_time));
        const auto written =
            co_await asio::async_write(stream, asio::buffer(next.data(), next.size()), as_result);
        if (std::get<0>(written)) co_return false;
        next = left.substr(0, piece);
        left.remove_prefix(next.size());
    }
    co_return true;
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
    ~Place() { server_.leave(number_); }
    base::PrefixShares::Holder number() const { return number_; }

 private:
    Server& server_;
    const base::PrefixShares::Holder number_;
};

Server::Server(asio::any_io_executor executor, const tcp::endpoint& address, const char* key,
               const base::Secret<32>& ed25519_seed, Handler handler, process::TaskGroup& tasks,
               ServerLimits limits)
    : acceptor_{std::move(executor)},
      context_{server_context(ed25519_seed, !limits.known.empty())},
      handler_{std::move(handler)},
      tasks_{tasks},
      limits_{std::move(limits)},
      rates_{limits_.rate, random_},
      places_{limits_.connections, random_},
      answers_{std::max(limits_.open_bytes / open_piece, std::size_t{1}), random_,
               base::PrefixShares::Ties::newcomer_loses} {
    for (const auto& its : limits_.known)
        known_bytes_[its] = 0;
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
        if (const auto found = open_.find(*loser); found != open_.end() && found->second.task)
            tasks_.cancel(*found->second.task);
    }
    boost::system::error_code ignored;
    socket.set_option(asio::socket_base::send_buffer_size(limits_.send_buffer), ignored);
    open_.emplace(number, Connection{});
    auto place = std::make_unique<Place>(*this, number);
    const auto task =
        tasks_.spawn("https connection", serve(std::move(socket), from, std::move(place)));
    // It may be over already.
    if (const auto found = open_.find(number); found != open_.end()) found->second.task = task;
}

void Server::leave(base::PrefixShares::Holder number) {
    places_.leave(number);
    const auto found = open_.find(number);
    drop_answer(found->second);
    open_.erase(found);
}

void Server::drop_answer(Connection& connection) {
    for (const auto held : connection.pieces) {
        answers_.leave(held);
        piece_of_.erase(held);
    }
    connection.pieces.clear();
    if (connection.known) known_bytes_.at(*connection.known) -= connection.known_bytes;
    connection.known_bytes = 0;
}

/// Whether the answer has room among those that are open. It may take the room of another one.
bool Server::may_send(const Answer& answer, const Place& place, const base::IpAddress& from) {
    const auto size = answer.body.size();
    if (answer.kept || size <= small_answer) return true;
    auto& connection = open_.at(place.number());
    return connection.known ? take_known(size, connection)
                            : take_pieces((size + open_piece - 1) / open_piece, place, from);
}

bool Server::take_known(std::size_t bytes, Connection& connection) {
    auto& open = known_bytes_.at(*connection.known);
    if (open + bytes > limits_.open_bytes_known) return false;
    open += bytes;
    connection.known_bytes = bytes;
    return true;
}

bool Server::take_pieces(std::size_t count, const Place& place, const base::IpAddress& from) {
    const auto number = place.number();
    for (; count > 0; --count) {
        const auto held = next_piece_++;
        piece_of_[held] = number;
        open_.at(number).pieces.push_back(held);
        const auto loser = answers_.enter(from, held);
        if (!loser) continue;
        const auto other = piece_of_.at(*loser);
        auto& connection = open_.at(other);
        drop_answer(connection);
        if (other == number) return false;
        if (connection.task) tasks_.cancel(*connection.task);
    }
    return true;
}

Answer Server::answer_of(const Request& request) {
    try {
        return handler_(request);
    } catch (const std::exception&) {
        return refusal(500, "the server has failed\n");
    }
}

asio::awaitable<void> Server::serve(tcp::socket socket, base::IpAddress from,
                                    std::unique_ptr<Place> place) {
    TlsStream stream{boost::beast::tcp_stream{std::move(socket)}, context_};
    auto& lowest = boost::beast::get_lowest_layer(stream);
    lowest.expires_after(limits_.request_time);
    const auto shaken = co_await stream.async_handshake(TlsStream::server, as_result);
    if (std::get<0>(shaken)) co_return;
    auto& known = open_.at(place->number()).known;
    known = proven_key(stream.native_handle());
    if (known && !known_bytes_.contains(*known)) known.reset();

    boost::beast::flat_buffer buffer{limits_.header_max + limits_.body_max};
    http::request_parser<http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits_.header_max));
    parser.body_limit(limits_.body_max);
    const auto unread = co_await process::read_message(stream, parser, buffer);
    auto answer = answer_to(unread);
    if (unread && !answer) co_return;
    const auto& request = parser.get();
    if (!answer) {
        const auto match = request[http::field::if_none_match];
        const auto coding = request[http::field::accept_encoding];
        answer = answer_of({std::string{request.method_string()}, std::string{request.target()},
                            request.body(), std::string{match},
                            accepted_coding({coding.data(), coding.size()}), from, known});
    }
    const bool header_alone = request.method() == http::verb::head;
    if (!header_alone && !may_send(*answer, *place, from))
        answer = refusal(503, "too many answers are open; ask again later\n");
    if (!co_await send(stream, *answer, header_alone, limits_)) co_return;
    lowest.expires_after(limits_.stall_time);
    co_await stream.async_shutdown(as_result);
}

}  // namespace nightjar::node::https
