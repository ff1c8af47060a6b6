// Resolves names to addresses at the exit, with c-ares on our own event loop: the system's resolver
// would block a thread and delay a shutdown. I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "relay/core/name_answers.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::io {

struct ResolverLimits {
    std::size_t queries_max = 512;  // at once; the addresses of a name take two
    // Per answer; the rest is ignored. Far above what is tried: some may be refused or unreachable.
    std::size_t addresses_max = 64;
    base::Milliseconds per_try{2500};
    int tries = 2;
};

class Resolver {
 public:
    using OnAddresses = std::function<void(const core::NameAnswer&)>;
    using OnName = std::function<void(const base::Result<std::string, core::NameError>&)>;

    /// If `servers` is empty, the system's servers are used. Throws std::runtime_error if c-ares
    /// does not start.
    Resolver(boost::asio::any_io_executor executor, const std::vector<base::IpEndpoint>& servers,
             ResolverLimits limits = {});
    /// Queries in progress are answered by `failed`.
    ~Resolver();

    /// Asks for a name's addresses of one family. Calls `on_answer` once, perhaps before this call
    /// returns, and at the latest after tries x per_try, times the number of servers. A caller
    /// cannot withdraw a query: c-ares has no way to end one of several. The hosts file and search
    /// domains are never used.
    void addresses(const std::string& name, core::Family family, OnAddresses on_answer);
    /// Asks for an address's name (PTR), in the same way.
    void name(const base::IpAddress& address, OnName on_answer);

    /// Answers every query by `failed`. Later calls are answered so at once.
    void stop();

 private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace nightjar::relay::io
