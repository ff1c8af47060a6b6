// The exit's end of the process for connections. What a helper may say is said by the test, which
// plays the keeper and the helper; the real ones run in tests/system/helper_process_test.py.
#include "relay/io/dial_client.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/dial_thread.hpp"

using namespace nightjar;
using namespace nightjar::relay::io;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using node::process::Keeper;

namespace {

constexpr std::chrono::seconds patience{30};  // for what comes at once on an idle machine

struct Pair {
    std::array<int, 2> ends{};
    explicit Pair(int type = SOCK_SEQPACKET) {
        REQUIRE(::socketpair(AF_UNIX, type, 0, ends.data()) == 0);
    }
};

/// A listener on loopback, and sockets that are connected to it.
class Listener {
 public:
    base::IpEndpoint endpoint() const {
        base::IpEndpoint at;
        const auto bytes = acceptor_.local_endpoint().address().to_v4().to_bytes();
        std::copy(bytes.begin(), bytes.end(), at.address.bytes.begin());
        at.port = acceptor_.local_endpoint().port();
        return at;
    }
    /// The descriptor is the caller's.
    int connect() {
        tcp::socket socket{io_};
        socket.connect(acceptor_.local_endpoint());
        return socket.release();
    }
    tcp::socket accept() { return acceptor_.accept(); }

 private:
    boost::asio::io_context io_;
    tcp::acceptor acceptor_{io_, {boost::asio::ip::address_v4::loopback(), 0}};
};

/// The other ends of a DialClient: a keeper, and the helper that it has started last.
class Played {
 public:
    explicit Played(DialClientLimits limits = quick())
        : client{io.get_executor(), std::make_shared<Keeper>(control_.ends[0]), limits} {}
    ~Played() {
        client.stop();
        io.restart();
        io.run();  // no handler is left behind
        end();
        ::close(control_.ends[1]);
    }

    static DialClientLimits quick() {
        DialClientLimits limits;
        limits.restart = {1ms, 1ms, 1h};
        limits.answer_within = 1h;  // only what a case does ends a helper
        return limits;
    }

    bool until(const std::function<bool()>& done) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (std::chrono::steady_clock::now() < end) {
            if (done()) return true;  // once: it may take a message
            io.restart();
            io.run_one_for(10ms);
        }
        return false;
    }
    bool keeper_is_asked(char request) {
        return until([&] {
            char asked = 0;
            return ::recv(control_.ends[1], &asked, 1, MSG_DONTWAIT) == 1 && asked == request;
        });
    }
    /// Starts a helper, as a keeper does.
    void start() {
        REQUIRE(keeper_is_asked('s'));
        end();
        const Pair pair;
        helper_ = pair.ends[1];
        test::send_with_descriptor(control_.ends[1], "h", 1, pair.ends[0]);
        ::close(pair.ends[0]);
    }
    void end() {
        if (helper_ >= 0) ::close(std::exchange(helper_, -1));
    }
    std::optional<DialRequest> take() {
        std::array<std::uint8_t, dial_message_max> room{};
        const auto size = ::recv(helper_, room.data(), room.size(), MSG_DONTWAIT);
        if (size < 0) return std::nullopt;
        return parse_dial_request(base::ByteView{room}.first(static_cast<std::size_t>(size)));
    }
    DialRequest next() {
        std::optional<DialRequest> request;
        REQUIRE(until([&] { return (request = take()).has_value(); }));
        return *request;
    }
    void say(const base::Bytes& bytes) {
        REQUIRE(::send(helper_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    void say(const DialReply& reply) { say(to_bytes(reply)); }
    /// Passes the descriptor on, and closes it here.
    void hand(const DialReply& reply, int descriptor) {
        const auto bytes = to_bytes(reply);
        test::send_with_descriptor(helper_, bytes.data(), bytes.size(), descriptor);
        ::close(descriptor);
    }
    void hand_two(const DialReply& reply, std::array<int, 2> both) {
        auto bytes = to_bytes(reply);
        iovec text{bytes.data(), bytes.size()};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof both)> room{};
        msghdr message{};
        message.msg_iov = &text;
        message.msg_iovlen = 1;
        message.msg_control = room.data();
        message.msg_controllen = room.size();
        auto* const part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof both);
        std::memcpy(CMSG_DATA(part), both.data(), sizeof both);
        REQUIRE(::sendmsg(helper_, &message, MSG_NOSIGNAL) > 0);
        for (const int one : both)
            ::close(one);
    }

    DialClient::Attempt connect(const base::IpEndpoint& target) {
        return client.connect(target, [this](base::Result<DialClient::Socket, DialError> result) {
            results.push_back(std::move(result));
        });
    }
    bool answered(std::size_t number) {
        return until([&] { return results.size() >= number; });
    }

    boost::asio::io_context io;
    std::vector<base::Result<DialClient::Socket, DialError>> results;

 private:
    Pair control_;
    int helper_ = -1;

 public:
    DialClient client;
};

}  // namespace

