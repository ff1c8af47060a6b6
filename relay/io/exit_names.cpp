#include "relay/io/exit_names.hpp"

#include <algorithm>
#include <chrono>

namespace nightjar::relay::io {

using core::families;
using core::Family;
using core::NameAnswer;
using core::NameError;

namespace {

std::size_t index(Family family) {
    return static_cast<std::size_t>(family);
}

base::Mono mono_now() {
    return std::chrono::steady_clock::now();
}

void tell_literal(const base::IpAddress& address, NameWaiter& waiter) {
    for (const auto family : families) {
        const bool its = (family == Family::v6) == address.v6;
        waiter.on_answer(family, its ? NameAnswer{core::NameAddresses{{address}, base::Seconds{0}}}
                                     : NameAnswer{base::Fail{NameError::no_address}});
    }
}

}  // namespace

ExitNames::ExitNames(core::ExitSessions& sessions, std::unique_ptr<NameService> service,
                     PlaceLimits limits)
    : sessions_{sessions}, service_{std::move(service)}, places_{sessions, limits} {}

ExitNames::~ExitNames() {
    service_->stop();  // its last answers still find this object
}

void ExitNames::use(const std::vector<base::IpEndpoint>& servers) {
    service_->use(servers);
    sessions_.forget_names();
}

void ExitNames::find(const base::SessionId& session, const std::string& host,
                     const std::shared_ptr<NameWaiter>& waiter) {
    if (const auto literal = base::IpAddress::parse(host)) return tell_literal(*literal, *waiter);
    const Key key{session, core::canonical_name(host)};
    const auto running = lookups_.find(key);
    const auto lookup = running == lookups_.end() ? begin(key) : running->second;
    for (const auto family : families) {
        const auto& known = lookup->answers[index(family)];
        if (known) waiter->on_answer(family, *known);
    }
    std::erase_if(lookup->waiters, [](const auto& one) { return one.expired(); });
    lookup->waiters.push_back(waiter);
    if (running == lookups_.end()) ask(key, lookup);
}

/// A new lookup, with what the session remembers.
std::shared_ptr<ExitNames::Lookup> ExitNames::begin(const Key& key) {
    const auto lookup = std::make_shared<Lookup>();
    const auto now = mono_now();
    for (const auto family : families)
        lookup->answers[index(family)] = sessions_.remembered(key.first, key.second, family, now);
    return lookup;
}

void ExitNames::ask(const Key& key, const std::shared_ptr<Lookup>& lookup) {
    auto& answers = lookup->answers;
    if (answers[0] && answers[1]) return;
    const bool granted = take_place(key.first);
    lookup->since = mono_now();
    const auto at = lookups_.emplace(key, lookup).first;
    if (!granted) return refuse(at);
    for (const auto family : families) {
        if (answers[index(family)]) continue;
        auto on_answer = [this, key, lookup, family](const NameAnswer& answer) {
            answered(key, lookup, family, answer);
        };
        lookup->queries.push_back(service_->addresses(key.second, family, std::move(on_answer)));
    }
}

bool ExitNames::take_place(const base::SessionId& session) {
    const auto grant = places_.take(session);
    if (grant && grant->loser) end_oldest(*grant->loser);
    return grant.has_value();
}

/// Precondition: the session has a lookup in progress.
void ExitNames::end_oldest(const base::SessionId& session) {
    auto oldest = lookups_.lower_bound({session, ""});
    for (auto at = oldest; at != lookups_.end() && at->first.first == session; ++at)
        if (at->second->since < oldest->second->since) oldest = at;
    places_.give_back(session);
    refuse(oldest);
}

/// Answers what is missing by `overload`, and asks no more.
void ExitNames::refuse(Lookups::iterator at) {
    const auto lookup = std::move(at->second);
    lookups_.erase(at);
    for (const auto query : lookup->queries)
        service_->cancel(query);
    if (lookup->on_name) lookup->on_name(base::Fail{NameError::overload});
    for (const auto family : families) {
        if (lookup->answers[index(family)]) continue;
        for (const auto& waiting : lookup->waiters)
            if (const auto waiter = waiting.lock())
                waiter->on_answer(family, base::Fail{NameError::overload});
    }
}

void ExitNames::end(const base::SessionId& session) {
    for (;;) {
        const auto at = lookups_.lower_bound({session, ""});
        if (at == lookups_.end() || at->first.first != session) return;
        places_.give_back(session);
        refuse(at);
    }
}

void ExitNames::answered(const Key& key, const std::shared_ptr<Lookup>& lookup, Family family,
                         const NameAnswer& answer) {
    auto& answers = lookup->answers;
    answers[index(family)] = answer;
    const auto now = mono_now();
    sessions_.remember(key.first, key.second, family, answer, now);
    if (answers[0] && answers[1]) {
        for (const auto one : families) {
            const auto& silent = *answers[index(one)];
            const bool usable = answers[1 - index(one)]->has_value();
            if (usable && !silent && silent.error() == NameError::failed)
                sessions_.remember_silence(key.first, key.second, one, now);
        }
        lookups_.erase(key);
        places_.give_back(key.first);
    }
    for (const auto& waiting : lookup->waiters)
        if (const auto waiter = waiting.lock()) waiter->on_answer(family, answer);
}

void ExitNames::find_name(const base::SessionId& session, const base::IpAddress& address,
                          NameService::OnName on_answer) {
    if (!take_place(session)) return on_answer(base::Fail{NameError::overload});
    const Key key{session, " " + std::to_string(++addresses_)};
    const auto lookup = std::make_shared<Lookup>();
    lookup->since = mono_now();
    lookup->on_name = std::move(on_answer);
    lookups_.emplace(key, lookup);
    auto ended = [this, key, lookup](const auto& answer) {
        lookups_.erase(key);
        places_.give_back(key.first);
        lookup->on_name(answer);
    };
    lookup->queries.push_back(service_->name(address, std::move(ended)));
}

void ExitNames::list_holdings(base::Holdings& out) const {
    const auto& [sessions, service, places, lookups, addresses] = *this;
    out.push_back({"ExitNames.lookups", "destinations", lookups.size(),
                   "a name that is being looked up, and its session"});
    service->list_holdings(out);
}

}  // namespace nightjar::relay::io
