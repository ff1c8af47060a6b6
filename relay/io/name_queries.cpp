#include "relay/io/name_queries.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace nightjar::relay::io {

void NameQueries::Waiting::fail(core::NameError error) const {
    if (on_addresses) on_addresses(base::Fail{error});
    if (on_name) on_name(base::Fail{error});
}

NameQueries::Kind NameQueries::kind_of(core::Family family) {
    return family == core::Family::v4 ? Kind::v4 : Kind::v6;
}

bool NameQueries::fits(const NameReply& reply, Kind kind) {
    if (const auto* found = std::get_if<FoundAddresses>(&reply))
        return kind == kind_of(found->family);
    return !std::holds_alternative<FoundName>(reply) || kind == Kind::name;
}

/// Leaves a withdrawn one in its place.
NameQueries::Waiting NameQueries::take(Waiting& waiting) {
    return std::exchange(waiting, Waiting{waiting.kind, {}, {}, waiting.until});
}

void NameQueries::add(Query query, core::Family family, NameService::OnAddresses on_answer,
                      base::Mono until) {
    waiting_.emplace(query, Waiting{kind_of(family), std::move(on_answer), {}, until});
}

void NameQueries::add(Query query, NameService::OnName on_answer, base::Mono until) {
    waiting_.emplace(query, Waiting{Kind::name, {}, std::move(on_answer), until});
}

bool NameQueries::withdraw(Query query) {
    const auto found = waiting_.find(query);
    if (found == waiting_.end() || found->second.withdrawn()) return false;
    take(found->second);
    return true;
}

bool NameQueries::answer(const NameReply& reply) {
    const auto query = std::visit([](const auto& its) { return its.query; }, reply);
    const auto found = waiting_.find(query);
    if (found == waiting_.end() || !fits(reply, found->second.kind)) return false;
    // It has left the table before anything is called.
    const auto waiting = std::move(found->second);
    waiting_.erase(found);
    if (waiting.withdrawn()) return true;
    if (const auto* addresses = std::get_if<FoundAddresses>(&reply))
        waiting.on_addresses(addresses->found);
    else if (const auto* name = std::get_if<FoundName>(&reply))
        waiting.on_name(name->name);
    else
        waiting.fail(std::get<NoAnswer>(reply).error);
    return true;
}

void NameQueries::fail_waiting() {
    std::vector<Waiting> failed;
    for (auto& [query, waiting] : waiting_)
        if (!waiting.withdrawn()) failed.push_back(take(waiting));
    for (const auto& waiting : failed)
        waiting.fail();
}

void NameQueries::fail_all() {
    for (const auto& [query, waiting] : std::exchange(waiting_, {}))
        waiting.fail();
}

base::Mono NameQueries::until() const {
    assert(!waiting_.empty());
    const auto first = std::min_element(
        waiting_.begin(), waiting_.end(),
        [](const auto& a, const auto& b) { return a.second.until < b.second.until; });
    return first->second.until;
}

}  // namespace nightjar::relay::io
