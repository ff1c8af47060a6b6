// The queries of a NameClient that its helper must still answer. It believes nothing: an answer
// must name one of them and be of the kind that was asked for. Pure; one thread.
#pragma once

#include <map>

#include "relay/io/name_messages.hpp"
#include "relay/io/name_service.hpp"

namespace nightjar::relay::io {

class NameQueries {
 public:
    using Query = NameService::Query;

    void add(Query query, core::Family family, NameService::OnAddresses on_answer,
             base::Mono until);
    void add(Query query, NameService::OnName on_answer, base::Mono until);
    /// From now on its answer is dropped. Returns false if it was answered or withdrawn before.
    bool withdraw(Query query);
    /// Passes the answer on. Returns false if it answers no query; nothing is done then.
    bool answer(const NameReply& reply);
    /// Answers every query by `failed`, and drops what the helper still answers.
    void fail_waiting();
    /// Answers every query by `failed`, and expects no answer any more.
    void fail_all();

    std::size_t size() const { return waiting_.size(); }
    /// The earliest time by which one of them must have been answered. Precondition: size() > 0.
    base::Mono until() const;

 private:
    enum class Kind { v4, v6, name };
    struct Waiting {
        Kind kind{};
        NameService::OnAddresses on_addresses;  // neither: withdrawn
        NameService::OnName on_name;
        base::Mono until;

        bool withdrawn() const { return !on_addresses && !on_name; }
        void fail(core::NameError error = core::NameError::failed) const;
    };
    static Kind kind_of(core::Family family);
    static bool fits(const NameReply& reply, Kind kind);
    static Waiting take(Waiting& waiting);

    std::map<Query, Waiting> waiting_;
};

}  // namespace nightjar::relay::io
