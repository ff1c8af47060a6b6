// The exit's end of the process for name lookups. What a helper may say is said by the test, which
// plays the keeper and the helper; the real ones run in tests/system/helper_process_test.py.
#include "relay/io/name_client.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "relay/io/name_messages.hpp"

using namespace nightjar;
using namespace nightjar::relay::core;
using namespace nightjar::relay::io;
using namespace std::chrono_literals;
using node::process::Keeper;

namespace {

constexpr std::chrono::seconds patience{30};  // for what comes at once on an idle machine

struct Pair {
    std::array<int, 2> ends{};
    Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()) == 0); }
};

/// The other ends of a NameClient: a keeper, and the helper that it has started last.
class Played {
 public:
    explicit Played(NameClientLimits limits = quick())
        : client{io.get_executor(), std::make_shared<Keeper>(control_.ends[0]), servers(), limits} {
    }
    ~Played() {
        client.stop();
        io.restart();
        io.run();  // no handler is left behind
        end();
        ::close(control_.ends[1]);
    }

    static NameClientLimits quick() {
        NameClientLimits limits;
        limits.restart = {1ms, 1ms, 1h};
        limits.answer_margin = 1h;  // only what a case does ends a helper
        return limits;
    }
    static std::vector<base::IpEndpoint> servers() {
        return {{base::IpAddress::parse("192.0.2.7").value(), 53}};
    }