TEST_CASE("dial client: a target reaches the helper, and its socket the one who asked") {
    Listener target;
    Played played;
    const auto early = played.connect(target.endpoint());  // before there is a helper
    played.start();
    const auto first = std::get<Connect>(played.next());
    CHECK(first.attempt == early);
    CHECK(first.target == target.endpoint());
    played.hand(Connected{early}, target.connect());
    REQUIRE(played.answered(1));
    REQUIRE(played.results[0].has_value());
    auto other = target.accept();
    boost::asio::write(*played.results[0], boost::asio::buffer("x", 1));
    char got = 0;
    boost::asio::read(other, boost::asio::buffer(&got, 1));
    CHECK(got == 'x');

    const auto closed = played.connect(target.endpoint());
    played.say(NotConnected{closed, DialError::refused});
    REQUIRE(played.answered(2));
    CHECK(played.results[1].error() == DialError::refused);
    CHECK(played.client.works());
}

TEST_CASE("dial client: a helper that hands over anything else is killed, and replaced") {
    Listener target, elsewhere;
    Played played;
    using Say = std::function<void(DialClient::Attempt)>;
    const std::vector<std::pair<const char*, Say>> lies{
        {"no message", [&](auto) { played.say(base::Bytes{9}); }},
        {"a longer message", [&](auto) { played.say(base::Bytes(dial_message_max + 1, 1)); }},
        {"an attempt that was never made",
         [&](auto its) { played.hand(Connected{its + 9}, target.connect()); }},
        {"a connection without a socket", [&](auto its) { played.say(Connected{its}); }},
        {"a failure with a socket",
         [&](auto its) {
             played.hand(NotConnected{its, DialError::refused}, target.connect());
         }},
        {"given up, which was not asked",
         [&](auto its) {
             played.say(NotConnected{its, DialError::given_up});
         }},
        {"a connection to another target",
         [&](auto its) { played.hand(Connected{its}, elsewhere.connect()); }},
        {"a file", [&](auto its) { played.hand(Connected{its}, ::dup(STDIN_FILENO)); }},
        {"a socket of another kind",
         [&](auto its) {
             const Pair pair{SOCK_STREAM};
             ::close(pair.ends[1]);
             played.hand(Connected{its}, pair.ends[0]);
         }},
        {"a socket of datagrams to the target",
         [&](auto its) {
             const auto at = target.endpoint();
             boost::asio::io_context io;
             boost::asio::ip::udp::socket socket{io};
             socket.connect({boost::asio::ip::address_v4::loopback(), at.port});
             played.hand(Connected{its}, socket.release());
         }},
    };
    for (const auto& [what, say] : lies) {
        INFO(what);
        played.start();
        played.results.clear();
        const auto attempt = played.connect(target.endpoint());
        CHECK(std::get<Connect>(played.next()).attempt == attempt);
        say(attempt);
        CHECK(played.keeper_is_asked('k'));
        REQUIRE(played.answered(1));
        CHECK(played.results[0].error() == DialError::overload);
    }
}

