// An HTTPS server for small requests from strangers. One request per connection. Bounded are: what
// a network prefix may connect (base::PrefixRates), open connections and which prefix has them
// (base::PrefixShares), the sizes of header and body, and the time of each connection. A request
// that breaks a bound is answered with one line, or not at all.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>
#include <unordered_map>

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
};

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

 private:
    class Place;
    void admit(boost::asio::ip::tcp::socket socket, const base::IpAddress& from);
    boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket, base::IpAddress from,
                                       std::unique_ptr<Place> place);

    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::ssl::context context_;
    Handler handler_;
    process::TaskGroup& tasks_;
    ServerLimits limits_;
    base::SystemRandom random_;
    base::PrefixRates rates_;
    base::PrefixShares places_;
    std::unordered_map<base::PrefixShares::Holder, process::TaskGroup::TaskId> open_;
    base::PrefixShares::Holder next_ = 0;
};

}  // namespace nightjar::node::https
