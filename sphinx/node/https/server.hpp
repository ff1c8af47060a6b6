// An HTTPS server for small requests from strangers. One request per connection. Bounded are: what
// a network prefix may connect (base::PrefixRates), open connections and which prefix has them
// (base::PrefixShares), the sizes of header and body, the bytes of answers that wait to be read and
// which prefix has them, and the time of each connection. A request that breaks a bound is answered
// with one line, or not at all.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "sphinx/base/prefix_rates.hpp"
#include "sphinx/base/prefix_shares.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/node/https/message.hpp"
#include "sphinx/node/process/task_group.hpp"

namespace nightjar::node::https {

struct ServerLimits {
    std::size_t connections = 256;  // open at once
    base::PrefixRate rate{1, 60};   // connections of an IPv4 address or IPv6 /64
    std::size_t header_max = 8 * 1024;
    std::size_t body_max = 64 * 1024;
    base::Milliseconds request_time = base::Seconds{10};  // handshake and request together
    base::Milliseconds answer_time = base::Seconds{30};
    base::Milliseconds stall_time = base::Seconds{10};  // no piece of 16 KiB of an answer leaves
    int send_buffer = 64 * 1024;                        // the kernel's, of a connection
    // Bytes of answers that are open at once and that the handler does not keep: of all clients
    // together, shared fairly between prefixes; and of each key in `known`. Answers of up to
    // small_answer bytes do not count: `connections` bounds them.
    std::size_t open_bytes = 16 * 1024 * 1024;
    std::size_t open_bytes_known = 8 * 1024 * 1024;
    std::vector<base::LinkKey> known{};  // clients that strangers must not keep out
};
inline constexpr std::size_t small_answer = 4096;

/// I/O thread only. The task group must outlive this object, and must be cancelled and awaited
/// before this object is destroyed.
class Server {
 public:
    /// Called once for each whole request. Must not block. An exception gives status 500.
    using Handler = std::function<Answer(const Request& request)>;

    /// Binds and listens. Throws process::StartupError; `key` is the setting to change.
    Server(boost::asio::any_io_executor executor, const boost::asio::ip::tcp::endpoint& address,
           const char* key, const base::Secret<32>& ed25519_seed, Handler handler,
           process::TaskGroup& tasks, ServerLimits limits = {});
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// The address that it listens on, with the port that the kernel chose if 0 was asked for.
    boost::asio::ip::tcp::endpoint local() const;
    /// Accepts connections until closed or cancelled. The owner spawns it once.
    boost::asio::awaitable<void> run();
    void close();
    /// What counts toward ServerLimits::open_bytes now, in whole places of open_piece bytes.
    std::size_t open_bytes() const { return answers_.size() * open_piece; }
    static constexpr std::size_t open_piece = 64 * 1024;

 private:
    class Place;
    struct Connection {
        std::optional<process::TaskGroup::TaskId> task;
        std::vector<base::PrefixShares::Holder> pieces;  // in answers_
        std::optional<base::LinkKey> known;
        std::size_t known_bytes = 0;
    };
    void admit(boost::asio::ip::tcp::socket socket, const base::IpAddress& from);
    boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket, base::IpAddress from,
                                       std::unique_ptr<Place> place);
    Answer answer_of(const Request& request);
    bool may_send(const Answer& answer, const Place& place, const base::IpAddress& from);
    bool take_pieces(std::size_t count, const Place& place, const base::IpAddress& from);
    bool take_known(std::size_t bytes, Connection& connection);
    void drop_answer(Connection& connection);
    void leave(base::PrefixShares::Holder number);

    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::ssl::context context_;
    Handler handler_;
    process::TaskGroup& tasks_;
    ServerLimits limits_;
    base::SystemRandom random_;
    base::PrefixRates rates_;
    base::PrefixShares places_;
    std::unordered_map<base::PrefixShares::Holder, Connection> open_;
    base::PrefixShares::Holder next_ = 0;
    base::PrefixShares answers_;  // each holder is a piece of an open answer
    std::unordered_map<base::PrefixShares::Holder, base::PrefixShares::Holder> piece_of_;
    base::PrefixShares::Holder next_piece_ = 0;
    std::map<base::LinkKey, std::size_t> known_bytes_;  // has each key of ServerLimits::known
};

}  // namespace nightjar::node::https
