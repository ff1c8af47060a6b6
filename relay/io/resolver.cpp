#include "relay/io/resolver.hpp"

#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <list>
#include <map>
#include <optional>
#include <utility>

#include "relay/io/ares_channel.hpp"
#include "relay/io/name_question.hpp"
#include "sphinx/base/host_name.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;

namespace {

using core::Family;
using core::NameAnswer;
using core::NameError;
using Message = std::span<const std::uint8_t>;

/// True if the process can open no further socket now.
bool no_descriptor_left() {
    const int probe = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return errno == EMFILE || errno == ENFILE;
    ::close(probe);
    return false;
}

NameError error_of(int status) {
    if (status == ARES_ENOTFOUND) return NameError::not_found;
    if (status == ARES_ENODATA) return NameError::no_address;
    if (status == ARES_EBADNAME) return NameError::bad_name;
    // c-ares reports every trouble with its sockets as a server that does not answer.
    if (status != ARES_EDESTRUCTION && no_descriptor_left()) return NameError::no_descriptors;
    return NameError::failed;
}

/// The addresses in an answer, and their least TTL, aliases' included. `Ttl` is c-ares' pair of an
/// address and its TTL.
template <class Ttl, class Parse>
NameAnswer parse_addresses(Message message, std::size_t addresses_max, Parse parse) {
    std::vector<Ttl> records(addresses_max);
    int count = static_cast<int>(records.size());
    const int status =
        parse(message.data(), static_cast<int>(message.size()), nullptr, records.data(), &count);
    if (status != ARES_SUCCESS) return base::Fail{error_of(status)};
    records.resize(static_cast<std::size_t>(count));
    if (records.empty()) return base::Fail{NameError::no_address};
    core::NameAddresses found;
    int ttl = records.front().ttl;
    for (const auto& record : records) {
        base::IpAddress address;
        constexpr bool v6 = std::is_same_v<Ttl, ares_addr6ttl>;
        address.v6 = v6;
        if constexpr (v6)
            std::memcpy(address.bytes.data(), &record.ip6addr, 16);
        else
            std::memcpy(address.bytes.data(), &record.ipaddr, 4);
        ttl = std::min(ttl, record.ttl);
        found.addresses.push_back(address);
    }
    found.ttl = base::Seconds{std::max(ttl, 0)};
    return found;
}

NameAnswer to_addresses(int status, Message message, Family family, std::size_t addresses_max) {
    if (status != ARES_SUCCESS) return base::Fail{error_of(status)};
    if (family == Family::v4)
        return parse_addresses<ares_addrttl>(message, addresses_max, ares_parse_a_reply);
    return parse_addresses<ares_addr6ttl>(message, addresses_max, ares_parse_aaaa_reply);
}

base::Result<std::string, NameError> to_name(int status, Message message,
                                             const base::IpAddress& address) {
    if (status != ARES_SUCCESS) return base::Fail{error_of(status)};
    hostent* host = nullptr;
    status =
        ares_parse_ptr_reply(message.data(), static_cast<int>(message.size()), address.bytes.data(),
                             address.bits() / 8, address.v6 ? AF_INET6 : AF_INET, &host);
    const std::unique_ptr<hostent, decltype(&ares_free_hostent)> owner{host, &ares_free_hostent};
    // The owner of an address chooses what its PTR record says. c-ares calls the answer bad if it
    // is not a host name.
    if (status == ARES_EBADRESP) return base::Fail{NameError::no_address};
    if (status != ARES_SUCCESS || host == nullptr) return base::Fail{error_of(status)};
    const std::string name{host->h_name == nullptr ? "" : host->h_name};
    if (!base::is_host_name(name)) return base::Fail{NameError::no_address};
    return name;
}

bool is_below(std::string_view name, std::string_view top) {
    return name == top || (name.ends_with(top) && name[name.size() - top.size() - 1] == '.');
}

/// The answer that no server gives; nullopt for all names but two (RFC 6761, RFC 7686).
std::optional<NameAnswer> known_answer(const std::string& name, Family family) {
    if (is_below(name, "onion")) return base::Fail{NameError::not_found};
    if (!is_below(name, "localhost")) return std::nullopt;
    const auto* text = family == Family::v4 ? "127.0.0.1" : "::1";
    return core::NameAddresses{{base::IpAddress::parse(text).value()}, base::Seconds{0}};
}

}  // namespace

struct Resolver::Impl : std::enable_shared_from_this<Resolver::Impl> {
    using Query = NameService::Query;
    using OnAnswer = AresChannel::OnAnswer;
    using Key = std::pair<std::string, int>;  // a canonical name and a type of record

