// Asks a helper (node::process::Keeper) for names: a process that holds no key reads what name
// servers answer. The helper may be taken over, so all that it says is hostile: a message that is
// no answer to a query of this object, or a query that stays without an answer, ends it, and a new
// one is started. I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "relay/io/name_service.hpp"
#include "sphinx/node/process/helper_client.hpp"

namespace nightjar::relay::io {

struct NameClientLimits {
    std::size_t queries_max = 512;  // answers waited for, also of withdrawn queries
    // Within this a helper that works answers a query, whatever the servers do. c-ares doubles
    // ResolverLimits::per_try with each try, and over TCP it may ask all again.
    base::Milliseconds answer_of_server{15'000};
    base::Milliseconds answer_margin{10'000};  // for a busy machine
    node::process::RestartLimits restart;      // queries fail while no helper is to start
};

class NameClient final : public NameService {
 public:
    /// If `servers` is empty, the system's servers are used. Throws std::runtime_error if c-ares,
    /// which reads the system's list, does not start.
    NameClient(boost::asio::any_io_executor executor, std::shared_ptr<node::process::Keeper> keeper,
               const std::vector<base::IpEndpoint>& servers, NameClientLimits limits = {});
    /// Queries in progress are answered by `failed`.
    ~NameClient() override;

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
    std::shared_ptr<Impl> impl_;
};

}  // namespace nightjar::relay::io
