// How an exit reaches a name that has several addresses, where some addresses do not work.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/exit_conversation.hpp"
#include "tests/support/loopback.hpp"
#include "tests/support/own_time.hpp"

using namespace nightjar;
using namespace nightjar::base;
using namespace nightjar::test;

namespace {

/// Listens at several addresses of its own network on one port. It never accepts; the kernel
/// completes the handshakes until the backlog is full.
class Listeners {
 public:
    /// A listener that has room: a connection to it succeeds. Returns its address.
    std::string open(unsigned host) { return listen(network.address(host), 16); }
    /// A listener that has room, at ::1.
    std::string open_v6() { return listen(boost::asio::ip::address_v6::loopback(), 16); }
    /// A black hole: its backlog is full, so the kernel drops further SYNs. Returns its address.
    std::string swallow(unsigned host) {
        const auto address = listen(network.address(host), 0);
        for (int i = 0; i < 4; ++i) {
            waiting_.push_back(std::make_unique<tcp::socket>(io_));
            waiting_.back()->async_connect(acceptors_.back()->local_endpoint(),
                                           [](boost::system::error_code) {});
        }
        io_.restart();
        io_.run_for(50ms);
        return address;
    }
    std::uint16_t port() const { return port_; }
    /// True if a connection waits at the listener that was opened as number `index`.
    bool reached(std::size_t index) {
        acceptors_.at(index)->non_blocking(true);
        boost::system::error_code error;
        acceptors_.at(index)->accept(error);
        return !error;
    }

    const OwnNetwork network;

 private:
    std::string listen(const boost::asio::ip::address& address, int backlog) {
        const tcp::endpoint at{address, port_};
        auto acceptor = std::make_unique<tcp::acceptor>(io_);
        acceptor->open(at.protocol());
        acceptor->bind(at);
        acceptor->listen(backlog);
        port_ = acceptor->local_endpoint().port();
        acceptors_.push_back(std::move(acceptor));
        return address.to_string();
    }

    boost::asio::io_context io_;
    std::uint16_t port_ = 0;
    std::vector<std::unique_ptr<tcp::acceptor>> acceptors_;
    std::vector<std::unique_ptr<tcp::socket>> waiting_;
};

struct Took {
    std::chrono::nanoseconds time;  // of the clock
    std::chrono::nanoseconds own;   // what a busy machine does not add to (OwnTime)
};

/// Opens a stream to `name`. Returns the time until it was accepted; nullopt if it was not.
std::optional<Took> time_to_connect(Conversation& talk, const std::string& name,
                                    std::uint16_t port) {
    const auto started = std::chrono::steady_clock::now();
    const OwnTime own;
    const auto stream = talk.open(name, port);
    talk.until([&] {
        return talk.event(stream, Kind::accepted).has_value() ||
               talk.event(stream, Kind::reset).has_value();
    });
    if (!talk.event(stream, Kind::accepted)) return std::nullopt;
    return Took{std::chrono::steady_clock::now() - started, own.passed()};
}

/// Attempts that the process for connections must still answer.
std::size_t attempts(const Conversation& talk) {
    base::Holdings all;
    talk.exit.list_holdings(all);
    const auto found = std::find_if(
        all.begin(), all.end(), [](const auto& one) { return one.table == "DialClient.waiting"; });
    REQUIRE(found != all.end());
    return found->entries;
}

}  // namespace

TEST_CASE("exit: closed addresses before a good one only cost an attempt each") {
    Listeners target;
    const auto good = target.open(1);
    Conversation talk;
    auto& zone = talk.names.zones["many.test"];
    for (unsigned closed = 2; closed <= 27; ++closed)
        zone.addresses.push_back(target.network.text(closed));
    zone.addresses.push_back(good);
    const auto time = time_to_connect(talk, "many.test", target.port());
    REQUIRE(time.has_value());
    CHECK(time->own < 1s);
}

