// The process for name lookups, with its sandbox, and the exit's end of it. The keeper is a part of
// this test: tests/system/helper_process_test.py has the real one.
#include "relay/io/name_helper.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>
#include <optional>
#include <string>

#include "relay/io/name_messages.hpp"
#include "sphinx/node/process/keeper.hpp"
#include "tests/support/name_server.hpp"

using namespace nightjar;
using namespace nightjar::relay::core;
using namespace nightjar::relay::io;
using namespace std::chrono_literals;
using nightjar::test::NameServer;

namespace {

constexpr std::chrono::seconds patience{30};

/// A helper, and the exit's end of its link.
class Helper {
 public:
    explicit Helper(boost::asio::io_context& io) : io_{io} {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()) == 0);
        io_.notify_fork(boost::asio::execution_context::fork_prepare);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) become_helper(ends[1]);
        io_.notify_fork(boost::asio::execution_context::fork_parent);
        link_ = ends[0];
        ::close(ends[1]);
    }
    ~Helper() {
        if (link_ >= 0) ::close(link_);
        if (pid_ > 0) ::kill(pid_, SIGKILL);
        if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    }

    void say(const NameRequest& request) { say(to_bytes(request)); }
    void say(const base::Bytes& bytes) {
        REQUIRE(::send(link_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    /// The next reply, while the name server runs.
    NameReply next() {
        std::array<std::uint8_t, name_message_max> room{};
        const auto end = std::chrono::steady_clock::now() + patience;
        while (std::chrono::steady_clock::now() < end) {
            const auto size = ::recv(link_, room.data(), room.size(), MSG_DONTWAIT);
            if (size > 0)
                return parse_reply(base::ByteView{room}.first(static_cast<std::size_t>(size)))
                    .value();
            REQUIRE(size < 0);
            io_.restart();
            io_.run_one_for(10ms);
        }
        FAIL("no reply");
        return NoAnswer{};
    }
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
            answer_names();
        } catch (const std::exception&) {
            ::_exit(7);
        }
        ::_exit(0);
    }

    boost::asio::io_context& io_;
    pid_t pid_ = -1;
    int link_ = -1;
};

bool ended_with(int status, int code) {
    return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

}  // namespace

TEST_CASE("name helper: it finds addresses and names in its sandbox, over UDP and TCP") {
    boost::asio::io_context io;
    NameServer server{io};
    server.zones["exit.test"].addresses = {"203.0.113.9", "2001:db8::9"};
    server.zones["9.113.0.203.in-addr.arpa"].name = "exit.test";
    Helper helper{io};
    helper.say(UseServers{{server.address()}});

    for (const bool lower_case : {false, true}) {  // an answer in another case is asked for by TCP
        server.lower_case = lower_case;
        helper.say(AskAddresses{1, Family::v4, "exit.test"});
        const auto v4 = std::get<FoundAddresses>(helper.next());
        CHECK(v4.query == 1);
        CHECK(v4.found.addresses.at(0).to_text() == "203.0.113.9");
        helper.say(AskAddresses{2, Family::v6, "exit.test"});
        const auto v6 = std::get<FoundAddresses>(helper.next());
        CHECK(v6.family == Family::v6);
        CHECK(v6.found.addresses.at(0).to_text() == "2001:db8::9");
        helper.say(AskName{3, base::IpAddress::parse("203.0.113.9").value()});
        CHECK(std::get<FoundName>(helper.next()).name == "exit.test");
    }
    CHECK(server.questions_over_tcp >= 3);
    helper.say(AskAddresses{4, Family::v4, "missing.test"});
    const auto missing = std::get<NoAnswer>(helper.next());
    CHECK(missing.query == 4);
    CHECK(missing.error == NameError::not_found);
    server.close();
    CHECK(ended_with(helper.status(), 0));
}

TEST_CASE("name helper: each query is answered once, also one that is withdrawn") {
    boost::asio::io_context io;
    NameServer server{io};
    Helper helper{io};
    helper.say(UseServers{{server.address()}});
    helper.say(AskAddresses{1, Family::v4, "silent.test"});
    helper.say(AskAddresses{2, Family::v4, "silent.test"});
    helper.say(Withdraw{1});
    helper.say(Withdraw{1});
    helper.say(Withdraw{9});
    CHECK(std::get<NoAnswer>(helper.next()).query == 1);
    helper.say(UseServers{{server.address()}});  // what is in progress fails
    CHECK(std::get<NoAnswer>(helper.next()).query == 2);
    helper.say(AskAddresses{3, Family::v4, "onion"});
    CHECK(std::get<NoAnswer>(helper.next()).query == 3);
    server.close();
}

TEST_CASE("name helper: what no exit says ends it") {
    boost::asio::io_context io;
    NameServer server{io};  // its loop does not run, so it answers nothing
    const NameRequest servers = UseServers{{server.address()}};
    const NameRequest question = AskAddresses{1, Family::v4, "silent.test"};
    for (const auto& said : std::vector<std::vector<base::Bytes>>{
             {base::Bytes{9}},
             {to_bytes(question)},
             {to_bytes(servers), to_bytes(question), to_bytes(question)}}) {
        Helper helper{io};
        for (const auto& one : said)
            helper.say(one);
        CHECK(ended_with(helper.status(), 7));
    }
}
