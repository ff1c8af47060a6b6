// The running client against a gateway played by hand: what it does when the gateway sends a newer
// document, or what it must not say. Each client is a process of its own.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "client/daemon_impl.hpp"
#include "client/operation/bootstrap.hpp"
#include "sphinx/cell/padding_time.hpp"
#include "sphinx/node/config/evidence.hpp"
#include "sphinx/node/process/control_socket.hpp"
#include "tests/system/played_gateway.hpp"

using namespace nightjar;
using namespace tests;

TEST_CASE("client: a newer document that moves and re-keys its gateway is where it dials") {
    Network network;
    network.start_clients(clients);  // before the ports are open, which a child would keep
    Loop loop;
    Gateway before{loop, network, network.old_place, 1};
    Gateway after{loop, network, network.new_place, 2};
    const auto text = network.next(
        [&](directory::Document& document) { network.place(document, network.new_place, 2); });
    before.give(network, text);
    REQUIRE(loop.until([&] { return before.up() == clients; }));
    std::set<base::LinkKey> keys;
    for (const auto& each : before.came)
        keys.insert(each->link->peer_key());
    CHECK(keys.size() == clients);  // a client's identity is new in each process

    const auto kept = [&] {
        for (std::size_t n = 0; n < clients; ++n)
            if (network.state(n).document_text() == text) return true;
        return false;
    };
    CHECK(loop.until([&] { return before.requests > 0; }));
    CHECK(loop.until(kept, patience));
    CHECK(after.came.empty());  // the link that stands is left alone
    before.close_all();
    CHECK(loop.until([&] { return !after.came.empty(); }, patience));
    for (auto& process : network.processes)
        process->terminate();
    const auto all_ended = [&] {
        return std::all_of(network.processes.begin(), network.processes.end(),
                           [](auto& process) { return process->ended().has_value(); });
    };
    REQUIRE(loop.until(all_ended));
    for (auto& process : network.processes)
        CHECK(process->ended() == 0);
}

