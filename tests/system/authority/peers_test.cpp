// How an authority asks another one: it proves that it is an authority, so that strangers who read
// slowly cannot keep its answers from it.
#include "relay/authority/peers.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>

#include "relay/authority/introduction.hpp"
#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/https/server.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority;
namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

core::Moment moment() {
    return {node::process::wall_now(), std::chrono::steady_clock::now()};
}

base::Secret<32> service_seed(const fs::path& folder) {
    return node::files::read_key(folder / "service.key", node::files::KeyKind::service);
}

}  // namespace

TEST_CASE("authorities: each proves its key to the others that it asks") {
    test::TemporaryFolder home;
    const auto folder = [&](int which) { return home.path() / std::to_string(which); };
    for (int which : {0, 1}) {
        NewNetwork made;
        made.name = "test";
        made.authorities = 2;
        made.listen = {"127.0.0.1", static_cast<std::uint16_t>(8443 + which)};
        init_network(folder(which), made);
    }
    assemble(folder(0), {folder(0) / "introduction", folder(1) / "introduction"});
    auto network = node::config::load_anchors_file(folder(0) / "network.yaml");
    const base::LinkKey own{node::files::ed25519_public(service_seed(folder(0)))};

    asio::io_context io;
    node::process::TaskGroup tasks{io.get_executor(),
                                   [](const std::string&, const std::string&) {}};
    node::https::ServerLimits limits;
    limits.known = {own};
    std::vector<node::https::Request> asked;
    node::https::Server server{io.get_executor(),
                               {asio::ip::address_v4::loopback(), 0},
                               "listen",
                               service_seed(folder(1)),
                               [&](const node::https::Request& request) {
                                   asked.push_back(request);
                                   return node::https::Answer{};
                               },
                               tasks,
                               limits};
    for (auto& service : network.services)
        if (service.key != own) service.address.port = server.local().port();
    Member member{folder(0), load_settings(folder(0)), network, moment()};
    Peers peers{network, service_seed(folder(0)), member, moment};
    tasks.spawn("server", server.run());
    peers.start(tasks);
    const auto end = std::chrono::steady_clock::now() + base::Seconds{60};
    while (asked.empty() && std::chrono::steady_clock::now() < end)
        io.run_one_for(base::Milliseconds{20});
    server.close();
    tasks.cancel();
    io.restart();
    io.run_for(base::Seconds{2});
    REQUIRE_FALSE(asked.empty());
    CHECK(asked.front().target == "/agreement");
    CHECK(asked.front().shown == own);
}
