// One HTTPS request to a server whose key is known (pinned_tls.hpp). Bounded in size and time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/ip.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/node/https/message.hpp"

namespace nightjar::node::https {

struct Peer {
    base::IpEndpoint address;
    base::LinkKey key;
};

struct ClientLimits {
    std::size_t header_max = 8 * 1024;
    std::size_t body_max = 1024 * 1024;               // compressed, and as it is
    base::Milliseconds deadline = base::Seconds{30};  // from the dial to the last byte
};

struct Reply {
    unsigned status = 0;
    std::string body;
    std::optional<base::Wall> date{};  // the server's clock, in whole seconds, if it says so
};

/// Sends `request` on a connection of its own. A compressed body is restored. `own`: the seed of
/// the key to prove if the server asks for one; it must live until the reply. The error is a
/// clause for the operator's log or status: why there is no reply.
boost::asio::awaitable<base::Result<Reply, std::string>> ask(const Peer& peer,
                                                             const Request& request,
                                                             ClientLimits limits = {},
                                                             const base::Secret<32>* own = nullptr);

}  // namespace nightjar::node::https
