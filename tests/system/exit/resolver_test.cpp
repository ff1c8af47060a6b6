#include "relay/io/resolver.hpp"

#include <doctest/doctest.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#include "sphinx/base/host_name.hpp"
#include "tests/support/name_server.hpp"

using namespace nightjar;
using namespace nightjar::relay::core;
using namespace nightjar::relay::io;
using nightjar::test::NameServer;
namespace asio = boost::asio;

namespace {

/// A resolver whose server answers for slow.test after `delay`.
struct SlowName {
    asio::io_context io;
    NameServer server{io};
    Resolver resolver;

    explicit SlowName(std::chrono::milliseconds delay, ResolverLimits limits = {})
        : resolver{io.get_executor(), {server.address()}, limits} {
        auto& zone = server.zones["slow.test"];
        zone.addresses = {"203.0.113.9"};
        zone.delay = delay;
        zone.delayed = NameServer::a;
    }
};

/// Runs until the answer has come.
NameAnswer resolve(asio::io_context& io, Resolver& resolver, const std::string& name,
                   Family family = Family::v4) {
    std::optional<NameAnswer> result;
    resolver.addresses(name, family, [&](const NameAnswer& answer) { result = answer; });
    io.restart();
    while (!result && io.run_one_for(std::chrono::seconds{10}) > 0) {
    }
    REQUIRE(result.has_value());
    return *result;
}

}  // namespace

TEST_CASE("resolver: the configured server resolves names; each family for itself") {
    asio::io_context io;
    NameServer server{io};
    server.names["exit.test"] = {203, 0, 113, 9};
    Resolver resolver{io.get_executor(), {server.address()}};

    const auto found = resolve(io, resolver, "exit.test");
    REQUIRE(found.has_value());
    CHECK(found->addresses.size() == 1);
    CHECK(found->addresses.front().to_text() == "203.0.113.9");
    CHECK(found->ttl == base::Seconds{60});
    CHECK(resolve(io, resolver, "exit.test", Family::v6).error() == NameError::no_address);
    CHECK(server.asked("exit.test", NameServer::a) == 1);
    CHECK(server.asked("exit.test", NameServer::aaaa) == 1);

    const auto missing = resolve(io, resolver, "missing.test");
    REQUIRE(!missing.has_value());
    CHECK(missing.error() == NameError::not_found);
}

TEST_CASE("resolver: it keeps no answer, so an equal question later goes to the server again") {
    asio::io_context io;
    NameServer server{io};
    server.names["exit.test"] = {203, 0, 113, 9};
    Resolver resolver{io.get_executor(), {server.address()}};
    for (int asked = 1; asked <= 3; ++asked) {
        CHECK(resolve(io, resolver, "exit.test").has_value());
        CHECK(server.asked("exit.test", NameServer::a) == asked);
        CHECK_FALSE(resolve(io, resolver, "missing.test").has_value());
        CHECK(server.asked("missing.test", NameServer::a) == asked);
    }
}

TEST_CASE("resolver: what is no host name reaches no server") {
    asio::io_context io;
    NameServer server{io};
    Resolver resolver{io.get_executor(), {server.address()}};
    for (const auto* name : {"", ".", "a..b", "a b.test", "exit.test/x", "a\nb", "127.1:80",
                             "[::1]", "fe80::1%eth0", "127.1", "0x7f000001", "2130706433"}) {
        const auto result = resolve(io, resolver, name);
        REQUIRE_MESSAGE(!result.has_value(), name);
        CHECK(result.error() == NameError::bad_name);
    }
    CHECK(resolve(io, resolver, std::string(64, 'a') + ".test").error() == NameError::bad_name);
    CHECK(server.questions == 0);
}

namespace {

/// A name in this machine's hosts file, other than "localhost", which c-ares answers by itself.
std::string name_in_hosts_file() {
    std::ifstream file{"/etc/hosts"};
    for (std::string line; std::getline(file, line);) {
        std::istringstream words{line.substr(0, line.find('#'))};
        std::string word;
        for (words >> word; words >> word;)
            if (base::is_host_name(word) && word.find("localhost") == std::string::npos)
                return word;
    }
    return {};
}

}  // namespace

