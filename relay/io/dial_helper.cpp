#include "relay/io/dial_helper.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "relay/io/dial_messages.hpp"
#include "sphinx/base/wiping_memory.hpp"
#include "sphinx/node/process/keeper.hpp"
#include "sphinx/node/process/sandbox.hpp"

namespace nightjar::relay::io {

namespace {

DialError error_of(int error) {
    switch (error) {
        case ECONNREFUSED:
            return DialError::refused;
        case ECONNRESET:
            return DialError::reset;
        case ETIMEDOUT:
            return DialError::timed_out;
        case EMFILE:
        case ENFILE:
        case ETOOMANYREFS:  // too many descriptors are on their way to the exit
            return DialError::no_descriptors;
        case ENOMEM:
        case ENOBUFS:
        case EAGAIN:  // no local port is free
        case ENOSPC:  // epoll watches as many as it may
            return DialError::overload;
        default:
            return DialError::unreachable;
    }
}

[[noreturn]] void fail(const char* what) {
    throw std::system_error{errno, std::generic_category(), what};
}

/// Owns a descriptor; -1: none.
class Descriptor {
 public:
    explicit Descriptor(int number) : number_{number} {}
    Descriptor(Descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int number() const { return number_; }

 private:
    int number_;
};

int begin_connect(int socket, const base::IpEndpoint& target) {
    const auto& bytes = target.address.bytes;
    if (target.address.v6) {
        sockaddr_in6 to{};
        to.sin6_family = AF_INET6;
        to.sin6_port = htons(target.port);
        std::memcpy(&to.sin6_addr, bytes.data(), sizeof to.sin6_addr);
        return ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(target.port);
    std::memcpy(&to.sin_addr, bytes.data(), sizeof to.sin_addr);
    return ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

/// No event loop of Asio: that reads and writes, and this process may do neither.
class Connections {
 public:
    explicit Connections(int link) : link_{link}, poll_{::epoll_create1(EPOLL_CLOEXEC)} {
        if (poll_.number() < 0 || !watch(link_, of_link, EPOLLIN)) fail("cannot wait for events");
    }

    void run() {
        while (next_events())
            base::wipe_stack();  // else targets would stay there until the next connection
    }

 private:
    // No attempt has this number: the exit counts from 1.
    static constexpr std::uint64_t of_link = 0;

    /// Returns false if the exit has ended. A call of its own: what it leaves on the stack must be
    /// below the frame that wipes it.
    [[gnu::noinline]] bool next_events() {
        std::array<epoll_event, 64> events{};
        const int count =
            ::epoll_wait(poll_.number(), events.data(), static_cast<int>(events.size()), -1);
        if (count < 0 && errno != EINTR) fail("cannot wait for events");
        for (int i = 0; i < count; ++i) {
            const auto its = events[static_cast<std::size_t>(i)].data.u64;
            if (its != of_link)
                finish(its);
            else if (!read_one())
                return false;
        }
        return true;
    }

    bool watch(int descriptor, std::uint64_t number, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.u64 = number;
        return ::epoll_ctl(poll_.number(), EPOLL_CTL_ADD, descriptor, &event) == 0;
    }

    /// Returns false if the exit has ended.
    bool read_one() {
        base::Bytes message(dial_message_max + 1);
        iovec place{message.data(), message.size()};
        msghdr header{};
        header.msg_iov = &place;
        header.msg_iovlen = 1;
        const auto size = ::recvmsg(link_, &header, MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
        if (size <= 0) return false;
        const auto request =
            parse_dial_request(base::ByteView{message}.first(static_cast<std::size_t>(size)));
        if (!request) throw std::runtime_error{"the exit has sent an unknown message"};
        std::visit([this](const auto& its) { on(its); }, *request);
        return true;
    }

    void on(const Connect& request) {
        if (request.attempt == of_link || running_.contains(request.attempt))
            throw std::runtime_error{"an attempt of the exit has a wrong number"};
        const int family = request.target.address.v6 ? AF_INET6 : AF_INET;
        Descriptor socket{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        if (socket.number() < 0) return say(request.attempt, error_of(errno));
        if (begin_connect(socket.number(), request.target) != 0 && errno != EINPROGRESS)
            return say(request.attempt, error_of(errno));
        // Also one that has connected at once: the next event says so.
        if (!watch(socket.number(), request.attempt, EPOLLOUT))
            return say(request.attempt, error_of(errno));
        running_.emplace(request.attempt, std::move(socket));
    }

    void on(const GiveUp& request) {
        // If it is not there, it was answered meanwhile.
        if (running_.erase(request.attempt) > 0) say(request.attempt, DialError::given_up);
    }

    void finish(std::uint64_t attempt) {
        auto node = running_.extract(attempt);
        if (node.empty()) return;  // given up by a message of the same round
        const auto& socket = node.mapped();
        // Closing it would not do: the exit's copy would keep it here, ready for ever.
        if (::epoll_ctl(poll_.number(), EPOLL_CTL_DEL, socket.number(), nullptr) != 0)
            fail("cannot end waiting for a connection");
        int error = 0;
        socklen_t size = sizeof error;
        if (::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
        if (error == 0 && hand_over(attempt, socket.number())) return;
        say(attempt, error_of(error == 0 ? errno : error));
    }

    void say(std::uint64_t attempt, DialError error) {
        if (!send(to_bytes(DialReply{NotConnected{attempt, error}}), -1))
            fail("cannot answer the exit");
    }

    /// False, with ETOOMANYREFS in errno, if too many descriptors are on their way to the exit.
    bool hand_over(std::uint64_t attempt, int socket) {
        if (send(to_bytes(DialReply{Connected{attempt}}), socket)) return true;
        if (errno != ETOOMANYREFS) fail("cannot answer the exit");
        return false;
    }

    /// Waits while the exit does not read. That ends, because the exit never waits for this
    /// process. True as well if the exit has ended: read_one() finds that out.
    bool send(base::Bytes message, int descriptor) {
        iovec text{message.data(), message.size()};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
        msghdr header{};
        header.msg_iov = &text;
        header.msg_iovlen = 1;
        if (descriptor >= 0) {
            header.msg_control = room.data();
            header.msg_controllen = room.size();
            auto* const part = CMSG_FIRSTHDR(&header);
            part->cmsg_level = SOL_SOCKET;
            part->cmsg_type = SCM_RIGHTS;
            part->cmsg_len = CMSG_LEN(sizeof(int));
            std::memcpy(CMSG_DATA(part), &descriptor, sizeof descriptor);
        }
        ssize_t sent = 0;
        do {
            sent = ::sendmsg(link_, &header, MSG_NOSIGNAL);
        } while (sent < 0 && errno == EINTR);
        return sent >= 0 || errno == EPIPE || errno == ECONNRESET;
    }

    int link_;
    Descriptor poll_;
    std::map<std::uint64_t, Descriptor> running_;
};

}  // namespace

void make_connections(int link) {
    Connections{link}.run();
}

void run_dial_helper() {
    node::process::leave_the_log();
    node::process::enter_connecting_sandbox();
    make_connections(node::process::helper_link);
}

}  // namespace nightjar::relay::io
