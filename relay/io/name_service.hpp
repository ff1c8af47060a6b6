// Finds the addresses of names, and the name of an address, for an exit. A relay that runs uses
// NameClient, whose work is done in a process without keys; that process uses Resolver. I/O thread
// only.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "relay/core/name_answers.hpp"
#include "sphinx/base/holding.hpp"

namespace nightjar::relay::io {

class NameService {
 public:
    using OnAddresses = std::function<void(const core::NameAnswer&)>;
    using OnName = std::function<void(const base::Result<std::string, core::NameError>&)>;
    using Query = std::uint64_t;

    virtual ~NameService() = default;

    /// Asks for a name's addresses of one family. Calls `on_answer` once, perhaps before this call
    /// returns. Returns the query's number, for cancel().
    virtual Query addresses(const std::string& name, core::Family family,
                            OnAddresses on_answer) = 0;
    /// Asks for an address's name (PTR), in the same way.
    virtual Query name(const base::IpAddress& address, OnName on_answer) = 0;
    /// Ends a query without an answer, unless it has ended. A question that nothing waits for any
    /// more is withdrawn. Never call it from an answer.
    virtual void cancel(Query query) = 0;

    /// Replaces the name servers; none: the system's, as they are now. Queries in progress are
    /// answered by `failed`. Throws std::runtime_error if the resolver cannot be set up; nothing is
    /// changed then.
    virtual void use(const std::vector<base::IpEndpoint>& servers) = 0;
    /// The name servers in use. If they are the system's: as they were when they were read.
    virtual const std::vector<base::IpEndpoint>& servers() const = 0;

    /// Answers every query by `failed`. Later calls are answered so at once.
    virtual void stop() = 0;
    /// False while no name can be looked up on this machine's side.
    virtual bool works() const = 0;
    /// Appends what this object's tables hold (base::Holding).
    virtual void list_holdings(base::Holdings& out) const = 0;
};

}  // namespace nightjar::relay::io
