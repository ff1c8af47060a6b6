// Resolves names to addresses at the exit, with c-ares on our own event loop: the system's resolver
// would block a thread and delay a shutdown. An attacker off the path that forges an answer must
// guess the question's port, its id and the case of its letters, and has one question to hit: equal
// questions at the same time are sent once (RFC 5452). A question that finds another under way is
// answered as late as if it had been sent itself, so the time says nothing of other sessions.
// I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "relay/core/name_answers.hpp"
#include "sphinx/base/holding.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::io {

struct ResolverLimits {
    std::size_t queries_max = 512;  // answers waited for; the addresses of a name take two
    std::size_t idle_max = 8;       // channels to c-ares that are kept for the next questions
    // Per answer; the rest is ignored. Far above what is tried: some may be refused or unreachable.
    std::size_t addresses_max = 64;
    base::Milliseconds per_try{2500};
    int tries = 2;
};

class Resolver {
 public:
    using OnAddresses = std::function<void(const core::NameAnswer&)>;
    using Query = std::uint64_t;
    using OnName = std::function<void(const base::Result<std::string, core::NameError>&)>;

    /// If `servers` is empty, the system's servers are used. Throws std::runtime_error if c-ares
    /// does not start.
    Resolver(boost::asio::any_io_executor executor, const std::vector<base::IpEndpoint>& servers,
             ResolverLimits limits = {});
    /// Queries in progress are answered by `failed`.
    ~Resolver();

    /// Asks for a name's addresses of one family. Calls `on_answer` once, perhaps before this call
    /// returns, and at the latest after tries x per_try, times the number of servers; over TCP
    /// once more, if an answer's question is not the one that was sent. The hosts file and search
    /// domains are never used. No server is asked about "localhost" (RFC 6761) and "onion"
    /// (RFC 7686). Returns the query's name, for cancel().
    Query addresses(const std::string& name, core::Family family, OnAddresses on_answer);
    /// Asks for an address's name (PTR), in the same way.
    Query name(const base::IpAddress& address, OnName on_answer);
    /// Ends a query without an answer, unless it has ended. A question that nothing waits for any
    /// more is withdrawn. Never call it from an answer.
    void cancel(Query query);

    /// The name servers in use. If they are the system's: as they were at the start.
    const std::vector<base::IpEndpoint>& servers() const;

    /// Answers every query by `failed`. Later calls are answered so at once.
    void stop();
    /// Appends what this object's tables hold (base::Holding).
    void list_holdings(base::Holdings& out) const;

 private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace nightjar::relay::io
