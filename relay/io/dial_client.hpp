// Has a helper (node::process::HelperClient) make an exit's TCP connections, so that the process
// with the keys opens no socket to an address that a client chose. The helper may be taken over, so
// each descriptor is checked: one that is no TCP connection to the target that was asked for ends
// the helper. I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>

#include "relay/io/dial_messages.hpp"
#include "sphinx/base/holding.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/node/process/helper_client.hpp"

namespace nightjar::relay::io {

struct DialClientLimits {
    // Answers waited for, also of attempts that were given up. An exit has half as many attempts.
    std::size_t attempts_max = 8192;
    // An exit gives up each attempt after 20 s (core::RaceLimits), and then a helper that works
    // answers at once. The rest is for a busy machine.
    base::Milliseconds answer_within{30'000};
    node::process::RestartLimits restart;  // attempts fail while no helper is to start
};

class DialClient {
 public:
    using Socket = boost::asio::ip::tcp::socket;
    using Attempt = std::uint64_t;
    using OnResult = std::function<void(base::Result<Socket, DialError>)>;

    DialClient(boost::asio::any_io_executor executor, std::shared_ptr<node::process::Keeper> keeper,
               DialClientLimits limits = {});
    /// As stop().
    ~DialClient();
    DialClient(const DialClient&) = delete;
    DialClient& operator=(const DialClient&) = delete;

    /// Connects to `target`. Calls `on_result` once, perhaps before this call returns. Returns the
    /// attempt's number, for give_up(); 0 if it has been answered. `overload`: no helper works, or
    /// it ended meanwhile, or it has too much to do.
    Attempt connect(const base::IpEndpoint& target, OnResult on_result);
    /// Ends an attempt without a result, unless it has one.
    void give_up(Attempt attempt);
    /// Every attempt fails by `overload`, and so do later ones.
    void stop();

    /// False while this exit can connect to nothing: HelperClient::works().
    bool works() const;
    /// Appends what this object's tables hold (base::Holding).
    void list_holdings(base::Holdings& out) const;

 private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

/// What `descriptor` is. `other`: no TCP socket, or one to another target.
enum class Handed { connection, broken_connection, other };
Handed look_at(int descriptor, const base::IpEndpoint& target);

}  // namespace nightjar::relay::io
