#include "relay/io/resolver.hpp"

#include <ares.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <limits>
#include <map>
#include <stdexcept>

#include "sphinx/base/host_name.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;

namespace {

using core::NameAnswer;
using core::NameError;

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

NameAnswer to_answer(int status, const ares_addrinfo* info, std::size_t addresses_max) {
    if (status != ARES_SUCCESS || info == nullptr) return base::Fail{error_of(status)};
    core::NameAddresses found;
    int ttl = std::numeric_limits<int>::max();
    for (const auto* alias = info->cnames; alias != nullptr; alias = alias->next)
        ttl = std::min(ttl, alias->ttl);
    for (const auto* node = info->nodes; node != nullptr; node = node->ai_next) {
        if (found.addresses.size() == addresses_max) break;
        base::IpAddress address;
        if (node->ai_family == AF_INET) {
            const auto* in = reinterpret_cast<const sockaddr_in*>(node->ai_addr);
            std::memcpy(address.bytes.data(), &in->sin_addr, 4);
        } else if (node->ai_family == AF_INET6) {
            const auto* in = reinterpret_cast<const sockaddr_in6*>(node->ai_addr);
            address.v6 = true;
            std::memcpy(address.bytes.data(), &in->sin6_addr, 16);
        } else {
            continue;
        }
        ttl = std::min(ttl, node->ai_ttl);
        found.addresses.push_back(address);
    }
    if (found.addresses.empty()) return base::Fail{NameError::no_address};
    found.ttl = base::Seconds{std::max(ttl, 0)};
    return found;
}

std::string servers_csv(const std::vector<base::IpEndpoint>& servers) {
    std::string text;
    for (const auto& server : servers) {
        if (!text.empty()) text += ',';
        const auto address = server.address.to_text();
        text += server.address.v6 ? "[" + address + "]" : address;
        text += ":" + std::to_string(server.port);
    }
    return text;
}

struct Library {
    Library() {
        if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
            throw std::runtime_error{"c-ares does not start"};
        }
    }
    ~Library() { ares_library_cleanup(); }
};

}  // namespace

/// c-ares owns its sockets and reports which events it waits for. We watch the sockets with Asio
/// and report each event back. Handlers keep the Impl alive, so a late handler finds `stopped` set
/// instead of a destroyed object.
struct Resolver::Impl : std::enable_shared_from_this<Resolver::Impl> {
    struct Watch {
        explicit Watch(const asio::any_io_executor& executor, int fd) : descriptor{executor, fd} {}
        asio::posix::stream_descriptor descriptor;
        bool want_read = false;
        bool want_write = false;
        bool reading = false;
        bool writing = false;
    };

    /// One question to the servers. c-ares owns it until it has called on_addresses() or on_name(),
    /// which it does exactly once.
    struct Query {
        std::shared_ptr<Impl> impl;
        OnAddresses on_addresses;
        OnName on_name;
    };

    Impl(asio::any_io_executor executor_, ResolverLimits limits_)
        : executor{std::move(executor_)}, limits{limits_}, timer{executor} {}

    void open(const std::vector<base::IpEndpoint>& servers);
    static void on_socket_state(void* self, ares_socket_t fd, int readable, int writable);
    Query* begin();
    static std::unique_ptr<Query> end(void* query);
    static void on_addresses(void* query, int status, int timeouts, ares_addrinfo* info);
    static void on_name(void* query, int status, int timeouts, hostent* host);
    void watch(const std::shared_ptr<Watch>& watch, ares_socket_t fd);
    void process(ares_socket_t readable, ares_socket_t writable);
    void arm_timer();
    void close();

    asio::any_io_executor executor;
    ResolverLimits limits;
    asio::steady_timer timer;
    ares_channel channel = nullptr;
    std::map<ares_socket_t, std::shared_ptr<Watch>> watches;
    std::size_t queries = 0;
    bool stopped = false;
};

void Resolver::Impl::open(const std::vector<base::IpEndpoint>& servers) {
    static const Library library;
    ares_options options{};
    char lookups_by_dns_only[] = "b";
    options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
    options.timeout = static_cast<int>(limits.per_try.count());
    options.tries = limits.tries;
    options.lookups = lookups_by_dns_only;
    options.sock_state_cb = on_socket_state;
    options.sock_state_cb_data = this;
    const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                     ARES_OPT_SOCK_STATE_CB;
    int status = ares_init_options(&channel, &options, mask);
    if (status == ARES_SUCCESS && !servers.empty()) {
        status = ares_set_servers_ports_csv(channel, servers_csv(servers).c_str());
    }
    if (status != ARES_SUCCESS) {
        if (channel != nullptr) ares_destroy(channel);
        channel = nullptr;
        throw std::runtime_error{std::string{"the resolver does not start: "} +
                                 ares_strerror(status)};
    }
}

void Resolver::Impl::on_socket_state(void* self, ares_socket_t fd, int readable, int writable) {
    auto& impl = *static_cast<Impl*>(self);
    const auto found = impl.watches.find(fd);
    if (readable == 0 && writable == 0) {
        if (found == impl.watches.end()) return;
        // c-ares closes the socket itself after this call.
        boost::system::error_code ignored;
        found->second->descriptor.cancel(ignored);
        found->second->descriptor.release();
        impl.watches.erase(found);
        return;
    }
    auto watch =
        found == impl.watches.end() ? std::make_shared<Watch>(impl.executor, fd) : found->second;
    if (found == impl.watches.end()) impl.watches.emplace(fd, watch);
    watch->want_read = readable != 0;
    watch->want_write = writable != 0;
    impl.watch(watch, fd);
}