    struct Waiter {
        Query query;
        OnAnswer on_answer;
        base::Mono since;
    };
    struct Question {
        Key key;
        std::string sent;  // the name, in the case in which it was sent
        base::Mono since;
        std::vector<Waiter> waiters;
        std::shared_ptr<AresChannel> channel;  // that asks it
        bool withdrawn = false;
    };
    using QuestionPtr = std::shared_ptr<Question>;
    /// An answer that waits for its time.
    struct Late {
        Waiter waiter;
        int status;
        std::vector<std::uint8_t> message;
        asio::steady_timer timer;
    };

    Impl(asio::any_io_executor executor_, std::vector<base::IpEndpoint> servers_,
         ResolverLimits limits_)
        : executor{std::move(executor_)}, servers{std::move(servers_)}, limits{limits_} {}

    std::shared_ptr<AresChannel> make_channel(AresChannel::Transport transport) const;
    Query ask(Key key, OnAnswer on_answer);
    void cancel(Query query);
    void send(const QuestionPtr& question, AresChannel::Transport transport);
    void answered(const QuestionPtr& question, AresChannel::Transport transport, int status,
                  Message message);
    void tell(Waiter waiter, base::Mono due, int status, Message message);
    void give_back(std::shared_ptr<AresChannel> channel, bool keep);
    void end(const OnAnswer& on_answer, int status, Message message);
    void close();

    asio::any_io_executor executor;
    std::vector<base::IpEndpoint> servers;  // as configured; empty: the system's
    std::vector<base::IpEndpoint> in_use;
    ResolverLimits limits;
    base::SystemRandom random;
    std::vector<std::shared_ptr<AresChannel>> idle;  // over UDP
    std::vector<std::shared_ptr<AresChannel>> busy;
    std::map<Key, QuestionPtr> questions;
    std::list<Late> late;
    std::size_t waiting = 0;  // answers that are owed
    Query last_query = 0;
    bool stopped = false;
};

std::shared_ptr<AresChannel> Resolver::Impl::make_channel(AresChannel::Transport transport) const {
    return std::make_shared<AresChannel>(
        executor, AresChannel::Options{servers, limits.per_try, limits.tries, transport});
}

NameService::Query Resolver::Impl::ask(Key key, OnAnswer on_answer) {
    ++waiting;
    const auto query = ++last_query;
    const auto now = base::Mono::clock::now();
    if (const auto running = questions.find(key); running != questions.end()) {
        running->second->waiters.push_back({query, std::move(on_answer), now});
        return query;
    }
    const auto question = std::make_shared<Question>();
    question->key = key;
    question->sent = mixed_case(key.first, random);
    question->since = now;
    question->waiters.push_back({query, std::move(on_answer), now});
    questions.emplace(std::move(key), question);
    send(question, AresChannel::Transport::udp);
    return query;
}

void Resolver::Impl::cancel(Query query) {
    const auto its = [query](const Waiter& waiter) { return waiter.query == query; };
    const auto waits =
        std::find_if(late.begin(), late.end(), [&](const Late& one) { return its(one.waiter); });
    if (waits != late.end()) {
        waits->timer.cancel();
        late.erase(waits);
        --waiting;
        return;
    }
    for (const auto& [key, question] : questions) {
        if (std::erase_if(question->waiters, its) == 0) continue;
        --waiting;
        if (!question->waiters.empty()) return;
        const auto last = question;  // stop() answers it, and so removes it
        last->withdrawn = true;
        last->channel->stop();
        return;
    }
}

void Resolver::Impl::send(const QuestionPtr& question, AresChannel::Transport transport) {
    std::shared_ptr<AresChannel> channel;
    if (transport == AresChannel::Transport::udp && !idle.empty()) {
        channel = std::move(idle.back());
        idle.pop_back();
    } else {
        try {
            channel = make_channel(transport);
        } catch (const std::runtime_error&) {  // no memory or no descriptor for another channel
            return answered(question, transport, ARES_ECONNREFUSED, {});
        }
    }
    busy.push_back(channel);
    question->channel = channel;
    auto on_answer = [self = shared_from_this(), question, transport, channel](int status,
                                                                               Message message) {
        // A channel must not end within its own answer.
        const bool keep = transport == AresChannel::Transport::udp && !question->withdrawn;
        question->channel.reset();
        asio::post(self->executor, [self, channel, keep] { self->give_back(channel, keep); });
        self->answered(question, transport, status, message);
    };
    const auto id = static_cast<std::uint16_t>(random.below(1 << 16));
    channel->ask(question->sent, question->key.second, id, std::move(on_answer));
}

void Resolver::Impl::give_back(std::shared_ptr<AresChannel> channel, bool keep) {
    std::erase(busy, channel);
    if (!stopped && keep && idle.size() < limits.idle_max) idle.push_back(std::move(channel));
}