TEST_CASE("resolver: the hosts file is not asked") {
    auto name = name_in_hosts_file();
    if (name.empty()) {
        MESSAGE("this machine's hosts file has no name but localhost, so this case proves little");
        name = "hosts.test";
    }
    asio::io_context io;
    NameServer server{io};
    server.names[name] = {203, 0, 113, 7};
    Resolver resolver{io.get_executor(), {server.address()}};
    const auto found = resolve(io, resolver, name);
    REQUIRE(found.has_value());
    CHECK(found->addresses.front().to_text() == "203.0.113.7");
}

TEST_CASE("resolver: a silent server ends in a failure, at its time") {
    asio::io_context io;
    NameServer server{io};
    ResolverLimits limits;
    limits.per_try = base::Milliseconds{200};
    limits.tries = 1;
    Resolver resolver{io.get_executor(), {server.address()}, limits};
    const auto started = std::chrono::steady_clock::now();
    const auto result = resolve(io, resolver, "silent.test");
    REQUIRE(!result.has_value());
    CHECK(result.error() == NameError::failed);
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds{2});
}

TEST_CASE("resolver: stopping ends the lookups, and the event loop runs out of work") {
    asio::io_context io;
    NameServer server{io};
    std::optional<NameAnswer> result;
    Resolver resolver{io.get_executor(), {server.address()}};
    resolver.addresses("silent.test", Family::v4, [&](const NameAnswer& one) { result = one; });
    io.run_for(std::chrono::milliseconds{100});
    CHECK(!result.has_value());
    resolver.stop();
    server.close();
    io.restart();
    const auto started = std::chrono::steady_clock::now();
    io.run_for(std::chrono::seconds{5});
    CHECK(io.stopped());
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds{1});
    REQUIRE(result.has_value());
    CHECK(!result->has_value());
}

TEST_CASE("resolver: lookups are bounded") {
    asio::io_context io;
    NameServer server{io};
    ResolverLimits limits;
    limits.queries_max = 2;
    Resolver resolver{io.get_executor(), {server.address()}, limits};
    std::array<std::optional<NameAnswer>, 3> results;
    for (auto& result : results) {
        resolver.addresses("silent.test", Family::v4, [&](const NameAnswer& one) { result = one; });
    }
    io.run_for(std::chrono::milliseconds{100});
    CHECK(!results[0].has_value());
    CHECK(!results[1].has_value());
    REQUIRE(results[2].has_value());
    CHECK(results[2]->error() == NameError::overload);
    resolver.stop();
    server.close();
    io.restart();
    io.run_for(std::chrono::seconds{1});
}

TEST_CASE("resolver: a cancelled query is not answered, and leaves its place and its question") {
    ResolverLimits limits;
    limits.queries_max = 2;
    SlowName slow{std::chrono::milliseconds{200}, limits};
    auto& [io, server, resolver] = slow;
    int first = 0, second = 0;
    const auto silent =
        resolver.addresses("silent.test", Family::v4, [&](const NameAnswer&) { ++first; });
    const auto one =
        resolver.addresses("slow.test", Family::v4, [&](const NameAnswer&) { ++first; });
    resolver.cancel(silent);
    // Another one that waits for the same question gets its answer.
    std::optional<NameAnswer> found;
    resolver.addresses("slow.test", Family::v4, [&](const NameAnswer& answer) {
        ++second;
        found = answer;
    });
    resolver.cancel(one);
    resolver.cancel(one);
    while (!found && io.run_one_for(std::chrono::seconds{10}) > 0) {
    }
    REQUIRE(found.has_value());
    CHECK(found->has_value());
    CHECK(first == 0);
    CHECK(second == 1);
    // A question that nothing waits for is not asked again, and others find a channel that works.
    const auto asked = server.questions;
    CHECK(resolve(io, resolver, "missing.test").error() == NameError::not_found);
    CHECK(resolve(io, resolver, "missing.test").error() == NameError::not_found);
    io.restart();
    io.run_for(std::chrono::seconds{3});
    CHECK(server.questions == asked + 2);
}

