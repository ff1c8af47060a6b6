#include "client/apps/listener.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>
#include <cstring>

#include "sphinx/node/process/exit_code.hpp"
#include "sphinx/node/process/listen_error.hpp"
#include "sphinx/node/process/socket_file.hpp"

namespace nightjar::client::apps {

using asio::ip::tcp;
using boost::system::error_code;
using boost::system::system_error;
using node::process::ExitCode;
using node::process::StartupError;

namespace {

// SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST of Linux. Their headers cannot be included beside those
// of the C library.
constexpr int original_target = 80;

base::IpEndpoint endpoint_of(const sockaddr_storage& from) {
    base::IpEndpoint to;
    if (from.ss_family == AF_INET6) {
        sockaddr_in6 at{};
        std::memcpy(&at, &from, sizeof at);
        to.address.v6 = true;
        std::memcpy(to.address.bytes.data(), &at.sin6_addr, 16);
        to.port = ntohs(at.sin6_port);
    } else {
        sockaddr_in at{};
        std::memcpy(&at, &from, sizeof at);
        std::memcpy(to.address.bytes.data(), &at.sin_addr, 4);
        to.port = ntohs(at.sin_port);
    }
    return to;
}

}  // namespace

Listener::Listener(asio::any_io_executor executor, protocol::ListenerOptions options,
                   const char* key)
    : options_{std::move(options)}, acceptor_{executor} {
    if (options_.path.empty()) {
        const tcp::endpoint wanted{asio::ip::make_address(options_.endpoint.host),
                                   options_.endpoint.port};
        try {
            listen_tcp();
        } catch (const system_error& error) {
            throw node::process::cannot_listen(wanted, error.code(), key);
        }
        return;
    }
    const std::string change = std::string{"change `"} + key + "`";
    if (!node::process::remove_stale_socket(options_.path))
        throw StartupError{ExitCode::failure, "another process answers on " + options_.path +
                                                  "; stop it, or " + change};
    try {
        listen_unix();
    } catch (const system_error& error) {
        const bool denied = error.code() == boost::system::errc::permission_denied;
        throw StartupError{
            denied ? ExitCode::key_or_permission : ExitCode::failure,
            "cannot listen on " + options_.path + ": " + error.code().message() + "; " + change};
    }
}

Listener::~Listener() {
    close();
}

void Listener::listen_tcp() {
    const tcp::endpoint wanted{asio::ip::make_address(options_.endpoint.host),
                               options_.endpoint.port};
    acceptor_.open(wanted.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address{true});
    acceptor_.bind(wanted);
    acceptor_.listen();
    tcp::endpoint taken;
    const auto generic = acceptor_.local_endpoint();
    std::memcpy(taken.data(), generic.data(), generic.size());
    address_ = directory::to_text(directory::Endpoint{taken.address().to_string(), taken.port()});
    remote_ = !taken.address().is_loopback();
}

void Listener::listen_unix() {
    // No application can connect before listen(), and by then the mode is set.
    acceptor_.open(asio::local::stream_protocol{});
    acceptor_.bind(asio::local::stream_protocol::endpoint{options_.path});
    if (::chmod(options_.path.c_str(), options_.all_users ? 0666 : 0600) != 0)
        throw system_error{errno, boost::system::system_category()};
    acceptor_.listen();
    address_ = "unix:" + options_.path;
}

protocol::Rules Listener::rules(Protocol::socket& application, bool private_targets) const {
    protocol::Rules rules{.private_targets = private_targets,
                          .listener = protocol::name_in_keys(address_, options_.number),
                          .by_credentials = options_.by_credentials,
                          .by_listener = options_.by_listener,
                          .extended_errors = options_.extended_errors};
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool asks = !options_.path.empty() && options_.by_user;
    if (asks &&
        ::getsockopt(application.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
        peer.uid != ::geteuid())
        rules.user = peer.uid;
    return rules;
}

std::optional<base::IpEndpoint> Listener::wanted_target(Protocol::socket& application) {
    const int socket = application.native_handle();
    sockaddr_storage own{}, wanted{};
    socklen_t own_size = sizeof own, size = sizeof wanted;
    if (::getsockname(socket, static_cast<sockaddr*>(static_cast<void*>(&own)), &own_size) != 0)
        return std::nullopt;
    const int level = own.ss_family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
    if (::getsockopt(socket, level, original_target, &wanted, &size) != 0) return std::nullopt;
    const auto target = endpoint_of(wanted);
    // One that came here by itself would be sent to this very port.
    if (target == endpoint_of(own)) return std::nullopt;
    return target;
}

void Listener::close() {
    if (!acceptor_.is_open()) return;
    error_code ignored;
    acceptor_.close(ignored);
    if (!options_.path.empty()) ::unlink(options_.path.c_str());
}

}  // namespace nightjar::client::apps
