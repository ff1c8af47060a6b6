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

ExitNames::ExitNames(core::ExitSessions& sessions, std::unique_ptr<Resolver> resolver,
                     std::size_t names_max)
    : sessions_{sessions}, resolver_{std::move(resolver)}, names_max_{names_max} {}

ExitNames::~ExitNames() {
    resolver_->stop();  // its last answers still find this object
}

void ExitNames::use(std::unique_ptr<Resolver> resolver) {
    resolver_->stop();
    resolver_ = std::move(resolver);
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
    const bool too_many = busy(key.first);
    auto& answers = lookup->answers;
    if (answers[0] && answers[1]) return;
    lookups_.emplace(key, lookup);
    for (const auto family : families) {
        if (answers[index(family)]) continue;
        auto on_answer = [this, key, lookup, family](const NameAnswer& answer) {
            answered(key, lookup, family, answer);
        };
        if (too_many)
            on_answer(base::Fail{NameError::overload});
        else
            resolver_->addresses(key.second, family, std::move(on_answer));
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
    }
    for (const auto& waiting : lookup->waiters)
        if (const auto waiter = waiting.lock()) waiter->on_answer(family, answer);
}

void ExitNames::find_name(const base::SessionId& session, const base::IpAddress& address,
                          Resolver::OnName on_answer) {
    if (busy(session)) return on_answer(base::Fail{NameError::overload});
    name_lookups_.insert(session);
    auto ended = [this, session, on_answer = std::move(on_answer)](const auto& answer) {
        name_lookups_.erase(name_lookups_.find(session));
        on_answer(answer);
    };
    resolver_->name(address, std::move(ended));
}

bool ExitNames::busy(const base::SessionId& session) const {
    std::size_t count = name_lookups_.count(session);
    for (auto at = lookups_.lower_bound({session, ""});
         at != lookups_.end() && at->first.first == session; ++at)
        ++count;
    return count >= names_max_;
}

}  // namespace nightjar::relay::io