TEST_CASE("exit: an address that swallows packets costs a quarter of a second") {
    for (const int count : {1, 3, 9}) {
        Listeners target;
        const auto good = target.open(100);
        Conversation talk;
        auto& zone = talk.names.zones["swallowed.test"];
        for (unsigned i = 1; i <= static_cast<unsigned>(count); ++i)
            zone.addresses.push_back(target.swallow(i));
        zone.addresses.push_back(good);
        const auto time = time_to_connect(talk, "swallowed.test", target.port());
        INFO(count);
        REQUIRE(time.has_value());
        CHECK(time->time >= count * 250ms);
        CHECK(time->own < count * 250ms + 600ms);
    }
}

TEST_CASE("exit: one family's answer is enough") {
    Listeners target;
    const auto v4 = target.open(1);
    Listeners target6;
    const auto v6 = has_ipv6() ? target6.open_v6() : "";
    for (const bool only_v6 : {false, true}) {
        if (only_v6 && v6.empty()) {
            MESSAGE("this machine has no IPv6, so only an answer with IPv4 is tried");
            continue;
        }
        Conversation talk{"accept *:*"};
        auto& zone = talk.names.zones["half.test"];
        zone.addresses = {only_v6 ? v6 : v4};
        zone.silent_about = only_v6 ? NameServer::a : NameServer::aaaa;
        const auto port = only_v6 ? target6.port() : target.port();
        INFO(only_v6);
        for (int i = 0; i < 3; ++i) {
            const auto time = time_to_connect(talk, "half.test", port);
            REQUIRE(time.has_value());
            CHECK(time->own < 500ms);
        }
        // The question that waits is shared, and the answer that came is remembered.
        CHECK(talk.names.asked("half.test", NameServer::a) == 1);
        CHECK(talk.names.asked("half.test", NameServer::aaaa) == 1);
    }
}

TEST_CASE("exit: the other family's answer joins when it comes late") {
    Listeners target;
    const auto good = target.open(1);
    Conversation talk{"accept *:*"};
    auto& zone = talk.names.zones["late.test"];
    zone.addresses = {"::1", good};  // nothing listens at the first one
    zone.delayed = NameServer::a;
    zone.delay = 400ms;
    const auto time = time_to_connect(talk, "late.test", target.port());
    REQUIRE(time.has_value());
    CHECK(time->time >= 400ms);
    CHECK(time->own < 900ms);
}

TEST_CASE("exit: the policy is asked for each address, before any connection") {
    Listeners target;
    const auto refused = target.open(9);
    const auto accepted = target.open(1);
    Conversation talk{("accept " + accepted + ":*").c_str()};
    talk.names.zones["mixed.test"].addresses = {refused, "10.0.0.1", accepted};
    CHECK(time_to_connect(talk, "mixed.test", target.port()).has_value());
    CHECK(target.reached(1));
    CHECK_FALSE(target.reached(0));
}

TEST_CASE("exit: an address that a new policy refuses is not tried any more") {
    Listeners target;
    const auto hole = target.swallow(1), refused = target.open(2), good = target.open(3);
    ExitSocketLimits limits;
    limits.race.between = 1s;  // time for the reload
    Conversation talk{"accept 127.0.0.0/8:*", {}, limits};
    talk.names.zones["moved.test"].addresses = {hole, refused, good};
    const auto stream = talk.open("moved.test", target.port());
    REQUIRE(talk.until([&] { return attempts(talk) == 1; }));
    std::vector<ExitRule> rules;
    for (const auto& address : {hole, good})
        rules.push_back(ExitRule::parse("accept " + address + ":*").value());
    talk.exit.use(ExitPolicy{rules, {{}, true}}, {talk.names.address()});
    CHECK(talk.until([&] { return talk.event(stream, Kind::accepted).has_value(); }));
    CHECK(target.reached(2));
    CHECK_FALSE(target.reached(1));
}

