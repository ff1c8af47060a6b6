// Answers one RESOLVE of a client: gathers a name's addresses, or asks for an address's name. I/O
// thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/core/address_race.hpp"
#include "relay/core/exit_policy.hpp"
#include "relay/io/exit_names.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/node/process/event.hpp"
#include "sphinx/stream/name_records.hpp"

namespace nightjar::relay::io {

using Records = std::vector<stream::NameRecord>;

class Question final : public NameWaiter, public std::enable_shared_from_this<Question> {
 public:
    /// `policy` must outlive the task that awaits run().
    Question(boost::asio::any_io_executor executor, const core::ExitPolicy& policy,
             core::RaceLimits limits);

    /// Asks, and waits for the answer as a race waits for its addresses: 50 ms for the slower
    /// family. Call it once. Only addresses that the policy may name are in the answer. The error
    /// is `cancelled` after cancel(). `names` must outlive this call.
    boost::asio::awaitable<base::Result<Records, stream::ResetReason>> run(ExitNames& names,
                                                                           base::SessionId session,
                                                                           std::string host);
    /// run() then returns.
    void cancel();

    void on_answer(core::Family family, const core::NameAnswer& answer) override;
    void on_name(const base::Result<std::string, core::NameError>& answer);
    /// True if the process had no file descriptor left to ask with.
    bool no_descriptors() const;

 private:
    using Outcome = base::Result<Records, stream::ResetReason>;
    Outcome outcome(base::Mono now) const;
    void add(const core::NameAddresses& found);

    const core::ExitPolicy& policy_;
    core::RaceLimits limits_;
    node::process::Event news_;
    std::vector<core::NameError> errors_;
    std::size_t answers_ = 0;
    std::size_t wanted_ = 2;  // answers: one for each family, or one name
    Records records_;
    bool refused_ = false;
    bool cancelled_ = false;
    base::Mono until_ = base::Mono::max();  // when run() ends whatever is missing
};

}  // namespace nightjar::relay::io
