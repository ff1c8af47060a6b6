#include "relay/io/resolver.hpp"

#include <ares.h>
#include <netdb.h>

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <cstring>
#include <map>
#include <stdexcept>

#include "sphinx/base/host_name.hpp"
#include "sphinx/node/process/event.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;

namespace {

ResolveResult to_result(int status, ares_addrinfo* info, std::size_t addresses_max) {
    if (status == ARES_ENOTFOUND || status == ARES_ENODATA) {
        return base::Fail{ResolveError::not_found};
    }
    if (status == ARES_EBADNAME) return base::Fail{ResolveError::bad_name};
    if (status != ARES_SUCCESS || info == nullptr) return base::Fail{ResolveError::failed};
    std::vector<base::IpAddress> addresses;
    for (const auto* node = info->nodes; node != nullptr; node = node->ai_next) {
        if (addresses.size() == addresses_max) break;
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
        addresses.push_back(address);
    }
    if (addresses.empty()) return base::Fail{ResolveError::not_found};
    return addresses;
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

    struct Lookup {
        explicit Lookup(const asio::any_io_executor& executor) : done{executor} {}
        node::process::Event done;
        std::size_t addresses_max = 0;
        std::optional<ResolveResult> result;
    };

    Impl(asio::any_io_executor executor_, ResolverLimits limits_)
        : executor{std::move(executor_)}, limits{limits_}, timer{executor} {}

    void open(const std::vector<base::IpEndpoint>& servers);
    static void on_socket_state(void* self, ares_socket_t fd, int readable, int writable);
    static void on_answer(void* lookup, int status, int timeouts, ares_addrinfo* info);
    void watch(const std::shared_ptr<Watch>& watch, ares_socket_t fd);
    void process(ares_socket_t readable, ares_socket_t writable);
    void arm_timer();
    void close();

    asio::any_io_executor executor;
    ResolverLimits limits;
    asio::steady_timer timer;
    ares_channel channel = nullptr;
    std::map<ares_socket_t, std::shared_ptr<Watch>> watches;
    std::size_t lookups = 0;
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

void Resolver::Impl::on_answer(void* lookup, int status, int /*timeouts*/, ares_addrinfo* info) {
    // c-ares holds its own reference to the lookup, and makes this call exactly once.
    const std::unique_ptr<std::shared_ptr<Lookup>> owner{
        static_cast<std::shared_ptr<Lookup>*>(lookup)};
    auto& one = **owner;
    one.result = to_result(status, info, one.addresses_max);
    if (info != nullptr) ares_freeaddrinfo(info);
    one.done.set();
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

asio::awaitable<ResolveResult> Resolver::resolve(std::string name) {
    if (const auto literal = base::IpAddress::parse(name)) co_return std::vector{*literal};
    if (!base::is_host_name(name)) co_return base::Fail{ResolveError::bad_name};
    const auto impl = impl_;  // keep it alive if the Resolver is replaced meanwhile
    if (impl->stopped) co_return base::Fail{ResolveError::failed};
    if (impl->lookups >= impl->limits.lookups_max) co_return base::Fail{ResolveError::overload};

    const auto lookup = std::make_shared<Impl::Lookup>(impl->executor);
    lookup->addresses_max = impl->limits.addresses_max;
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_flags = ARES_AI_NOSORT;
    hints.ai_socktype = SOCK_STREAM;
    struct Count {
        explicit Count(std::size_t& n) : lookups{n} { ++lookups; }
        ~Count() { --lookups; }
        std::size_t& lookups;
    } const count{impl->lookups};
    ares_getaddrinfo(impl->channel, name.c_str(), nullptr, &hints, &Impl::on_answer,
                     new std::shared_ptr<Impl::Lookup>{lookup});
    impl->arm_timer();
    co_await lookup->done.wait();
    co_return *lookup->result;
}

}  // namespace nightjar::relay::io
