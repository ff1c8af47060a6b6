// Resolves names to addresses at the exit, with c-ares on our own event loop: the system's resolver
// would block a thread and delay a shutdown. I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "relay/core/exit_policy.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::io {

struct ResolverLimits {
    std::size_t lookups_max = 256;   // concurrent lookups
    std::size_t addresses_max = 16;  // per answer; the rest is ignored
    base::Milliseconds per_try{2500};
    int tries = 2;
};

enum class ResolveError {
    bad_name,   // not a host name (base::is_host_name)
    not_found,  // the name does not exist, or has no address
    failed,     // no server answered, or the resolver was stopped
    overload,   // lookups_max lookups are in progress
};

using ResolveResult = base::Result<std::vector<base::IpAddress>, ResolveError>;

class Resolver {
 public:
    /// If `servers` is empty, the system's servers are used. Throws std::runtime_error if c-ares
    /// does not start.
    Resolver(boost::asio::any_io_executor executor, const std::vector<base::IpEndpoint>& servers,
             ResolverLimits limits = {});
    /// Lookups in progress fail with `failed`.
    ~Resolver();

    /// Resolves a name. A literal address needs no lookup. The hosts file and search domains are
    /// never used. Ends at the latest after tries x per_try, times the number of servers.
    boost::asio::awaitable<ResolveResult> resolve(std::string name);

    /// Ends every lookup with `failed`. Later calls of resolve() fail immediately.
    void stop();

 private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace nightjar::relay::io
