#include "relay/io/resolver.hpp"

#include <doctest/doctest.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "sphinx/base/host_name.hpp"
#include "tests/support/name_server.hpp"

using namespace nightjar;
using namespace nightjar::relay::io;
using nightjar::test::NameServer;
namespace asio = boost::asio;

namespace {

asio::awaitable<void> ask(Resolver& resolver, std::string name,
                          std::optional<ResolveResult>& result) {
    result = co_await resolver.resolve(std::move(name));
}

ResolveResult resolve(asio::io_context& io, Resolver& resolver, const std::string& name) {
    std::optional<ResolveResult> result;
    asio::co_spawn(io, ask(resolver, name, result), [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
    });
    io.restart();
    while (!result && io.run_one_for(std::chrono::seconds{10}) > 0) {
    }
    REQUIRE(result.has_value());
    return *result;
}

}  // namespace

TEST_CASE("resolver: the configured server resolves names; literals need no lookup") {
    asio::io_context io;
    NameServer server{io};
    server.names["exit.test"] = {203, 0, 113, 9};
    Resolver resolver{io.get_executor(), {server.address()}};

    const auto found = resolve(io, resolver, "exit.test");
    REQUIRE(found.has_value());
    CHECK(found->size() == 1);
    CHECK(found->front().to_text() == "203.0.113.9");

    const int asked = server.questions;
    const auto literal = resolve(io, resolver, "2606:4700::1111");
    REQUIRE(literal.has_value());
    CHECK(literal->front().to_text() == "2606:4700::1111");
    CHECK(server.questions == asked);

    const auto missing = resolve(io, resolver, "missing.test");
    REQUIRE(!missing.has_value());
    CHECK(missing.error() == ResolveError::not_found);
}

TEST_CASE("resolver: what is no host name reaches no server") {
    asio::io_context io;
    NameServer server{io};
    Resolver resolver{io.get_executor(), {server.address()}};
    for (const auto* name : {"", ".", "a..b", "a b.test", "exit.test/x", "a\nb", "127.1:80",
                             "[::1]", "fe80::1%eth0", "127.1", "0x7f000001", "2130706433"}) {
        const auto result = resolve(io, resolver, name);
        REQUIRE_MESSAGE(!result.has_value(), name);
        CHECK(result.error() == ResolveError::bad_name);
    }
    CHECK(resolve(io, resolver, std::string(64, 'a') + ".test").error() == ResolveError::bad_name);
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
    CHECK(found->front().to_text() == "203.0.113.7");
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
    CHECK(result.error() == ResolveError::failed);
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds{2});
}

TEST_CASE("resolver: stopping ends the lookups, and the event loop runs out of work") {
    asio::io_context io;
    NameServer server{io};
    std::optional<ResolveResult> result;
    Resolver resolver{io.get_executor(), {server.address()}};
    asio::co_spawn(io, ask(resolver, "silent.test", result), [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
    });
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
    limits.lookups_max = 2;
    Resolver resolver{io.get_executor(), {server.address()}, limits};
    std::array<std::optional<ResolveResult>, 3> results;
    for (auto& result : results) {
        asio::co_spawn(io, ask(resolver, "silent.test", result), [](const std::exception_ptr&) {});
    }
    io.run_for(std::chrono::milliseconds{100});
    CHECK(!results[0].has_value());
    CHECK(!results[1].has_value());
    REQUIRE(results[2].has_value());
    CHECK(results[2]->error() == ResolveError::overload);
    resolver.stop();
    server.close();
    io.restart();
    io.run_for(std::chrono::seconds{1});
}
