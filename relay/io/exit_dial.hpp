// Connects one stream of an exit to its target: asks for the target's addresses, has them tried in
// turn (core::AddressRace) by the process for connections (DialClient), and keeps the socket that
// connects first. I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "relay/core/address_race.hpp"
#include "relay/io/dial_client.hpp"
#include "relay/io/exit_names.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/node/process/event.hpp"

namespace nightjar::relay::io {

/// What all dials of an exit share. It must outlive them.
struct DialContext {
    boost::asio::any_io_executor executor;
    DialClient& client;
    /// The exit's policy in force. Asked for each address before a connection to any, and again
    /// when the attempt begins.
    std::function<bool(const base::IpEndpoint&)> allows;
    std::size_t attempts_max;          // at once, beyond one for each dial
    std::size_t attempts = 0;          // at once
    std::uint64_t no_descriptors = 0;  // how often the process had no file descriptor left

    /// has_route(), remembered for a second. A question costs three system calls, and one packet
    /// can open a hundred streams to a name with 128 addresses. So at most routes_max addresses
    /// are asked about in a second; of others the attempt itself finds out.
    bool routable(const base::IpEndpoint& target, base::Mono now);
    static constexpr std::size_t routes_max = 256;
    std::map<base::IpAddress, bool> routes{};  // forgotten with the last dial
    std::size_t routes_asked = 0;              // within the second since routes_since
    base::Mono routes_since{};
    std::size_t dials = 0;
};

class Dial final : public NameWaiter, public std::enable_shared_from_this<Dial> {
 public:
    using Socket = DialClient::Socket;

    Dial(DialContext& context, std::uint16_t port, core::RaceLimits limits);
    ~Dial() override;

    /// Waits until an address has connected, or none can. Call it once. The error is `cancelled`
    /// after cancel().
    boost::asio::awaitable<base::Result<Socket, stream::ResetReason>> run();
    /// Gives up all attempts; run() then returns.
    void cancel();

    void on_answer(core::Family family, const core::NameAnswer& answer) override;

 private:
    /// One attempt, counted as long as it lasts.
    struct Try {
        explicit Try(DialContext& shared) : context{shared} { ++context.attempts; }
        ~Try() { --context.attempts; }
        Try(const Try&) = delete;
        Try& operator=(const Try&) = delete;

        DialContext& context;
        DialClient::Attempt number = 0;
    };

    core::AddressRace::Usable judge(const base::IpEndpoint& target);
    void take_steps(base::Mono now);
    void start(core::AddressRace::Attempt attempt, const base::IpEndpoint& target);
    void on_result(core::AddressRace::Attempt attempt, base::Result<Socket, DialError> result);

    DialContext& context_;
    core::AddressRace race_;
    node::process::Event news_;                        // an answer, a result, or cancel()
    std::map<core::AddressRace::Attempt, Try> tries_;  // in progress
    std::optional<Socket> winner_;
    bool cancelled_ = false;
};

/// True unless the system knows no way to this address: then an attempt would only fail. Sends
/// nothing.
bool has_route(const base::IpEndpoint& target);

}  // namespace nightjar::relay::io