TEST_CASE("exit: the first connection ends the other attempts; so does a client that gives up") {
    Listeners target;
    const std::vector holes{target.swallow(1), target.swallow(2)};
    const auto good = target.open(3);
    Conversation talk;
    auto& zone = talk.names.zones["race.test"];
    zone.addresses = {holes[0], holes[1], good};
    CHECK(time_to_connect(talk, "race.test", target.port()).has_value());
    CHECK(talk.until([&] { return talk.stream_tasks() == 2; }));  // one for each direction
    CHECK(talk.until([&] { return attempts(talk) == 0; }));

    talk.names.zones["hole.test"].addresses = holes;
    const auto second = talk.open("hole.test", target.port());
    REQUIRE(talk.until([&] { return attempts(talk) == 2; }));
    talk.client.reset(second, ResetReason::cancelled);
    CHECK(talk.until([&] { return attempts(talk) == 0 && talk.stream_tasks() == 2; }));
}

TEST_CASE("exit: a session remembers its names for their time, and no other session learns them") {
    Listeners target;
    Conversation talk;
    auto& zone = talk.names.zones["known.test"];
    zone.addresses = {target.open(1)};
    zone.ttl = 1;
    const auto asked = [&] { return talk.names.asked("known.test", NameServer::a); };
    CHECK(time_to_connect(talk, "known.test", target.port()).has_value());
    CHECK(time_to_connect(talk, "KNOWN.test.", target.port()).has_value());
    CHECK(asked() == 1);
    talk.pass(1100ms);
    CHECK(time_to_connect(talk, "known.test", target.port()).has_value());
    CHECK(asked() == 2);

    zone.ttl = 60;
    talk.pass(1100ms);
    CHECK(time_to_connect(talk, "known.test", target.port()).has_value());
    CHECK(asked() == 3);
    // Other name servers may know better.
    talk.exit.use(ExitPolicy{{ExitRule::parse("accept 127.0.0.0/8:*").value()}, {{}, true}},
                  {talk.names.address()});
    CHECK(time_to_connect(talk, "known.test", target.port()).has_value());
    CHECK(asked() == 4);
    CHECK(talk.names.asked("known.test", NameServer::aaaa) <= 2);  // it has no such address

    talk.session = 8;
    talk.open("known.test", target.port());
    CHECK(talk.until([&] { return asked() == 5; }));
}

TEST_CASE("exit: one session looks up so many names at once, and others still can") {
    ExitSocketLimits limits;
    limits.names.per_session_max = 2;
    Conversation talk{"accept 127.0.0.0/8:*", {}, limits};
    for (const std::string name : {"one.test", "two.test"}) {
        talk.names.zones[name].silent_about = NameServer::a;
        const auto stream = talk.open(name, 80);
        REQUIRE(talk.until([&] { return talk.names.asked(name, NameServer::a) > 0; }));
        talk.client.reset(stream, ResetReason::cancelled);
        REQUIRE(talk.until([&] { return talk.exit.connections() == 0; }));
    }
    CHECK(talk.reset_of(talk.open("three.test", 80)) == ResetReason::overload);
    CHECK(talk.names.asked("three.test", NameServer::a) == 0);
    talk.session = 8;
    talk.open("three.test", 80);
    CHECK(talk.until([&] { return talk.names.asked("three.test", NameServer::a) == 1; }));
}

TEST_CASE("exit: it knows where no route leads") {
    const auto route = [](const char* address) {
        return has_route({IpAddress::parse(address).value(), 80});
    };
    CHECK(route("127.0.0.1"));
    CHECK(route("127.77.1.9"));
    CHECK(route("::1") == has_ipv6());
    CHECK_FALSE(route("fe80::1"));  // of a network that the address does not name
    CHECK_FALSE(route("255.255.255.255"));
}