TEST_CASE("resolver: an answer ends with the first of its records") {
    asio::io_context io;
    NameServer server{io};
    auto& zone = server.zones["two.test"];
    zone.addresses = {"203.0.113.9", "203.0.113.10", "2001:db8::1"};
    zone.ttl = 7;
    Resolver resolver{io.get_executor(), {server.address()}};
    const auto v4 = resolve(io, resolver, "two.test");
    REQUIRE(v4.has_value());
    CHECK(v4->addresses.size() == 2);
    CHECK(v4->ttl == base::Seconds{7});
    const auto v6 = resolve(io, resolver, "two.test", Family::v6);
    REQUIRE(v6.has_value());
    REQUIRE(v6->addresses.size() == 1);
    CHECK(v6->addresses.front().to_text() == "2001:db8::1");
}

TEST_CASE("resolver: an address's name, if it is one") {
    asio::io_context io;
    NameServer server{io};
    server.zones["9.113.0.203.in-addr.arpa"].name = "exit.test";
    server.zones["10.113.0.203.in-addr.arpa"].name = "<script>.test";
    Resolver resolver{io.get_executor(), {server.address()}};
    const auto name = [&](const char* address) {
        std::optional<base::Result<std::string, NameError>> result;
        resolver.name(base::IpAddress::parse(address).value(),
                      [&](const auto& one) { result = one; });
        io.restart();
        while (!result && io.run_one_for(std::chrono::seconds{10}) > 0) {
        }
        REQUIRE(result.has_value());
        return *result;
    };
    const auto found = name("203.0.113.9");
    REQUIRE(found.has_value());
    CHECK(*found == "exit.test");
    CHECK(name("203.0.113.10").error() == NameError::no_address);
    CHECK(name("203.0.113.11").error() == NameError::not_found);
    CHECK(name("2001:db8::1").error() == NameError::not_found);
}

TEST_CASE("resolver: each question has a port and a spelling of its own") {
    asio::io_context io;
    NameServer server{io};
    Resolver resolver{io.get_executor(), {server.address()}};
    std::size_t answers = 0;
    for (int i = 0; i < 64; ++i) {
        const auto name = "a-long-name-" + std::to_string(i % 32) + ".test";
        const auto family = i < 32 ? Family::v4 : Family::v6;
        resolver.addresses(name, family, [&](const NameAnswer&) { ++answers; });
    }
    while (answers < 64 && io.run_one_for(std::chrono::seconds{10}) > 0) {
    }
    // The channels are used again, with other ports.
    for (int i = 0; i < 16; ++i)
        CHECK(resolve(io, resolver, "a-long-name-" + std::to_string(i) + ".test").error() ==
              NameError::not_found);
    CHECK(answers == 64);
    REQUIRE(server.ports.size() == 80);
    // 80 of 28,000 ports: 0.1 pairs are equal on average if each is drawn.
    const std::set<std::uint16_t> ports{server.ports.begin(), server.ports.end()};
    CHECK(ports.size() >= 77);
    const std::set<std::string> spellings{server.spellings.begin(), server.spellings.end()};
    CHECK(spellings.size() >= 79);  // of a name with 15 letters
}

TEST_CASE("resolver: an answer in another spelling is asked for again over TCP") {
    asio::io_context io;
    NameServer server{io};
    server.names["a-name-with-many-letters.test"] = {203, 0, 113, 9};
    server.lower_case = true;
    Resolver resolver{io.get_executor(), {server.address()}};
    const auto found = resolve(io, resolver, "a-name-with-many-letters.test");
    REQUIRE(found.has_value());
    CHECK(found->addresses.front().to_text() == "203.0.113.9");
    CHECK(server.questions == 2);
    CHECK(server.questions_over_tcp == 1);
}