TEST_CASE(
    "client: status says how far its gateway's clock is from this machine's, and which it goes "
    "by") {
    Network network;
    network.start_clients(1);
    Loop loop;
    Gateway gateway{loop, network, network.old_place, 1};
    REQUIRE(loop.until([&] { return gateway.up() == 1; }));
    const auto socket = network.folder.path() / "0.sock";
    nlohmann::json clock;
    const auto said = [&] {
        gateway.came.front()->link->send(
            cell::padding_that_says(node::process::wall_now() + base::Seconds{20}));
        const auto line = node::process::ask(
            socket, R"({"jsonrpc":"2.0","id":1,"method":"status"})", base::Milliseconds{5'000});
        if (!line) return false;
        const auto answer = nlohmann::json::parse(*line);
        if (answer.contains("result")) clock = answer["result"]["clock"];
        return clock.is_object() && !clock["gateway_ahead_s"].is_null();
    };
    REQUIRE(loop.until(said));
    CHECK(clock["gateway_ahead_s"].get<double>() == doctest::Approx(20).epsilon(0.05));
    // Read inside the client's sandbox and outside of it.
    CHECK(clock["synchronised"] == node::process::wall_synchronised());
    CHECK(clock["correction_s"] ==
          (clock["synchronised"] == true ? nlohmann::json(0.0) : clock["gateway_ahead_s"]));
}

TEST_CASE("client: a newer document without its gateway is not used, and ends nothing") {
    Network network;
    network.start_clients(clients);
    Loop loop;
    Gateway gateway{loop, network, network.old_place, 1};
    gateway.give(network, network.next([&](directory::Document& document) {
        std::erase_if(document.relays,
                      [&](const auto& relay) { return relay.identity == network.gateway; });
    }));
    REQUIRE(loop.until([&] { return gateway.requests > 0; }, patience));
    loop.until([] { return false; }, base::Milliseconds{2000});
    CHECK(gateway.up() == clients);
    CHECK(gateway.came.size() == clients);
    for (std::size_t n = 0; n < clients; ++n)
        CHECK(network.state(n).document_text() == directory::to_text(network.network.document));
    for (auto& process : network.processes)
        CHECK(!process->ended());
}

TEST_CASE("client: a document that its authorities did not sign changes nothing") {
    Network network;
    network.start_clients(clients);
    Loop loop;
    Gateway gateway{loop, network, network.old_place, 1};
    auto forged = network.next([](directory::Document&) {});
    forged[forged.size() - 2] = forged[forged.size() - 2] == '0' ? '1' : '0';
    gateway.give(network, forged);
    REQUIRE(loop.until([&] { return gateway.requests > 0; }));
    loop.until([] { return false; }, base::Milliseconds{1000});
    for (std::size_t n = 0; n < clients; ++n)
        CHECK(network.state(n).document_text() == directory::to_text(network.network.document));
    for (auto& process : network.processes)
        CHECK(!process->ended());
}

TEST_CASE("client, faults 38: another document of the epoch that it uses is kept as proof") {
    Network network;
    const auto mine = directory::to_text(network.network.document);
    network.start_clients(clients);
    Loop loop;
    Gateway gateway{loop, network, network.old_place, 1};
    gateway.give(network, network.next([&](directory::Document& document) {
        document.epoch = network.network.document.epoch;
        document.relays.front().capacity += 1;
    }));
    std::size_t first = clients;  // the first client that has asked
    const auto kept = [&] {
        for (first = 0; first < clients; ++first)
            if (node::config::Evidence{network.state(first).evidence_folder()}.facts().documents ==
                2)
                return true;
        return false;
    };
    // The moments are drawn: none of six asks for so long in one run of 10^20.
    REQUIRE(loop.until([&] { return gateway.requests > 0; }, base::Seconds{120}));
    REQUIRE(loop.until(kept, base::Seconds{30}));
    const auto warned = [&] {
        const auto line = node::process::ask(
            network.folder.path() / (std::to_string(first) + ".sock"),
            R"({"jsonrpc":"2.0","id":1,"method":"status"})", base::Milliseconds{5'000});
        if (!line) return false;
        const auto problem = nlohmann::json::parse(*line)["result"]["problem"];
        return problem.is_object() && problem["name"] == "two-documents";
    };
    CHECK(loop.until(warned, patience));
    CHECK(network.state(first).document_text() == mine);
    CHECK(!network.processes[first]->ended());
}

TEST_CASE("client: a gateway that says anything but parts of a document loses the link") {
    Network network;
    network.start_clients(1);
    Loop loop;
    Gateway gateway{loop, network, network.old_place, 1};
    REQUIRE(loop.until([&] { return gateway.up() == 1; }));
    auto& came = *gateway.came.front();
    came.link->send(std::make_unique<cell::Cell>());
    loop.until([] { return false; }, base::Milliseconds{500});
    CHECK(!came.ended);
    came.link->send(boxed(cell::encode(cell::DocumentRequest{{1}})));
    CHECK(loop.until([&] { return came.ended; }, patience));
}

namespace {

/// Opens a listener in the first client, if an answer that came too late has not said so already.
/// False if it does not answer now.
bool open_listener(const Network& network, const std::filesystem::path& path) {
    const nlohmann::json request{{"jsonrpc", "2.0"},
                                 {"id", 1},
                                 {"method", "open_listener"},
                                 {"params", {{"proxy", "unix:" + path.string()}}}};
    const auto line = node::process::ask(network.folder.path() / "0.sock", request.dump(),
                                         base::Milliseconds{5'000});
    return line && (line->find("\"result\"") != std::string::npos ||
                    line->find("the client listens there already") != std::string::npos);
}

}  // namespace

TEST_CASE("client: a document that expires ends no client: it begins again with the next one") {
    Network network{base::Seconds{6}};
    network.start_clients(1);
    Loop loop;
    Gateway gateway{loop, network, network.old_place, 1};
    auto& process = *network.processes.front();
    REQUIRE(loop.until([&] { return gateway.came.size() == 1; }, patience));
    const auto listener = network.folder.path() / "opened.sock";
    REQUIRE(loop.until([&] { return open_listener(network, listener); }, patience));
    REQUIRE(loop.until([&] { return gateway.came.front()->ended; }, patience));
    const auto text = network.next(
        [&](directory::Document& document) { document.valid_until += base::Seconds{3600}; });
    gateway.give(network, text);
    // A link of its own fetches the document, and then comes the one of the traffic law.
    REQUIRE(loop.until([&] { return network.state(0).document_text() == text; }, patience));
    const auto fetched_by = gateway.came.size();
    CHECK(loop.until([&] { return gateway.came.size() > fetched_by; }, patience));
    CHECK(gateway.came.back()->link->peer_key() != gateway.came.front()->link->peer_key());
    CHECK(!process.ended());
    // The listener that a program had opened is there again.
    asio::io_context io{1};
    asio::local::stream_protocol::socket application{io};
    boost::system::error_code refused;
    application.connect({listener.string()}, refused);
    CHECK_FALSE(refused);
    process.terminate();
    REQUIRE(loop.until([&] { return process.ended().has_value(); }, patience));
    CHECK(process.ended() == 0);
}

TEST_CASE("client: one that begins again waits for a document with a gateway that it can use") {
    Network network{base::Seconds{6}};
    network.start_clients(1);
    Loop loop;
    Gateway gateway{loop, network, network.old_place, 1};
    auto& process = *network.processes.front();
    REQUIRE(loop.until([&] { return gateway.came.size() == 1; }, patience));
    REQUIRE(loop.until([&] { return gateway.came.front()->ended; }, patience));
    const auto valid = [](directory::Document& document) {
        document.valid_until += base::Seconds{3600};
    };
    const auto useless = network.next([&](directory::Document& document) {
        valid(document);
        for (auto& relay : document.relays)
            relay.exit_policy.clear();
    });
    gateway.give(network, useless);
    REQUIRE(loop.until([&] { return network.state(0).document_text() == useless; }, patience));
    const auto says_so = [&] {
        const auto line = node::process::ask(network.folder.path() / "0.sock",
                                             R"({"jsonrpc":"2.0","id":1,"method":"status"})",
                                             base::Milliseconds{5'000});
        return line && line->find("lists no gateway") != std::string::npos;
    };
    CHECK(loop.until(says_so, patience));
    const auto text = network.next(valid);
    gateway.give(network, text);
    REQUIRE(loop.until([&] { return network.state(0).document_text() == text; }, patience));
    const auto fetched_by = gateway.came.size();
    CHECK(loop.until([&] { return gateway.came.size() > fetched_by; }, patience));
    CHECK(!process.ended());
    process.terminate();
    REQUIRE(loop.until([&] { return process.ended().has_value(); }, patience));
    CHECK(process.ended() == 0);
}

TEST_CASE("client: a start with a document that lists no gateway for it ends") {
    Network network;
    for (auto& relay : network.network.document.relays)
        relay.exit_policy.clear();
    network.network.document.signatures.clear();
    directory::sign(network.network.document, network.network.authorities.front());
    network.start_clients(1);
    Loop loop;
    auto& process = *network.processes.front();
    REQUIRE(loop.until([&] { return process.ended().has_value(); }, patience));
    CHECK(process.ended() == static_cast<int>(node::process::ExitCode::not_ready));
}

TEST_CASE("client: a gateway on the internet cannot have its clients dial into their own network") {
    directory::Relay gateway;
    gateway.addresses = {{"192.168.1.1", 80}, {"8.8.8.8", 443}};
    const auto target = client::target_of(gateway);
    REQUIRE(target.addresses.size() == 1);
    CHECK(target.addresses[0].address().to_string() == "8.8.8.8");  // nothing is sent there
}
