// An exit without sockets, as the fuzz target exit_answers drives it: the product's sessions,
// names, questions, races and policy, joined as relay/io/exit.cpp joins them. After each step it
// checks what must hold. One thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <set>

#include "relay/core/address_race.hpp"
#include "relay/core/exit_policy.hpp"
#include "relay/core/exit_sessions.hpp"
#include "relay/io/exit_names.hpp"
#include "relay/io/exit_question.hpp"
#include "sphinx/node/process/task_group.hpp"
#include "tests/fuzz/depth.hpp"
#include "tests/fuzz/relay/hostile_answers.hpp"

namespace nightjar::fuzz {

using base::Milliseconds;
using relay::core::AddressRace;
using relay::core::Family;
using relay::core::NameAnswer;
using relay::core::StreamRef;
using stream::ResetReason;

inline Depth asked{"a question for the process for lookups"};
inline Depth found{"addresses for a stream"};
inline Depth lied{"an answer that nothing asked for"};
inline Depth refused{"an address that the policy refuses"};
inline Depth attempted{"an attempt"};
inline Depth both_families{"attempts to both families"};
inline Depth given_up{"an attempt that was given up for a later one"};
inline Depth connected{"a connection"};
inline Depth carried{"bytes from a target to a client"};
inline Depth lost{"a race without a winner"};
inline Depth too_late{"a race whose time was over"};
inline Depth remembered{"an answer from a session's memory"};
inline Depth answered{"the answer to a RESOLVE"};
inline Depth no_place{"a stream that found no place"};
inline Depth loser{"a connection that gave up its place"};
inline Depth ended{"a stream that ended with its session"};
inline Depth over_memory{"a session that ended for its memory"};
inline Depth changed{"an address that the policy refuses since it was judged"};

constexpr std::size_t sessions_max = 3, connections_max = 6, of_one_session = 4;
constexpr relay::io::PlaceLimits lookups{4, 3};
constexpr relay::core::RaceLimits race_limits{.attempts_max = 16, .parallel_max = 3};

inline const char* const hosts[] = {"a.example", "A.example.", "b.example",       "1.2.3.4",
                                    "127.0.0.1", "::1",        "::ffff:10.0.0.1", "not a name",
                                    "9.9.9.9",   "2a00::1",    "c.example",       "169.254.169.254",
                                    "d.example", "e.example"};
inline base::IpAddress address(const char* text) {
    return base::IpAddress::parse(text).value();
}

/// SURBs of any content; no packet leaves here.
struct NoSealer final : relay::core::ReplySealer {
    std::optional<base::NodeId> seal(base::ByteView surb, base::ByteView, base::ByteSpan) override {
        return surb[0] % 5 == 4 ? std::nullopt : std::optional{base::NodeId{}};
    }
};

inline relay::core::ExitLimits exit_limits() {
    relay::core::ExitLimits limits;
    limits.sessions_max = sessions_max;
    limits.surbs_max = 20;
    limits.memory_max = 60'000;
    return limits;
}

inline relay::core::ExitPolicy policy_of(std::uint8_t which) {
    std::vector<relay::core::ExitRule> rules;
    for (const auto* text : {"reject 5.6.7.8:*", "accept *:80", "accept *4:443"})
        rules.push_back(relay::core::ExitRule::parse(text).value());
    if (which % 4 == 1) rules.clear();
    relay::core::ExitPolicy policy{rules, {{{address("9.9.9.9"), 9001}}}};
    if (which % 4 == 2) policy.use_host({{address("1.2.3.4"), 24}, {address("2a00::1"), 64}});
    if (which % 4 == 3) policy.use_servers({{address("8.8.8.8"), 80}});
    return policy;
}

class Exit;

/// A stream that is to be connected, or is.
struct Connection final : relay::io::NameWaiter {
    Connection(Exit& of, const StreamRef& stream, std::uint16_t port, base::Mono now)
        : exit{of}, ref{stream}, race{port, race_limits, now} {}
    void on_answer(Family family, const NameAnswer& answer) override;

    Exit& exit;
    StreamRef ref;
    AddressRace race;
    std::set<Family> heard;
    std::set<base::IpEndpoint> judged_good;
    std::map<AddressRace::Attempt, base::IpEndpoint> running;
    std::set<bool> tried_v6;
    std::size_t attempts = 0;
    bool is_connected = false;
};

class Exit {
 public:
    Exit() {
        auto service = std::make_unique<HostileNames>(lookups.places_max * 2);
        names_ = service.get();
        lookup_.emplace(sessions_, std::move(service), lookups);
    }
    ~Exit() {
        for (auto& [ref, question] : questions_)
            question->cancel();
        lookup_.reset();
        io_.poll();
    }
    Exit(const Exit&) = delete;
    Exit& operator=(const Exit&) = delete;