namespace {

/// The records of a lookup; nullopt if the stream was reset.
std::optional<std::vector<stream::NameRecord>> look_up(Conversation& talk,
                                                       const std::string& host) {
    const auto stream = talk.client.open({host, 0}).value();
    base::Bytes bytes;
    talk.until([&] {
        talk.read(stream, bytes);
        return talk.event(stream, Kind::finished).has_value() ||
               talk.event(stream, Kind::reset).has_value();
    });
    if (!talk.event(stream, Kind::finished)) return std::nullopt;
    talk.client.reset(stream, ResetReason::cancelled);
    return stream::decode_records(bytes);
}

}  // namespace

TEST_CASE("exit: a lookup gives the addresses that the policy may name, with their TTL") {
    Conversation talk;
    auto& zone = talk.names.zones["many.test"];
    zone.addresses = {"127.0.0.1", "10.0.0.1", "2606:4700::1111", "::ffff:1.2.3.4"};
    zone.ttl = 77;
    const auto records = look_up(talk, "many.test");
    REQUIRE(records.has_value());
    REQUIRE(records->size() == 2);
    for (const auto& record : *records) {
        CHECK(record.ttl == 77);
        const auto text = std::get<IpAddress>(record.value).to_text();
        CHECK((text == "127.0.0.1" || text == "2606:4700::1111"));
    }
    CHECK(talk.until([&] { return talk.exit.connections() == 0 && talk.client.idle(); }));

    zone.addresses = {"10.0.0.1"};
    talk.names.zones["private.test"] = zone;
    for (int i = 1; i <= 25; ++i)
        talk.names.zones["full.test"].addresses.push_back("127.0.0." + std::to_string(i));
    CHECK(look_up(talk, "full.test")->size() == 16);
    CHECK(talk.reset_of(talk.open("private.test", 0)) == ResetReason::refused_by_policy);
    CHECK(talk.reset_of(talk.open("missing.test", 0)) == ResetReason::unresolvable);
    CHECK(talk.reset_of(talk.open("bad name", 0)) == ResetReason::unresolvable);
    Conversation no_exit{"reject *:*"};
    no_exit.names.zones["many.test"].addresses = {"127.0.0.1"};
    CHECK(no_exit.reset_of(no_exit.open("many.test", 0)) == ResetReason::refused_by_policy);
    CHECK(no_exit.reset_of(no_exit.open("127.0.0.1", 0)) == ResetReason::refused_by_policy);
}

TEST_CASE("exit: a lookup of an address gives its name, and of a private one nothing") {
    Conversation talk;
    talk.names.zones["1.0.0.127.in-addr.arpa"].name = "host.test";
    talk.names.zones["1.0.0.10.in-addr.arpa"].name = "router.test";
    const auto records = look_up(talk, "127.0.0.1");
    REQUIRE(records.has_value());
    CHECK(*records == std::vector<stream::NameRecord>{{std::string{"host.test"}, 0}});
    CHECK(talk.reset_of(talk.open("127.0.0.2", 0)) == ResetReason::unresolvable);
    const int asked = talk.names.questions;
    CHECK(talk.reset_of(talk.open("10.0.0.1", 0)) == ResetReason::refused_by_policy);
    CHECK(talk.names.questions == asked);
}

TEST_CASE("exit: a lookup waits 50 ms for the slower family, and ends with its stream") {
    Conversation talk;
    auto& zone = talk.names.zones["half.test"];
    zone.addresses = {"127.0.0.1"};
    zone.silent_about = NameServer::aaaa;
    const OwnTime own;
    CHECK(look_up(talk, "half.test").has_value());
    CHECK(own.passed() < 500ms);
    const auto stream = talk.open("silent.test", 0);
    REQUIRE(talk.until([&] { return talk.stream_tasks() == 1; }));
    talk.client.reset(stream, ResetReason::cancelled);
    CHECK(talk.until([&] { return talk.stream_tasks() == 0; }));
}
