// Resolves names to addresses at the exit, with c-ares on our own event loop: the system's resolver
// would block a thread and delay a shutdown. An attacker off the path that forges an answer must
// guess the question's port, its id and the case of its letters, and has one question to hit: equal
// questions at the same time are sent once (RFC 5452). A question that finds another under way is
// answered as late as if it had been sent itself, so the time says nothing of other sessions.
// I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>
#include <vector>

#include "relay/io/name_service.hpp"
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

class Resolver final : public NameService {
 public:
    /// If `servers` is empty, the system's servers are used. Throws std::runtime_error if c-ares
    /// does not start.
    Resolver(boost::asio::any_io_executor executor, const std::vector<base::IpEndpoint>& servers,
             ResolverLimits limits = {});
    /// Queries in progress are answered by `failed`.
    ~Resolver() override;

    /// An answer comes at the latest after tries x per_try, times the number of servers; over TCP
    /// once more, if an answer's question is not the one that was sent. The hosts file and search
    /// domains are never used. No server is asked about "localhost" (RFC 6761) and "onion"
    /// (RFC 7686).
    Query addresses(const std::string& name, core::Family family, OnAddresses on_answer) override;
    Query name(const base::IpAddress& address, OnName on_answer) override;
    void cancel(Query query) override;
    void use(const std::vector<base::IpEndpoint>& servers) override;
    const std::vector<base::IpEndpoint>& servers() const override;
    void stop() override;
    bool works() const override;
    void list_holdings(base::Holdings& out) const override;

 private:
    struct Impl;
    static std::shared_ptr<Impl> make(boost::asio::any_io_executor executor,
                                      const std::vector<base::IpEndpoint>& servers,
                                      ResolverLimits limits);

    std::shared_ptr<Impl> impl_;
};

}  // namespace nightjar::relay::io