    void packet(std::uint8_t a, std::uint8_t b, std::uint8_t c);
    void message(base::ByteView bytes);
    void answer(std::uint8_t a, std::uint8_t b, std::uint8_t c);
    void says(base::ByteView bytes);
    void attempt(std::uint8_t a, std::uint8_t b, std::uint8_t c);
    void pass(base::Nanoseconds time);
    void use(std::uint8_t policy) { policy_ = policy_of(policy); }
    void use_servers() {
        lookup_->use({{address("8.8.4.4"), 53}});
        heard_.clear();
    }
    void target(std::uint8_t a, std::uint8_t b, std::uint8_t c);
    void settle();

    AddressRace::Usable judge(Connection& connection, const base::IpEndpoint& target) {
        if (!policy_.allows(target)) {
            refused.reach();
            return AddressRace::Usable::refused_by_policy;
        }
        connection.judged_good.insert(target);
        return target.address.bytes[1] == 0x0d ? AddressRace::Usable::no_route
                                               : AddressRace::Usable::yes;
    }
    base::Mono now() const { return now_; }

 private:
    using ConnectionPtr = std::shared_ptr<Connection>;

    base::SessionId session(std::uint8_t n) const {
        base::SessionId id;
        id.bytes[0] = static_cast<std::uint8_t>(1 + n % 5);
        id.bytes.back() = n % 5;
        return id;
    }
    Connection* pick(std::uint8_t n) {
        if (connections_.empty()) return nullptr;
        return std::next(connections_.begin(), static_cast<std::ptrdiff_t>(n % connections_.size()))
            ->second.get();
    }
    base::Wall wall() const {
        return base::Wall{std::chrono::floor<Milliseconds>(now_.time_since_epoch())};
    }
    void deliver(base::ByteSpan message);
    void pump();
    void open(const relay::core::ExitEvent& event);
    void look_up(const StreamRef& ref, const std::string& host);
    boost::asio::awaitable<void> resolve(StreamRef ref, std::string host);
    void close(const StreamRef& ref);
    void end_session(const base::SessionId& session);
    void step(Connection& connection);
    void check();

