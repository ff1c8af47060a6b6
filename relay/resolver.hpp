// Names to addresses at the exit, by c-ares on our own event loop: the system's resolver would
// block a thread and hold up a shutdown. I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "relay/exit_policy.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay {

struct ResolverLimits {
    std::size_t lookups_max = 256;   // at once
    std::size_t addresses_max = 16;  // of one answer; the rest is not looked at
    base::Milliseconds per_try{2500};
    int tries = 2;
};

enum class ResolveError {
    bad_name,   // not a host name: letters, digits, '-', '_' and dots
    not_found,  // no such name, or no address
    failed,     // no server answered, or the lookup was cancelled
    overload,   // lookups_max are under way
};

using ResolveResult = base::Result<std::vector<IpAddress>, ResolveError>;

class Resolver {
 public:
    /// `servers` empty: those of the system. Throws std::runtime_error if c-ares refuses
    /// (start-up).
    Resolver(boost::asio::any_io_executor executor, const std::vector<IpEndpoint>& servers,
             ResolverLimits limits = {});
    /// Lookups that are under way end as failed.
    ~Resolver();

    /// A literal address needs no lookup. The hosts file and search domains are never used. Ends
    /// after tries x per_try at the latest, times the number of servers.
    boost::asio::awaitable<ResolveResult> resolve(std::string name);

    /// Ends every lookup as failed. Later calls of resolve() fail at once.
    void stop();

 private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

/// What resolve() asks a server about.
bool is_host_name(std::string_view name);

}  // namespace nightjar::relay
