#include "relay/io/ares_channel.hpp"

#include <ares.h>
#include <arpa/nameser.h>
#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <utility>

#include "sphinx/base/wiping_memory.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;

namespace {

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

/// What the header of an answer says (RFC 1035, section 4.1.1), as a status of c-ares.
int said(std::span<const std::uint8_t> message) {
    if (message.size() < NS_HFIXEDSZ) return ARES_EBADRESP;
    const bool has_records = message[6] != 0 || message[7] != 0;
    switch (message[3] & 15) {
        case ns_r_noerror:
            return has_records ? ARES_SUCCESS : ARES_ENODATA;
        case ns_r_formerr:
            return ARES_EFORMERR;
        case ns_r_nxdomain:
            return ARES_ENOTFOUND;
        case ns_r_notimpl:
            return ARES_ENOTIMP;
        case ns_r_refused:
            return ARES_EREFUSED;
        default:
            return ARES_ESERVFAIL;
    }
}

struct Library {
    Library() {
        // Questions and answers are names that clients asked for.
        if (ares_library_init_mem(ARES_LIB_INIT_ALL, std::malloc, base::wiping_free,
                                  base::wiping_realloc) != ARES_SUCCESS) {
            throw std::runtime_error{"c-ares does not start"};
        }
    }
    ~Library() { ares_library_cleanup(); }
};

}  // namespace

/// Handlers keep the Impl alive, so a late handler finds `stopped` set instead of a destroyed
/// object.
struct AresChannel::Impl : std::enable_shared_from_this<AresChannel::Impl> {
    struct Watch {
        explicit Watch(const asio::any_io_executor& executor, int fd) : descriptor{executor, fd} {}
        asio::posix::stream_descriptor descriptor;
        bool want_read = false;
        bool want_write = false;
        bool reading = false;
        bool writing = false;
    };

    /// c-ares owns it until it has called on_answer(), which it does exactly once.
    struct Question {
        std::shared_ptr<Impl> impl;
        OnAnswer on_answer;
    };

    explicit Impl(asio::any_io_executor executor_)
        : executor{std::move(executor_)}, timer{executor} {}

    void open(const Options& options);
    static void on_socket_state(void* self, ares_socket_t fd, int readable, int writable);
    static void on_answer(void* question, int status, int timeouts, unsigned char* message,
                          int size);
    void watch(const std::shared_ptr<Watch>& watch, ares_socket_t fd);
    void process(ares_socket_t readable, ares_socket_t writable);
    void arm_timer();
    void close();

    asio::any_io_executor executor;
    asio::steady_timer timer;
    ares_channel channel = nullptr;
    bool asking = false;
    std::map<ares_socket_t, std::shared_ptr<Watch>> watches;
    bool stopped = false;
};

void AresChannel::Impl::open(const Options& given) {
    static const Library library;
    ares_options options{};
    char lookups_by_dns_only[] = "b";
    options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
    if (given.transport == Transport::tcp) options.flags |= ARES_FLAG_USEVC;
    options.timeout = static_cast<int>(given.per_try.count());
    options.tries = given.tries;
    options.lookups = lookups_by_dns_only;
    options.sock_state_cb = on_socket_state;
    options.sock_state_cb_data = this;
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
               ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
    // Debian 13's version keeps answers for an hour by default. The exit must forget them with the
    // session that asked, and no session may learn what another one has asked.
    options.qcache_max_ttl = 0;
    mask |= ARES_OPT_QUERY_CACHE;
#endif
    int status = ares_init_options(&channel, &options, mask);
    if (status == ARES_SUCCESS && !given.servers.empty()) {
        status = ares_set_servers_ports_csv(channel, servers_csv(given.servers).c_str());
    }
    if (status != ARES_SUCCESS) {
        if (channel != nullptr) ares_destroy(channel);
        channel = nullptr;
        throw std::runtime_error{std::string{"the resolver does not start: "} +
                                 ares_strerror(status)};
    }
}

void AresChannel::Impl::on_socket_state(void* self, ares_socket_t fd, int readable, int writable) {
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

void AresChannel::Impl::watch(const std::shared_ptr<Watch>& watch, ares_socket_t fd) {
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

void AresChannel::Impl::process(ares_socket_t readable, ares_socket_t writable) {
    if (channel == nullptr) return;
    ares_process_fd(channel, readable, writable);
    arm_timer();
}

void AresChannel::Impl::arm_timer() {
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

void AresChannel::Impl::on_answer(void* question, int status, int /*timeouts*/,
                                  unsigned char* message, int size) {
    const std::unique_ptr<Question> owner{static_cast<Question*>(question)};
    // c-ares closes the socket after this call, so the next question may come only then.
    asio::post(owner->impl->executor, [impl = owner->impl] { impl->asking = false; });
    const auto bytes = message == nullptr ? 0 : static_cast<std::size_t>(size);
    owner->on_answer(status == ARES_SUCCESS ? said({message, bytes}) : status, {message, bytes});
}

void AresChannel::Impl::close() {
    stopped = true;
    timer.cancel();
    if (channel != nullptr) ares_destroy(std::exchange(channel, nullptr));
    assert(watches.empty());
}

AresChannel::AresChannel(asio::any_io_executor executor, const Options& options)
    : impl_{std::make_shared<Impl>(std::move(executor))} {
    impl_->open(options);
}

AresChannel::~AresChannel() {
    impl_->close();
}

void AresChannel::stop() {
    impl_->close();
}

void AresChannel::ask(const std::string& name, int type, std::uint16_t id, OnAnswer on_answer) {
    const auto impl = impl_;  // keep it alive if the answer destroys the channel
    if (impl->stopped) return on_answer(ARES_EDESTRUCTION, {});
    assert(!impl->asking);
    impl->asking = true;
    auto* question = new Impl::Question{impl, std::move(on_answer)};
    unsigned char* message = nullptr;
    int size = 0;
    const int status = ares_create_query(name.c_str(), ns_c_in, type, id, 1, &message, &size, 0);
    if (status != ARES_SUCCESS) return Impl::on_answer(question, status, 0, nullptr, 0);
    ares_send(impl->channel, message, size, &Impl::on_answer, question);
    ares_free_string(message);
    impl->arm_timer();
}

bool AresChannel::idle() const {
    return !impl_->asking;
}

std::vector<base::IpEndpoint> AresChannel::servers() const {
    std::vector<base::IpEndpoint> found;
    ares_addr_port_node* first = nullptr;
    if (impl_->stopped || ares_get_servers_ports(impl_->channel, &first) != ARES_SUCCESS)
        return found;
    for (const auto* one = first; one != nullptr; one = one->next) {
        base::IpEndpoint server;
        server.address.v6 = one->family == AF_INET6;
        std::memcpy(server.address.bytes.data(), &one->addr, server.address.v6 ? 16 : 4);
        server.port = static_cast<std::uint16_t>(one->udp_port == 0 ? 53 : one->udp_port);
        found.push_back(server);
    }
    ares_free_data(first);
    return found;
}

}  // namespace nightjar::relay::io
