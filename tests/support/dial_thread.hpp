// What makes an exit's connections, in a thread of the test instead of a process: it runs the same
// loop, without its sandbox. tests/system/helper_process_test.py has the real processes.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <thread>

#include "relay/io/dial_client.hpp"
#include "relay/io/dial_helper.hpp"

namespace nightjar::test {

/// Sends `size` bytes with a descriptor, which stays the caller's.
inline void send_with_descriptor(int to, const void* bytes, std::size_t size, int descriptor) {
    iovec text{const_cast<void*>(bytes), size};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
    msghdr message{};
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    message.msg_control = room.data();
    message.msg_controllen = room.size();
    auto* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(part), &descriptor, sizeof descriptor);
    REQUIRE(::sendmsg(to, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(size));
}

/// One helper, which a keeper has just started. It outlives the DialClient that uses it.
class DialThread {
 public:
    DialThread() {
        std::array<int, 2> control{}, link{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control.data()) == 0);
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link.data()) == 0);
        control_ = control[1];
        send_with_descriptor(control_, "h", 1, link[0]);
        ::close(link[0]);
        keeper_ = std::make_shared<node::process::Keeper>(control[0]);
        thread_ = std::thread{[end = link[1]] {
            relay::io::make_connections(end);
            ::close(end);
        }};
    }
    ~DialThread() {
        ::close(control_);
        keeper_.reset();
        thread_.join();
    }
    DialThread(const DialThread&) = delete;
    DialThread& operator=(const DialThread&) = delete;

    std::unique_ptr<relay::io::DialClient> client(const boost::asio::any_io_executor& executor,
                                                  relay::io::DialClientLimits limits = {}) const {
        return std::make_unique<relay::io::DialClient>(executor, keeper_, limits);
    }

 private:
    std::shared_ptr<node::process::Keeper> keeper_;
    int control_ = -1;
    std::thread thread_;
};

}  // namespace nightjar::test