    boost::asio::io_context io_{1};
    node::process::TaskGroup tasks_{io_.get_executor(),
                                    [](const std::string&, const std::string&) { std::abort(); }};
    base::Mono now_{std::chrono::hours{1}};
    base::SeededRandom random_{1};
    relay::core::Counters counters_;
    relay::core::ExitSessions sessions_{
        {}, random_, counters_, exit_limits(), std::make_unique<NoSealer>()};
    relay::core::ExitPolicy policy_ = policy_of(0);
    HostileNames* names_ = nullptr;  // the service of lookup_
    std::optional<relay::io::ExitNames> lookup_;
    relay::io::ExitPlaces places_{sessions_, {connections_max, of_one_session}};
    std::map<StreamRef, ConnectionPtr> connections_;
    std::map<StreamRef, std::shared_ptr<relay::io::Question>> questions_;
    std::map<base::SessionId, std::set<std::string>> heard_;  // the names that streams asked for
    std::map<base::SessionId, std::pair<stream::PacketNumber, stream::StreamId>> sent_;
};

inline void Connection::on_answer(Family family, const NameAnswer& answer) {
    require(heard.insert(family).second);
    if (answer) {
        require(!answer->addresses.empty());
        for (const auto& one : answer->addresses)
            require(one.v6 == (family == Family::v6));
        found.reach();
    }
    race.answered(family, answer, exit.now(),
                  [this](const base::IpEndpoint& target) { return exit.judge(*this, target); });
}

inline void Exit::deliver(base::ByteSpan message) {
    const auto before = sessions_.sessions();
    sessions_.on_message(message, now_, wall());
    if (sessions_.sessions() < before) over_memory.reach();
}

inline void Exit::pump() {
    using Kind = stream::Event::Kind;
    for (const auto& event : sessions_.take_events()) {
        const StreamRef ref{event.session, event.event.stream};
        if (ref.stream == 0)
            end_session(ref.session);
        else if (event.event.kind == Kind::opened)
            open(event);
        else if (event.event.kind == Kind::reset || event.event.kind == Kind::stopped)
            close(ref);
        if (event.event.reason == ResetReason::session_ended) ended.reach();
    }
}

inline void Exit::open(const relay::core::ExitEvent& event) {
    const StreamRef ref{event.session, event.event.stream};
    require(!connections_.contains(ref));
    heard_[ref.session].insert(relay::core::canonical_name(event.event.target.host));
    if (event.event.target.port == 0) return look_up(ref, event.event.target.host);
    const auto grant = places_.take(ref.session);
    if (!grant) {
        no_place.reach();
        return sessions_.reset(ref, ResetReason::overload);
    }
    if (grant->loser) {
        loser.reach();
        const auto at = connections_.lower_bound({*grant->loser, 0});
        require(at != connections_.end() && at->first.session == *grant->loser);
        const auto gone = at->first;
        sessions_.reset(gone, ResetReason::overload);
        close(gone);
    }
    const auto made = std::make_shared<Connection>(*this, ref, event.event.target.port, now_);
    connections_.emplace(ref, made);
    const auto before = names_->asked().size();
    lookup_->find(ref.session, event.event.target.host, made);
    if (names_->asked().size() > before) asked.reach();
    if (names_->asked().size() == before && !made->heard.empty() &&
        !base::IpAddress::parse(event.event.target.host))
        remembered.reach();
}

inline void Exit::look_up(const StreamRef& ref, const std::string& host) {
    if (questions_.contains(ref)) return;
    tasks_.spawn("question", resolve(ref, host));
}

inline boost::asio::awaitable<void> Exit::resolve(StreamRef ref, std::string host) {
    const auto question = std::make_shared<relay::io::Question>(
        io_.get_executor(), policy_, relay::core::RaceLimits{.other_family = Milliseconds{0}});
    questions_.emplace(ref, question);
    const auto records = co_await question->run(*lookup_, ref.session, std::move(host));
    questions_.erase(ref);
    if (!records) co_return sessions_.reset(ref, records.error());
    answered.reach();
    require(!records->empty() && records->size() <= stream::records_max);
    const auto bytes = stream::encode(*records);
    require(stream::decode_records(bytes) == *records);
    for (const auto& record : *records)
        if (const auto* one = std::get_if<base::IpAddress>(&record.value))
            require(!relay::core::is_forbidden_target(*one));
    sessions_.accept(ref);
    sessions_.write(ref, bytes);
    sessions_.finish(ref);
}

inline void Exit::close(const StreamRef& ref) {
    if (const auto question = questions_.find(ref); question != questions_.end())
        question->second->cancel();
    const auto at = connections_.find(ref);
    if (at == connections_.end()) return;
    places_.give_back(ref.session);
    connections_.erase(at);
}

inline void Exit::end_session(const base::SessionId& session) {
    for (;;) {
        const auto at = connections_.lower_bound({session, 0});
        if (at == connections_.end() || at->first.session != session) break;
        close(at->first);
    }
    for (auto& [ref, question] : questions_)
        if (ref.session == session) question->cancel();
    lookup_->end(session);
    heard_.erase(session);
}

inline void Exit::says(base::ByteView bytes) {
    if (names_->says(bytes)) return;
    lied.reach();
    names_->ends();
}

inline void Exit::step(Connection& connection) {
    while (const auto next = connection.race.next(now_)) {
        if (next->kind == AddressRace::Step::Kind::give_up) {
            require(connection.running.erase(next->attempt) == 1);
            given_up.reach();
            continue;
        }
        require(connection.judged_good.contains(next->target));
        require(!relay::core::is_forbidden_target(next->target.address));
        require(++connection.attempts <= race_limits.attempts_max);
        if (!policy_.allows(next->target)) {
            // As Dial::start(): the policy has changed since it judged this address.
            changed.reach();
            connection.race.failed(next->attempt, ResetReason::refused_by_policy, now_);
            continue;
        }
        attempted.reach();
        connection.tried_v6.insert(next->target.address.v6);
        if (connection.tried_v6.size() == 2) both_families.reach();
        connection.running.emplace(next->attempt, next->target);
        require(connection.running.size() <= race_limits.parallel_max);
    }
}

/// What happens until the exit waits again.
inline void Exit::settle() {
    for (int round = 0; round < 4; ++round) {
        pump();
        io_.poll();
        io_.restart();
    }
    std::vector<StreamRef> over;
    for (auto& [ref, connection] : connections_) {
        if (connection->is_connected) continue;
        step(*connection);
        if (connection->race.lost(now_))
            over.push_back(ref);
        else
            require(connection->race.due() > now_);
    }
    for (const auto& ref : over) {
        const auto reason = connections_.at(ref)->race.reason(now_);
        (reason == ResetReason::timed_out ? too_late : lost).reach();
        sessions_.reset(ref, reason);
        close(ref);
    }
    pump();
    check();
}

inline void Exit::check() {
    require(sessions_.sessions() <= sessions_max);
    require(sessions_.memory() <= exit_limits().memory_max);
    require(connections_.size() <= connections_max);
    base::Holdings held;
    lookup_->list_holdings(held);
    for (const auto& one : held)
        if (one.table == std::string_view{"ExitNames.lookups"})
            require(one.entries <= lookups.places_max);
    const auto real_now = std::chrono::steady_clock::now();
    for (std::uint8_t n = 0; n < 5; ++n) {
        const auto id = session(n);
        std::size_t its = 0;
        for (const auto& [ref, connection] : connections_)
            its += ref.session == id ? 1U : 0U;
        require(its <= of_one_session);
        for (const auto* host : hosts)
            for (const auto family : relay::core::families)
                if (sessions_.remembered(id, host, family, real_now))
                    require(heard_[id].contains(relay::core::canonical_name(host)));
    }
    if (sessions_.sessions() == 0) require(connections_.empty() && sessions_.memory() == 0);
}

}  // namespace nightjar::fuzz
