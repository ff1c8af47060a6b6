// The name lookups of an exit's streams. Streams of one session that ask for the same name at the
// same time share a lookup, and the session remembers its answer (core::NameAnswers). Sessions
// share no answer: no session can find out what another one has asked. I/O thread only.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "relay/core/exit_sessions.hpp"
#include "relay/io/exit_places.hpp"
#include "relay/io/name_service.hpp"

namespace nightjar::relay::io {

/// Waits for a name's addresses. To stop waiting, destroy it.
struct NameWaiter {
    virtual ~NameWaiter() = default;
    /// Called once for each family, in any order. It must not call ExitNames.
    virtual void on_answer(core::Family family, const core::NameAnswer& answer) = 0;
};

class ExitNames {
 public:
    /// `sessions` must outlive this object. `limits`: different names that are looked up at once;
    /// one more is answered by `overload`, or the oldest of a session that has paid less.
    ExitNames(core::ExitSessions& sessions, std::unique_ptr<NameService> service,
              PlaceLimits limits);
    ~ExitNames();

    /// Replaces the name servers. Lookups in progress fail, and what the sessions remember is
    /// forgotten. Throws as NameService::use().
    void use(const std::vector<base::IpEndpoint>& servers);
    /// Tells the waiter the addresses of `host`, a name or a literal address: what is known before
    /// this call returns, the rest later. A lookup goes on when its waiters have ended, and is its
    /// session's until it ends: the session remembers the answer.
    void find(const base::SessionId& session, const std::string& host,
              const std::shared_ptr<NameWaiter>& waiter);
    /// Asks for an address's name. Nothing is remembered. `on_answer` may be called before this
    /// call returns.
    void find_name(const base::SessionId& session, const base::IpAddress& address,
                   NameService::OnName on_answer);
    /// The session is over, and its lookups with it.
    void end(const base::SessionId& session);
    const std::vector<base::IpEndpoint>& servers() const { return service_->servers(); }
    void stop() { service_->stop(); }
    bool works() const { return service_->works(); }
    /// Appends what this object's tables hold (base::Holding).
    void list_holdings(base::Holdings& out) const;

 private:
    // The name is canonical. A lookup of an address has a space and a number in its place.
    using Key = std::pair<base::SessionId, std::string>;
    struct Lookup {
        base::Mono since{};
        std::array<std::optional<core::NameAnswer>, 2> answers;  // by Family
        std::vector<std::weak_ptr<NameWaiter>> waiters;          // for the families without one
        NameService::OnName on_name;                             // of a lookup of an address
        std::vector<NameService::Query> queries;
    };
    using Lookups = std::map<Key, std::shared_ptr<Lookup>>;

    std::shared_ptr<Lookup> begin(const Key& key);
    bool take_place(const base::SessionId& session);
    void end_oldest(const base::SessionId& session);
    void refuse(Lookups::iterator at);
    void ask(const Key& key, const std::shared_ptr<Lookup>& lookup);
    void answered(const Key& key, const std::shared_ptr<Lookup>& lookup, core::Family family,
                  const core::NameAnswer& answer);

    core::ExitSessions& sessions_;
    std::unique_ptr<NameService> service_;
    ExitPlaces places_;
    Lookups lookups_;              // in progress
    std::uint64_t addresses_ = 0;  // that were looked up
};

}  // namespace nightjar::relay::io