TEST_CASE("dial client: two descriptors in one message are a lie, and none stays open") {
    Listener target;
    Played played;
    played.start();
    const auto attempt = played.connect(target.endpoint());
    played.next();
    // A connection whose other end can see that nothing holds it any more.
    std::array<int, 2> sockets{target.connect(), target.connect()};
    auto first = target.accept(), second = target.accept();
    played.hand_two(Connected{attempt}, sockets);
    CHECK(played.keeper_is_asked('k'));
    REQUIRE(played.answered(1));
    CHECK_FALSE(played.results[0].has_value());
    for (auto* other : {&first, &second}) {
        char got = 0;
        boost::system::error_code error;
        boost::asio::read(*other, boost::asio::buffer(&got, 1), error);
        CHECK(error);
    }
}

TEST_CASE("dial client: a target that breaks off at once is no lie of the helper's") {
    Listener target;
    Played played;
    played.start();
    const auto attempt = played.connect(target.endpoint());
    const int socket = target.connect();
    {
        auto other = target.accept();
        other.set_option(boost::asio::socket_base::linger{true, 0});
        other.close();
    }
    played.hand(Connected{attempt}, socket);
    REQUIRE(played.answered(1));
    CHECK(played.results[0].error() == DialError::reset);
    CHECK(played.client.works());
}

TEST_CASE("dial client: an attempt that is given up has no result, and keeps its place") {
    Listener target;
    auto limits = Played::quick();
    limits.attempts_max = 2;
    Played played{limits};
    played.start();
    const auto first = played.connect(target.endpoint());
    const auto second = played.connect(target.endpoint());
    CHECK(played.connect(target.endpoint()) == 0);
    REQUIRE(played.results.size() == 1);
    CHECK(played.results[0].error() == DialError::overload);
    played.client.give_up(first);
    played.client.give_up(first);
    CHECK(played.connect(target.endpoint()) == 0);
    played.next();
    played.next();
    CHECK(std::get<GiveUp>(played.next()).attempt == first);
    CHECK_FALSE(played.take());
    played.say(NotConnected{first, DialError::given_up});
    DialClient::Attempt third = 0;
    REQUIRE(played.until([&] { return (third = played.connect(target.endpoint())) != 0; }));
    // It had connected before the helper heard of it.
    played.client.give_up(second);
    const int socket = target.connect();
    auto other = target.accept();
    played.hand(Connected{second}, socket);
    char got = 0;
    boost::system::error_code error;
    REQUIRE(played.until([&] {
        other.non_blocking(true);
        other.read_some(boost::asio::buffer(&got, 1), error);
        return error && error != boost::asio::error::would_block;
    }));
    CHECK(played.client.works());
    played.results.clear();
    played.say(NotConnected{third, DialError::unreachable});
    REQUIRE(played.answered(1));
    CHECK(played.results[0].error() == DialError::unreachable);
}

TEST_CASE("dial client: attempts in progress fail when the helper ends, and the next one works") {
    Listener target;
    Played played;
    played.start();
    played.connect(target.endpoint());
    played.next();
    played.end();
    REQUIRE(played.answered(1));
    CHECK(played.results[0].error() == DialError::overload);
    played.start();
    const auto again = played.connect(target.endpoint());
    CHECK(std::get<Connect>(played.next()).attempt == again);
    played.hand(Connected{again}, target.connect());
    REQUIRE(played.answered(2));
    CHECK(played.results[1].has_value());
}

TEST_CASE("dial client: a helper that does not answer is killed") {
    auto limits = Played::quick();
    limits.answer_within = 50ms;
    Played played{limits};
    played.start();
    const auto attempt = played.connect(Listener{}.endpoint());
    played.client.give_up(attempt);  // also then
    CHECK(played.keeper_is_asked('k'));
}

TEST_CASE("dial client: all attempts fail when it stops, and later ones at once") {
    Played played;
    played.start();
    played.connect(Listener{}.endpoint());
    played.client.stop();
    REQUIRE(played.results.size() == 1);
    CHECK(played.results[0].error() == DialError::overload);
    CHECK(played.connect(Listener{}.endpoint()) == 0);
    CHECK(played.results.size() == 2);
    CHECK_FALSE(played.client.works());
}