void Resolver::Impl::answered(const QuestionPtr& question, AresChannel::Transport transport,
                              int status, Message message) {
    // A server that changes the case is asked again over TCP. A forger off the path cannot answer
    // there.
    if (!stopped && transport == AresChannel::Transport::udp && !message.empty() &&
        !repeats(message, question->sent)) {
        return send(question, AresChannel::Transport::tcp);
    }
    questions.erase(question->key);
    const auto took = base::Mono::clock::now() - question->since;
    for (auto& waiter : std::exchange(question->waiters, {})) {
        const auto due = waiter.since + took;
        tell(std::move(waiter), due, status, message);
    }
}

void Resolver::Impl::tell(Waiter waiter, base::Mono due, int status, Message message) {
    if (stopped || due <= base::Mono::clock::now()) return end(waiter.on_answer, status, message);
    late.push_back({std::move(waiter),
                    status,
                    {message.begin(), message.end()},
                    asio::steady_timer{executor, due}});
    const auto query = late.back().waiter.query;
    auto& timer = late.back().timer;
    timer.async_wait([self = shared_from_this(), query](boost::system::error_code error) {
        if (error || self->stopped) return;
        // cancel() cannot take back a handler whose time has come.
        const auto one =
            std::find_if(self->late.begin(), self->late.end(),
                         [query](const Late& its) { return its.waiter.query == query; });
        if (one == self->late.end()) return;
        const auto ready = std::move(*one);
        self->late.erase(one);
        self->end(ready.waiter.on_answer, ready.status, ready.message);
    });
}

void Resolver::Impl::end(const OnAnswer& on_answer, int status, Message message) {
    --waiting;
    on_answer(status, message);
}

void Resolver::Impl::close() {
    if (std::exchange(stopped, true)) return;
    // Each answers its question.
    for (const auto& channel : std::vector{busy})
        channel->stop();
    idle.clear();
    for (auto& one : std::exchange(late, {})) {
        one.timer.cancel();
        end(one.waiter.on_answer, ARES_EDESTRUCTION, {});
    }
}

std::shared_ptr<Resolver::Impl> Resolver::make(asio::any_io_executor executor,
                                               const std::vector<base::IpEndpoint>& servers,
                                               ResolverLimits limits) {
    auto impl = std::make_shared<Impl>(std::move(executor), servers, limits);
    const auto first = impl->make_channel(AresChannel::Transport::udp);
    impl->in_use = first->servers();
    impl->idle.push_back(first);
    return impl;
}

Resolver::Resolver(asio::any_io_executor executor, const std::vector<base::IpEndpoint>& servers,
                   ResolverLimits limits)
    : impl_{make(std::move(executor), servers, limits)} {}

Resolver::~Resolver() {
    impl_->close();
}

void Resolver::use(const std::vector<base::IpEndpoint>& servers) {
    auto next = make(impl_->executor, servers, impl_->limits);
    next->last_query = impl_->last_query;  // no two queries of this object have one name
    std::exchange(impl_, std::move(next))->close();
}

bool Resolver::works() const {
    return !impl_->stopped;
}

void Resolver::stop() {
    impl_->close();
}

NameService::Query Resolver::addresses(const std::string& name, Family family,
                                       OnAddresses on_answer) {
    const auto impl = impl_;  // keep it alive if the answer destroys the Resolver
    const auto canonical = core::canonical_name(name);
    std::optional<NameAnswer> known;
    if (!base::is_host_name(name))
        known = base::Fail{NameError::bad_name};
    else
        known = known_answer(canonical, family);
    if (!known && impl->stopped) known = base::Fail{NameError::failed};
    if (!known && impl->waiting >= impl->limits.queries_max)
        known = base::Fail{NameError::overload};
    if (known) {
        on_answer(*known);
        return 0;
    }
    auto on_message = [family, most = impl->limits.addresses_max, on_answer = std::move(on_answer)](
                          int status, Message message) {
        on_answer(to_addresses(status, message, family, most));
    };
    return impl->ask({canonical, family == Family::v4 ? ns_t_a : ns_t_aaaa}, std::move(on_message));
}

NameService::Query Resolver::name(const base::IpAddress& address, OnName on_answer) {
    const auto impl = impl_;
    const bool full = impl->waiting >= impl->limits.queries_max;
    if (impl->stopped || full) {
        on_answer(base::Fail{impl->stopped ? NameError::failed : NameError::overload});
        return 0;
    }
    auto on_message = [address, on_answer = std::move(on_answer)](int status, Message message) {
        on_answer(to_name(status, message, address));
    };
    return impl->ask({reverse_name(address), ns_t_ptr}, std::move(on_message));
}

void Resolver::cancel(Query query) {
    impl_->cancel(query);
}

const std::vector<base::IpEndpoint>& Resolver::servers() const {
    return impl_->in_use;
}

void Resolver::list_holdings(base::Holdings& out) const {
    out.push_back({"Resolver.questions", "destinations",
                   impl_->questions.size() + impl_->late.size(),
                   "a name that a server is being asked for, or its answer"});
}

}  // namespace nightjar::relay::io
