// The name lookups of an exit's streams. Streams of one session that ask for the same name at the
// same time share a lookup, and the session remembers its answer (core::NameAnswers). Sessions
// share no answer: no session can find out what another one has asked. I/O thread only.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "relay/core/exit_sessions.hpp"
#include "relay/io/resolver.hpp"

namespace nightjar::relay::io {

/// Waits for a name's addresses. To stop waiting, destroy it.
struct NameWaiter {
    virtual ~NameWaiter() = default;
    /// Called once for each family, in any order. It must not call ExitNames.
    virtual void on_answer(core::Family family, const core::NameAnswer& answer) = 0;
};

class ExitNames {
 public:
    /// `sessions` must outlive this object. `names_max`: different names that one session may look
    /// up at once; one more is answered by `overload`.
    ExitNames(core::ExitSessions& sessions, std::unique_ptr<Resolver> resolver,
              std::size_t names_max);
    ~ExitNames();

    /// Replaces the resolver. Lookups in progress fail, and what the sessions remember is
    /// forgotten.
    void use(std::unique_ptr<Resolver> resolver);
    /// Tells the waiter the addresses of `host`, a name or a literal address: what is known before
    /// this call returns, the rest later. A lookup goes on when its session or its waiters have
    /// ended, because c-ares cannot end one query; its answer is then dropped.
    void find(const base::SessionId& session, const std::string& host,
              const std::shared_ptr<NameWaiter>& waiter);
    /// Asks for an address's name. Nothing is remembered. `on_answer` may be called before this
    /// call returns.
    void find_name(const base::SessionId& session, const base::IpAddress& address,
                   Resolver::OnName on_answer);
    const std::vector<base::IpEndpoint>& servers() const { return resolver_->servers(); }
    void stop() { resolver_->stop(); }

 private:
    using Key = std::pair<base::SessionId, std::string>;  // the name is canonical
    struct Lookup {
        std::array<std::optional<core::NameAnswer>, 2> answers;  // by Family
        std::vector<std::weak_ptr<NameWaiter>> waiters;          // for the families without one
    };

    std::shared_ptr<Lookup> begin(const Key& key);
    void ask(const Key& key, const std::shared_ptr<Lookup>& lookup);
    void answered(const Key& key, const std::shared_ptr<Lookup>& lookup, core::Family family,
                  const core::NameAnswer& answer);
    bool busy(const base::SessionId& session) const;

    core::ExitSessions& sessions_;
    std::unique_ptr<Resolver> resolver_;
    std::size_t names_max_;
    std::map<Key, std::shared_ptr<Lookup>> lookups_;  // in progress
    std::multiset<base::SessionId> name_lookups_;     // of addresses, in progress
};

}  // namespace nightjar::relay::io
