// The doctor's question to name servers on loopback, honest ones and one that lies.
#include "relay/doctor/name_check.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "tests/support/loopback.hpp"
#include "tests/support/name_server.hpp"

using namespace nightjar;
using namespace nightjar::relay::doctor;
using nightjar::test::NameServer;
namespace asio = boost::asio;

namespace {

/// A name server on a thread of its own.
struct Served {
    asio::io_context io;
    NameServer server{io};
    base::IpEndpoint address = server.address();
    std::thread thread;

    void start() {
        thread = std::thread{[this] { io.run(); }};
    }
    ~Served() {
        asio::post(io, [this] { server.close(); });
        thread.join();
    }
};

}  // namespace

TEST_CASE("doctor: a name server that knows no impossible name is well") {
    Served served;
    served.start();
    base::SeededRandom random{1};
    const auto found = name_servers({served.address}, random);
    REQUIRE(found.size() == 2);
    CHECK(found[0].name == "dns");
    CHECK(found[0].health == Health::ok);
    CHECK(found[1].name == "dns_hijack");
    CHECK(found[1].health == Health::ok);
}

TEST_CASE("doctor: a name server with an address for an impossible name is a liar") {
    base::SeededRandom random{2};
    base::SeededRandom same{2};
    const auto name = impossible_name(same);
    CHECK(name.ends_with(".invalid"));
    Served honest;
    honest.start();
    Served liar;
    liar.server.names[name] = {192, 0, 2, 66};
    liar.start();
    const auto found = name_servers({honest.address, liar.address}, random);
    CHECK(found[0].health == Health::ok);
    CHECK(found[1].health == Health::bad);
    const auto port = std::to_string(liar.address.port);
    CHECK(found[1].seen.starts_with("127.0.0.1:" + port + " has an address for " + name));
    CHECK(found[1].mend.find("unbound") != std::string::npos);
}

TEST_CASE("doctor: a name server that says an impossible name exists is suspect") {
    base::SeededRandom random{3};
    base::SeededRandom same{3};
    Served odd;
    odd.server.zones[impossible_name(same)];  // known, without an address
    odd.start();
    CHECK(name_servers({odd.address}, random)[1].health == Health::warn);
}

TEST_CASE("doctor: a name server that does not answer is found") {
    base::SeededRandom random{4};
    const auto closed = test::free_endpoint();
    const auto address = closed.address().to_string();
    const base::IpEndpoint nothing{*base::IpAddress::parse(address), closed.port()};
    const auto found = name_servers({nothing}, random);
    CHECK(found[0].health == Health::bad);
    CHECK(found[0].seen.find("no answer from " + address + ":") != std::string::npos);
    CHECK(found[1].health == Health::ok);
}