TEST_CASE("resolver: equal questions are sent once, and each waits as long as its own would take") {
    SlowName slow{std::chrono::milliseconds{400}};
    auto& [io, server, resolver] = slow;
    const auto now = [] { return std::chrono::steady_clock::now(); };
    const auto began = now();
    std::array<std::chrono::steady_clock::duration, 2> took{};
    resolver.addresses("slow.test", Family::v4,
                       [&](const NameAnswer&) { took[0] = now() - began; });
    io.run_for(std::chrono::milliseconds{200});
    const auto later = now();
    std::optional<NameAnswer> second;
    resolver.addresses("SLOW.test", Family::v4, [&](const NameAnswer& answer) {
        took[1] = now() - later;
        second = answer;
    });
    io.restart();
    while (!second && io.run_one_for(std::chrono::seconds{10}) > 0) {
    }
    REQUIRE(second.has_value());
    REQUIRE(second->has_value());
    CHECK((*second)->addresses.front().to_text() == "203.0.113.9");
    CHECK(server.asked("slow.test", NameServer::a) == 1);
    CHECK(took[0] >= std::chrono::milliseconds{400});
    CHECK(took[1] >= took[0] - std::chrono::milliseconds{2});
}

TEST_CASE("resolver: an answer that is cancelled in the moment when it is due is not given") {
    SlowName slow{std::chrono::milliseconds{200}};
    auto& [io, server, resolver] = slow;
    bool first = false, second = false;
    resolver.addresses("slow.test", Family::v4, [&](const NameAnswer&) { first = true; });
    io.run_for(std::chrono::milliseconds{100});
    const auto query =
        resolver.addresses("slow.test", Family::v4, [&](const NameAnswer&) { second = true; });
    io.restart();
    while (!first && io.run_one_for(std::chrono::seconds{10}) > 0) {
    }
    REQUIRE_FALSE(second);
    // Both timers have expired before either handler runs, so the second handler is queued.
    asio::steady_timer timer{io, std::chrono::milliseconds{1}};
    timer.async_wait([&](boost::system::error_code) { resolver.cancel(query); });
    std::this_thread::sleep_for(std::chrono::milliseconds{400});
    io.run_for(std::chrono::milliseconds{50});
    CHECK_FALSE(second);
}

TEST_CASE("resolver: a second question is answered when the resolver stops before its time") {
    SlowName slow{std::chrono::milliseconds{200}};
    auto& [io, server, resolver] = slow;
    bool first = false;
    std::optional<NameAnswer> second;
    resolver.addresses("slow.test", Family::v4, [&](const NameAnswer&) { first = true; });
    io.run_for(std::chrono::milliseconds{100});
    resolver.addresses("slow.test", Family::v4, [&](const NameAnswer& one) { second = one; });
    io.restart();
    while (!first && io.run_one_for(std::chrono::seconds{10}) > 0) {
    }
    CHECK(!second.has_value());
    resolver.stop();
    REQUIRE(second.has_value());
    CHECK(second->error() == NameError::failed);
    server.close();
    io.restart();
    io.run_for(std::chrono::seconds{5});
    CHECK(io.stopped());
}

TEST_CASE("resolver: localhost and onion names reach no server") {
    asio::io_context io;
    NameServer server{io};
    Resolver resolver{io.get_executor(), {server.address()}};
    for (const auto* name : {"localhost", "LocalHost.", "a.localhost"}) {
        const auto v4 = resolve(io, resolver, name);
        REQUIRE_MESSAGE(v4.has_value(), name);
        CHECK(v4->addresses.front().to_text() == "127.0.0.1");
        CHECK(resolve(io, resolver, name, Family::v6)->addresses.front().to_text() == "::1");
    }
    CHECK(resolve(io, resolver, "abcdefgh.onion").error() == NameError::not_found);
    CHECK(resolve(io, resolver, "onion").error() == NameError::not_found);
    CHECK(server.questions == 0);
    CHECK(resolve(io, resolver, "notlocalhost").error() == NameError::not_found);
    CHECK(server.questions == 1);
}

TEST_CASE("resolver: the servers in use") {
    asio::io_context io;
    NameServer server{io};
    Resolver resolver{io.get_executor(), {server.address()}};
    CHECK(resolver.servers() == std::vector{server.address()});
    Resolver by_system{io.get_executor(), {}};
    CHECK(!by_system.servers().empty());  // c-ares asks 127.0.0.1 where the system names none
    for (const auto& one : by_system.servers())
        CHECK(one.port == 53);
}