    /// Runs the client until `done`. Returns false if that takes too long.
    bool until(const std::function<bool()>& done) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (std::chrono::steady_clock::now() < end) {
            if (done()) return true;  // once: it may take a message
            io.restart();
            io.run_one_for(10ms);
        }
        return false;
    }

    /// The next request to the keeper: 's' start, 'k' kill; 0 if there is none now.
    char asked_of_keeper() {
        char request = 0;
        return ::recv(control_.ends[1], &request, 1, MSG_DONTWAIT) == 1 ? request : '\0';
    }
    bool keeper_is_asked(char request) {
        return until([&] { return asked_of_keeper() == request; });
    }
    /// Starts a helper, as a keeper does, and reads the servers that it is told.
    void start() {
        REQUIRE(keeper_is_asked('s'));
        end();
        const Pair pair;
        helper_ = pair.ends[1];
        pass_on(pair.ends[0]);
        const auto first = next();
        REQUIRE(std::holds_alternative<UseServers>(first));
        CHECK(std::get<UseServers>(first).servers == client.servers());
    }
    void end() {
        if (helper_ >= 0) ::close(std::exchange(helper_, -1));
    }
    void say_no_helper() { CHECK(::send(control_.ends[1], "n", 1, 0) == 1); }
    void end_keeper() { REQUIRE(::shutdown(control_.ends[1], SHUT_RDWR) == 0); }

    std::optional<NameRequest> take() {
        std::array<std::uint8_t, name_message_max> room{};
        const auto size = ::recv(helper_, room.data(), room.size(), MSG_DONTWAIT);
        if (size < 0) return std::nullopt;
        const auto request =
            parse_request(base::ByteView{room}.first(static_cast<std::size_t>(size)));
        REQUIRE(request.has_value());
        return request;
    }
    NameRequest next() {
        std::optional<NameRequest> request;
        REQUIRE(until([&] { return (request = take()).has_value(); }));
        return *request;
    }
    void say(const base::Bytes& bytes) {
        REQUIRE(::send(helper_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    void say(const NameReply& reply) { say(to_bytes(reply)); }
    /// A good answer, with a descriptor.
    void say_with_descriptor(const NameReply& reply) {
        auto bytes = to_bytes(reply);
        send_with(helper_, bytes.data(), bytes.size(), STDIN_FILENO);
    }

    NameService::Query ask(const std::string& name, Family family = Family::v4) {
        return client.addresses(name, family,
                                [this](const NameAnswer& one) { answers.push_back(one); });
    }
    bool answered(std::size_t number) {
        return until([&] { return answers.size() >= number; });
    }

    boost::asio::io_context io;
    std::deque<NameAnswer> answers;

 private:
    void pass_on(int link) {
        char here = 'h';
        send_with(control_.ends[1], &here, 1, link);
        ::close(link);
    }
    static void send_with(int to, void* bytes, std::size_t size, int descriptor) {
        iovec text{bytes, size};
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

    Pair control_;
    int helper_ = -1;

 public:
    NameClient client;
};

FoundAddresses found(std::uint64_t query, const char* address = "203.0.113.9") {
    const auto parsed = base::IpAddress::parse(address).value();
    return {query, parsed.v6 ? Family::v6 : Family::v4, {{parsed}, base::Seconds{60}}};
}

}  // namespace

TEST_CASE("name client: questions reach the helper, and its answers those who asked") {
    Played played;
    const auto early = played.ask("early.test");  // before there is a helper
    played.start();
    const auto first = std::get<AskAddresses>(played.next());
    CHECK(first.query == early);
    CHECK(first.name == "early.test");
    CHECK(first.family == Family::v4);

    std::optional<std::string> name;
    const auto address = base::IpAddress::parse("2001:db8::1").value();
    const auto reverse = played.client.name(address, [&](const auto& one) { name = *one; });
    const auto second = std::get<AskName>(played.next());
    CHECK(second.query == reverse);
    CHECK(second.address == address);
    const auto missing = played.ask("missing.test", Family::v6);
    CHECK(std::get<AskAddresses>(played.next()).family == Family::v6);

    played.say(NoAnswer{missing, NameError::not_found});
    played.say(FoundName{reverse, "host.test"});
    played.say(found(early));
    REQUIRE(played.answered(2));
    CHECK(played.answers[0].error() == NameError::not_found);
    CHECK(played.answers[1]->addresses.front().to_text() == "203.0.113.9");
    CHECK(played.answers[1]->ttl == base::Seconds{60});
    CHECK(name == "host.test");
    CHECK(played.client.works());
}

TEST_CASE("name client: what is no host name reaches no helper") {
    Played played;
    played.start();
    for (const auto* name : {"", "a b", "127.1", "x.test/"}) {
        CHECK(played.ask(name) == 0);
        CHECK(played.answers.back().error() == NameError::bad_name);
    }
    CHECK(!played.take());
}

TEST_CASE("name client: a helper that says what is no answer is killed, and replaced") {
    Played played;
    // Each is said by a helper of its own while a question for IPv4 addresses waits.
    using Say = std::function<void(std::uint64_t)>;
    const std::vector<std::pair<const char*, Say>> lies{
        {"no message", [&](auto) { played.say(base::Bytes{9}); }},
        {"an empty message", [&](auto) { played.say(base::Bytes{}); }},
        {"a longer message", [&](auto) { played.say(base::Bytes(name_message_max + 1, 3)); }},
        {"the longest answer with more behind it",
         [&](auto query) {
             const auto all = played.ask("six.test", Family::v6);
             FoundAddresses longest = found(all, "2001:db8::9");
             longest.found.addresses.resize(found_addresses_max, longest.found.addresses[0]);
             auto bytes = to_bytes(NameReply{longest});
             CHECK(bytes.size() == name_message_max);
             bytes.push_back(0);
             played.say(bytes);
             CHECK(query != all);
         }},
        {"an answer to no question", [&](auto query) { played.say(found(query + 1)); }},
        {"a second answer",
         [&](auto query) {
             const auto second = played.ask("second.test");
             played.say(found(second));
             played.say(found(second));
             CHECK(query != second);
         }},
        {"addresses of the other family",
         [&](auto query) { played.say(found(query, "2001:db8::9")); }},
        {"a name",
         [&](auto query) {
             played.say(FoundName{query, "host.test"});
         }},
        {"a descriptor", [&](auto query) { played.say_with_descriptor(found(query)); }},
        {"its end", [&](auto) { played.end(); }},
    };
    for (const auto& [what, say] : lies) {
        INFO(what);
        played.start();
        played.answers.clear();
        const auto query = played.ask("one.test");
        played.next();
        say(query);
        REQUIRE(played.keeper_is_asked('k'));
        REQUIRE(played.until([&] { return !played.answers.empty() && !played.answers.back(); }));
        CHECK(played.answers.back().error() == NameError::failed);
    }
    played.start();
    const auto query = played.ask("again.test");
    played.answers.clear();
    played.say(found(query));
    REQUIRE(played.answered(1));
    CHECK(played.answers[0].has_value());
}

TEST_CASE("name client: a helper that does not answer is killed") {
    auto limits = Played::quick();
    limits.answer_of_server = 0ms;
    limits.answer_margin = 20ms;
    Played played{limits};
    played.start();
    played.ask("silent.test");
    REQUIRE(played.answered(1));
    CHECK(played.answers[0].error() == NameError::failed);
    CHECK(played.keeper_is_asked('k'));
    CHECK(played.keeper_is_asked('s'));
}

TEST_CASE(
    "name client: a cancelled query is not answered, and keeps its place until the helper has") {
    auto limits = Played::quick();
    limits.queries_max = 1;
    Played played{limits};
    played.start();
    const auto query = played.ask("one.test");
    played.next();
    played.client.cancel(query);
    played.client.cancel(query);
    CHECK(std::get<Withdraw>(played.next()).query == query);
    CHECK(!played.take());
    CHECK(played.ask("two.test") == 0);
    REQUIRE(played.answers.size() == 1);
    CHECK(played.answers[0].error() == NameError::overload);

    played.say(found(query));  // it crossed the cancel
    REQUIRE(played.until([&] { return played.ask("three.test") != 0; }));
    CHECK(std::get<AskAddresses>(played.next()).name == "three.test");
    CHECK(std::all_of(played.answers.begin(), played.answers.end(),
                      [](const auto& one) { return !one && one.error() == NameError::overload; }));
}

TEST_CASE("name client: a helper that does not read gets every message later, in order") {
    NameClientLimits limits = Played::quick();
    Played played{limits};
    played.start();
    std::vector<NameService::Query> queries;
    for (std::size_t i = 0; i < limits.queries_max; ++i)
        queries.push_back(played.ask("host.test"));
    CHECK(played.ask("more.test") == 0);
    for (const auto query : queries)
        played.client.cancel(query);
    for (const auto query : queries)
        CHECK(std::get<AskAddresses>(played.next()).query == query);
    for (const auto query : queries) {
        CHECK(std::get<Withdraw>(played.next()).query == query);
        played.say(NoAnswer{query, NameError::failed});
        played.io.restart();
        played.io.poll();
    }
    REQUIRE(played.until([&] { return played.ask("more.test") != 0; }));
}

TEST_CASE("name client: new name servers reach the helper, and questions in progress fail") {
    Played played;
    played.start();
    const auto query = played.ask("one.test");
    played.next();
    const std::vector<base::IpEndpoint> others{
        {base::IpAddress::parse("2001:db8::53").value(), 5353}};
    played.client.use(others);
    REQUIRE(played.answers.size() == 1);
    CHECK(played.answers[0].error() == NameError::failed);
    CHECK(std::get<UseServers>(played.next()).servers == others);
    CHECK(played.client.servers() == others);
    played.say(NoAnswer{query, NameError::failed});  // dropped
    const auto next = played.ask("two.test");
    CHECK(std::get<AskAddresses>(played.next()).query == next);
    played.say(found(next));
    REQUIRE(played.answered(2));
    CHECK(played.answers[1].has_value());
}

TEST_CASE("name client: helpers that end at once are started at a bounded rate") {
    auto limits = Played::quick();
    limits.restart = {1h, 1h, 1h};
    Played played{limits};
    played.start();
    played.end();
    played.start();  // the first is replaced at once
    CHECK(played.client.works());
    played.end();
    REQUIRE(played.keeper_is_asked('k'));
    CHECK(!played.client.works());
    CHECK(played.ask("one.test") == 0);
    CHECK(played.answers.back().error() == NameError::failed);
    CHECK(played.asked_of_keeper() == '\0');
}

TEST_CASE("name client: a helper that cannot start is asked for again") {
    Played played;
    REQUIRE(played.keeper_is_asked('s'));
    played.ask("one.test");
    played.say_no_helper();
    REQUIRE(played.answered(1));
    CHECK(played.answers[0].error() == NameError::failed);
    played.start();
}

TEST_CASE("name client: without its keeper it works as long as the helper does") {
    Played played;
    played.start();
    played.end_keeper();
    const auto query = played.ask("one.test");
    played.next();
    played.say(found(query));
    REQUIRE(played.answered(1));
    CHECK(played.answers[0].has_value());
    CHECK(played.client.works());
    played.end();
    REQUIRE(played.until([&] { return !played.client.works(); }));
    CHECK(played.ask("two.test") == 0);
    CHECK(played.answers.back().error() == NameError::failed);
}

TEST_CASE("name client: all questions are answered when it stops") {
    Played played;
    played.start();
    played.ask("one.test");
    played.ask("two.test", Family::v6);
    played.client.stop();
    REQUIRE(played.answers.size() == 2);
    for (const auto& answer : played.answers)
        CHECK(answer.error() == NameError::failed);
    CHECK(played.ask("three.test") == 0);
    CHECK(played.answers.back().error() == NameError::failed);
}
