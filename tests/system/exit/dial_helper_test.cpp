// The process for connections, with its sandbox, and the exit's end of it. The keeper is a part of
// this test: tests/system/helper_process_test.py has the real one.
#include "relay/io/dial_helper.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <csignal>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "relay/io/dial_client.hpp"
#include "sphinx/node/process/keeper.hpp"

using namespace nightjar;
using namespace nightjar::relay::io;
using boost::asio::ip::tcp;

namespace {

constexpr int patience_ms = 30'000;

/// The next reply, and the descriptor that came with it.
std::pair<DialReply, int> next_reply(int link) {
    pollfd wait{link, POLLIN, 0};
    REQUIRE(::poll(&wait, 1, patience_ms) == 1);
    std::array<std::uint8_t, dial_message_max> bytes{};
    iovec text{bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
    msghdr message{};
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    message.msg_control = room.data();
    message.msg_controllen = room.size();
    const auto size = ::recvmsg(link, &message, 0);
    REQUIRE(size > 0);
    int descriptor = -1;
    if (const auto* const part = CMSG_FIRSTHDR(&message))
        std::memcpy(&descriptor, CMSG_DATA(part), sizeof descriptor);
    return {parse_dial_reply(base::ByteView{bytes}.first(static_cast<std::size_t>(size))).value(),
            descriptor};
}

/// What all event loops of this process wait for.
std::size_t waited_for() {
    std::size_t found = 0;
    for (const auto& descriptor : std::filesystem::directory_iterator{"/proc/self/fdinfo"}) {
        std::ifstream info{descriptor.path()};
        for (std::string line; std::getline(info, line);)
            if (line.starts_with("tfd:")) ++found;
    }
    return found;
}

/// A helper, and the exit's end of its link.
class Helper {
 public:
    Helper() {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()) == 0);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) become_helper(ends[1]);
        link_ = ends[0];
        ::close(ends[1]);
    }
    ~Helper() {
        ::close(link_);
        if (pid_ > 0) ::kill(pid_, SIGKILL);
        if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    }
    Helper(const Helper&) = delete;
    Helper& operator=(const Helper&) = delete;

    void say(const DialRequest& request) { say(to_bytes(request)); }
    void say(const base::Bytes& bytes) {
        REQUIRE(::send(link_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    std::pair<DialReply, int> next() { return next_reply(link_); }
    DialError error() { return std::get<NotConnected>(next().first).error; }
    /// How it ends when it has read all that was said.
    int status() {
        int status = 0;
        ::shutdown(link_, SHUT_WR);
        REQUIRE(::waitpid(std::exchange(pid_, -1), &status, 0) > 0);
        return status;
    }

 private:
    [[noreturn]] static void become_helper(int end) {
        if (end != node::process::helper_link) ::dup2(end, node::process::helper_link);
        ::close_range(node::process::helper_link + 1, ~0U, 0);
        try {
            run_dial_helper();
        } catch (const std::exception&) {
            ::_exit(7);
        }
        ::_exit(0);
    }

    pid_t pid_ = -1;
    int link_ = -1;
};

base::IpEndpoint endpoint_of(const tcp::endpoint& at) {
    return {base::IpAddress::parse(at.address().to_string()).value(), at.port()};
}

bool ended_with(int status, int code) {
    return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

}  // namespace

TEST_CASE("dial helper: it connects in its sandbox, and hands each socket over") {
    boost::asio::io_context io;
    Helper helper;
    std::vector<boost::asio::ip::address> hosts{boost::asio::ip::address_v4::loopback()};
    if (boost::system::error_code error; tcp::acceptor{io}.open(tcp::v6(), error), !error)
        hosts.emplace_back(boost::asio::ip::address_v6::loopback());
    for (const auto& host : hosts) {
        tcp::acceptor target{io, {host, 0}};
        const auto at = endpoint_of(target.local_endpoint());
        helper.say(Connect{1, at});
        const auto [reply, descriptor] = helper.next();
        CHECK(std::get<Connected>(reply).attempt == 1);
        CHECK(look_at(descriptor, at) == Handed::connection);
        auto other = target.accept();
        ::close(descriptor);
        char got = 0;
        boost::system::error_code error;
        other.read_some(boost::asio::buffer(&got, 1), error);
        CHECK(error == boost::asio::error::eof);  // the helper has kept nothing
    }
    CHECK(ended_with(helper.status(), 0));
}

TEST_CASE("dial helper: it waits for nothing of what it has handed over") {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()) == 0);
    std::thread helper{[end = ends[1]] { make_connections(end); }};
    const auto asked = [&](const base::IpEndpoint& target) {
        const auto bytes = to_bytes(DialRequest{Connect{1, target}});
        CHECK(::send(ends[0], bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0);
        return next_reply(ends[0]);
    };
    boost::asio::io_context io;
    tcp::acceptor closing{io, {boost::asio::ip::address_v4::loopback(), 0}};
    const auto closed = endpoint_of(closing.local_endpoint());
    closing.close();
    asked(closed);  // from now on it waits for its link
    tcp::acceptor target{io, {boost::asio::ip::address_v4::loopback(), 0}};
    const auto before = waited_for();
    const auto [reply, descriptor] = asked(endpoint_of(target.local_endpoint()));
    CHECK(std::holds_alternative<Connected>(reply));
    CHECK(waited_for() == before);  // while the exit has it
    ::close(descriptor);
    ::close(ends[0]);
    helper.join();
    ::close(ends[1]);
}

TEST_CASE("dial helper: each attempt is answered once, also one that is given up") {
    boost::asio::io_context io;
    Helper helper;
    tcp::acceptor closing{io, {boost::asio::ip::address_v4::loopback(), 0}};
    const auto closed = endpoint_of(closing.local_endpoint());
    closing.close();
    helper.say(Connect{1, closed});
    CHECK(helper.error() == DialError::refused);
    helper.say(Connect{2, {base::IpAddress::parse("255.255.255.255").value(), 80}});
    CHECK(helper.error() == DialError::unreachable);

    // A backlog that is full: the kernel drops what comes.
    tcp::acceptor hole{io};
    hole.open(tcp::v4());
    hole.bind({boost::asio::ip::address_v4::loopback(), 0});
    hole.listen(0);
    std::vector<tcp::socket> waiting;
    for (int i = 0; i < 4; ++i) {
        waiting.emplace_back(io, tcp::v4());
        waiting.back().non_blocking(true);
        const auto at = hole.local_endpoint();
        ::connect(waiting.back().native_handle(), at.data(), static_cast<socklen_t>(at.size()));
    }
    helper.say(Connect{3, endpoint_of(hole.local_endpoint())});
    helper.say(GiveUp{3});
    helper.say(GiveUp{3});
    helper.say(GiveUp{9});
    CHECK(helper.error() == DialError::given_up);
    helper.say(Connect{4, closed});
    CHECK(std::get<NotConnected>(helper.next().first).attempt == 4);
    CHECK(ended_with(helper.status(), 0));
}

TEST_CASE("dial helper: what no exit says ends it") {
    const base::IpEndpoint target{base::IpAddress::parse("127.0.0.1").value(), 9};
    for (const auto& said : {base::Bytes{9}, base::Bytes(dial_message_max + 1, 1),
                             to_bytes(DialRequest{Connect{0, target}})}) {
        Helper helper;
        helper.say(said);
        CHECK(ended_with(helper.status(), 7));
    }
}
