#include "relay/operation/status.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "sphinx/node/process/exit_code.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay::core;
using namespace nightjar::relay::operation;
namespace asio = boost::asio;
namespace fs = std::filesystem;
using asio::local::stream_protocol;

namespace {

StatusFacts some_facts(bool lab) {
    StatusFacts status;
    status.name = "mix-a";
    status.role = "mix";
    status.layer = 2;
    status.network = "test";
    status.key_epochs = {{7}, {8}};
    status.self_test = {12'300, "avx2"};
    status.workers = 2;
    status.facts.state = State::active;
    status.facts.lab = lab;
    status.links.clients = 5;
    if (lab) status.lab.emplace().counters.packets_in = 42;
    return status;
}

/// The control socket on a separate thread.
class Server {
 public:
    explicit Server(const fs::path& path)
        : tasks_{io_.get_executor(), [](const std::string&, const std::string&) {}},
          control_{status_socket(
              io_.get_executor(), path,
              {[] { return some_facts(true); }, [this] { return std::exchange(jumped_, false); },
               [] { return std::string{}; }},
              tasks_)} {
        tasks_.spawn("control", control_.run());
        thread_ = std::thread{[this] { io_.run(); }};
    }
    ~Server() {
        asio::post(io_, [this] {
            control_.close();
            tasks_.cancel();
        });
        thread_.join();
    }

 private:
    asio::io_context io_;
    node::process::TaskGroup tasks_;
    node::process::ControlSocket control_;
    std::thread thread_;
    bool jumped_ = true;
};

struct Peer {
    explicit Peer(const fs::path& path) { socket.connect({path.string()}); }
    std::string exchange(const std::string& request) {
        boost::system::error_code error;
        asio::write(socket, asio::buffer(request), error);
        std::string answer;
        asio::read(socket, asio::dynamic_buffer(answer), error);
        return answer;
    }
    asio::io_context io;
    stream_protocol::socket socket{io};
};

}  // namespace

TEST_CASE("control socket: status as JSON and for people") {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "control.sock";
    const Server server{path};
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    const auto json = ask_status(path);
    REQUIRE(json.has_value());
    CHECK(json->find("\"state\":\"active\"") != std::string::npos);
    CHECK(json->find("\"packets_in\":42") != std::string::npos);
    const auto people = to_people(*json);
    REQUIRE(people.has_value());
    CHECK(people->starts_with("mix-a: active\n"));
    CHECK(people->find("  self-test  12300 packets/s a worker, 2 at work (avx2)\n") !=
          std::string::npos);
}

TEST_CASE(
    "control socket: after a jump of the clock both times are shown, and it can be confirmed") {
    auto status = some_facts(false);
    status.facts.state = State::clock_jumped;
    status.jump = {base::Wall{base::Seconds{1'800'010'800}},
                   base::Wall{base::Seconds{1'800'000'000}}};
    const auto json = to_json(status);
    CHECK(json.find("\"state\":\"clock_jumped\"") != std::string::npos);
    CHECK(json.find("\"clock_jumped\":{\"clock\":1800010800,\"kept\":1800000000}") !=
          std::string::npos);
    CHECK(to_people(json)->find("  clock      says 2027-01-15 11:00:00 UTC, the relay goes by "
                                "2027-01-15 08:00:00 UTC\n") != std::string::npos);
    CHECK(to_json(some_facts(false)).find("clock") == std::string::npos);

    const test::TemporaryFolder folder;
    const auto path = folder.path() / "control.sock";
    CHECK(ask_confirm_clock(path) == std::nullopt);
    const Server server{path};
    CHECK(ask_confirm_clock(path) == true);
    CHECK(ask_confirm_clock(path) == false);
}

TEST_CASE("control socket: outside a lab it shows no traffic and no number of clients") {
    const auto json = to_json(some_facts(false));
    CHECK(json.find("packets") == std::string::npos);
    CHECK(json.find("clients") == std::string::npos);
    CHECK(to_json(some_facts(true)).find("\"clients\":5") != std::string::npos);
}

TEST_CASE(
    "control socket: what is no request gets an error or nothing, and the next one its answer") {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "control.sock";
    const Server server{path};
    CHECK(Peer{path}.exchange("{\"request\":\"stop\"}\n") == "{\"error\":\"unknown request\"}\n");
    for (const std::string bad : {"\n", "status\n", "{}\n", "[]\n", "{\"request\":1,\"x\":2}\n",
                                  "{\"request\":\n", "\xff\xfe\n"}) {
        CHECK_MESSAGE(Peer{path}.exchange(bad) == "{\"error\":\"not a request\"}\n", bad);
    }
    CHECK(Peer{path}.exchange(std::string(5000, '[')).empty());
    CHECK(Peer{path}.exchange(std::string(500, '[') + "\n") == "{\"error\":\"not a request\"}\n");
    { Peer gone{path}; }
    {
        Peer half{path};
        asio::write(half.socket, asio::buffer("{\"requ", 6));
    }
    CHECK(ask_status(path).has_value());
}

TEST_CASE("control socket: four peers at once") {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "control.sock";
    const Server server{path};
    {
        Peer a{path}, b{path}, c{path}, d{path};
        CHECK(!ask_status(path).has_value());  // connections are taken in their order
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!ask_status(path).has_value())  // until it has seen that they left
        REQUIRE(std::chrono::steady_clock::now() < end);
}

TEST_CASE("control socket: takes the place of a dead one, never of a live one or of a file") {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "control.sock";
    {
        asio::io_context io;
        const stream_protocol::acceptor left_behind{io, {path.string()}};
    }
    REQUIRE(fs::exists(path));
    {
        const Server server{path};
        CHECK(ask_status(path).has_value());
        asio::io_context io;
        node::process::TaskGroup tasks{io.get_executor(),
                                       [](const std::string&, const std::string&) {}};
        const auto second = [&] {
            status_socket(io.get_executor(), path,
                          {[] { return some_facts(false); }, [] { return false; },
                           [] { return std::string{}; }},
                          tasks);
        };
        CHECK_THROWS_AS(second(), node::process::StartupError);
        CHECK(ask_status(path).has_value());
    }
    CHECK(!fs::exists(path));
    std::ofstream{path} << "mine";
    REQUIRE_THROWS_AS(Server{path}, node::process::StartupError);
    CHECK(fs::file_size(path) == 4);
}