void Resolver::Impl::watch(const std::shared_ptr<Watch>& watch, ares_socket_t fd) {
    using Descriptor = asio::posix::stream_descriptor;
    if (watch->want_read && !watch->reading) {
        watch->reading = true;
        auto on_ready = [self = shared_from_this(), watch, fd](boost::system::error_code error) {
            watch->reading = false;
            if (error || self->stopped || !watch->want_read) return;
            self->process(fd, ARES_SOCKET_BAD);
            if (watch->descriptor.is_open()) self->watch(watch, fd);
        };
        watch->descriptor.async_wait(Descriptor::wait_read, std::move(on_ready));
    }
    if (watch->want_write && !watch->writing) {
        watch->writing = true;
        auto on_ready = [self = shared_from_this(), watch, fd](boost::system::error_code error) {
            watch->writing = false;
            if (error || self->stopped || !watch->want_write) return;
            self->process(ARES_SOCKET_BAD, fd);
            if (watch->descriptor.is_open()) self->watch(watch, fd);
        };
        watch->descriptor.async_wait(Descriptor::wait_write, std::move(on_ready));
    }
}

void Resolver::Impl::process(ares_socket_t readable, ares_socket_t writable) {
    if (channel == nullptr) return;
    ares_process_fd(channel, readable, writable);
    arm_timer();
}

void Resolver::Impl::arm_timer() {
    if (channel == nullptr || stopped) return;
    timeval wait{};
    if (ares_timeout(channel, nullptr, &wait) == nullptr) {
        timer.cancel();
        return;
    }
    timer.expires_after(std::chrono::seconds{wait.tv_sec} +
                        std::chrono::microseconds{wait.tv_usec} + std::chrono::milliseconds{1});
    auto on_timeout = [self = shared_from_this()](boost::system::error_code error) {
        if (!error && !self->stopped) self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    };
    timer.async_wait(std::move(on_timeout));
}

Resolver::Impl::Query* Resolver::Impl::begin() {
    ++queries;
    return new Query{shared_from_this(), nullptr, nullptr};
}

std::unique_ptr<Resolver::Impl::Query> Resolver::Impl::end(void* query) {
    std::unique_ptr<Query> owner{static_cast<Query*>(query)};
    --owner->impl->queries;
    return owner;
}

void Resolver::Impl::on_addresses(void* query, int status, int /*timeouts*/, ares_addrinfo* info) {
    const auto owner = end(query);
    const auto answer = to_answer(status, info, owner->impl->limits.addresses_max);
    if (info != nullptr) ares_freeaddrinfo(info);
    owner->on_addresses(answer);
}

void Resolver::Impl::on_name(void* query, int status, int /*timeouts*/, hostent* host) {
    const auto owner = end(query);
    // The owner of an address chooses what its PTR record says. c-ares calls the answer
    // bad if it is not a host name.
    if (status == ARES_EBADRESP) return owner->on_name(base::Fail{NameError::no_address});
    if (status != ARES_SUCCESS || host == nullptr)
        return owner->on_name(base::Fail{error_of(status)});
    const std::string name{host->h_name == nullptr ? "" : host->h_name};
    if (!base::is_host_name(name)) return owner->on_name(base::Fail{NameError::no_address});
    owner->on_name(name);
}

void Resolver::Impl::close() {
    stopped = true;
    timer.cancel();
    if (channel != nullptr) ares_destroy(std::exchange(channel, nullptr));
    assert(watches.empty());
}

Resolver::Resolver(asio::any_io_executor executor, const std::vector<base::IpEndpoint>& servers,
                   ResolverLimits limits)
    : impl_{std::make_shared<Impl>(std::move(executor), limits)} {
    impl_->open(servers);
}

Resolver::~Resolver() {
    impl_->close();
}

void Resolver::stop() {
    impl_->close();
}

void Resolver::addresses(const std::string& name, core::Family family, OnAddresses on_answer) {
    const auto impl = impl_;  // keep it alive if the answer destroys the Resolver
    if (!base::is_host_name(name)) return on_answer(base::Fail{NameError::bad_name});
    if (impl->stopped) return on_answer(base::Fail{NameError::failed});
    if (impl->queries >= impl->limits.queries_max)
        return on_answer(base::Fail{NameError::overload});
    ares_addrinfo_hints hints{};
    hints.ai_family = family == core::Family::v4 ? AF_INET : AF_INET6;
    hints.ai_flags = ARES_AI_NOSORT;
    hints.ai_socktype = SOCK_STREAM;
    auto* query = impl->begin();
    query->on_addresses = std::move(on_answer);
    ares_getaddrinfo(impl->channel, name.c_str(), nullptr, &hints, &Impl::on_addresses, query);
    impl->arm_timer();
}

void Resolver::name(const base::IpAddress& address, OnName on_answer) {
    const auto impl = impl_;
    if (impl->stopped) return on_answer(base::Fail{NameError::failed});
    if (impl->queries >= impl->limits.queries_max)
        return on_answer(base::Fail{NameError::overload});
    auto* query = impl->begin();
    query->on_name = std::move(on_answer);
    ares_gethostbyaddr(impl->channel, address.bytes.data(), address.v6 ? 16 : 4,
                       address.v6 ? AF_INET6 : AF_INET, &Impl::on_name, query);
    impl->arm_timer();
}

}  // namespace nightjar::relay::io
