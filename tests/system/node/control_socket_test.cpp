#include "sphinx/node/process/control_socket.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <string>

#include "sphinx/node/process/event.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
namespace asio = boost::asio;
namespace fs = std::filesystem;
using asio::local::stream_protocol;
using std::chrono::milliseconds;

namespace {

asio::awaitable<std::string> nothing(std::string) {
    co_return "";
}

using Say = node::process::ControlSocket::Say;

/// Says a request as often as it has letters. "big" stands for a line that no socket buffer holds.
asio::awaitable<void> repeat(std::string request, const Say& say, bool& refused) {
    for (std::size_t i = 0; i < request.size() && !refused; ++i) {
        auto line = request == "big" ? std::string(std::size_t{8} << 20, 'x') : request;
        const bool said = co_await say(std::move(line));
        refused = !said;
    }
}

/// A socket that answers "echo" at once, "slow" when `release` is set, and "never" not at all.
struct Server {
    explicit Server(milliseconds patience = milliseconds{60'000})
        : socket{io.get_executor(),
                 path,
                 "control",
                 {.connections = 2, .request_max = 16, .patience = patience},
                 [this](std::string request) { return answer(std::move(request)); },
                 tasks} {
        tasks.spawn("control", socket.run());
    }
    ~Server() {
        socket.close();
        tasks.cancel();
        until([this] { return tasks.running() == 0; });
    }

    asio::awaitable<std::string> answer(std::string request) {
        struct Running {
            explicit Running(int& n) : answers{n} { ++answers; }
            ~Running() { --answers; }
            int& answers;
        } const one{running};
        if (request == "slow") co_await release.wait();
        node::process::Event never{io.get_executor()};
        if (request == "never") co_await never.wait();
        co_return request;
    }
    stream_protocol::socket connect(const std::string& request) {
        stream_protocol::socket peer{io};
        peer.connect({path.string()});
        asio::write(peer, asio::buffer(request));
        return peer;
    }
    /// All bytes until the other side closes.
    std::string read(stream_protocol::socket& peer) {
        std::string text;
        bool closed = false;
        asio::async_read(peer, asio::dynamic_buffer(text), [&](auto, auto) { closed = true; });
        CHECK(until([&] { return closed; }));
        return text;
    }
    bool until(const std::function<bool()>& done) {
        io.restart();
        const auto end = std::chrono::steady_clock::now() + milliseconds{10'000};
        bool is_done = done();
        while (!is_done && std::chrono::steady_clock::now() < end) {
            io.run_one_for(milliseconds{20});
            is_done = done();
        }
        return is_done;
    }

    test::TemporaryFolder folder;
    fs::path path = folder.path() / "control.sock";
    asio::io_context io{1};
    node::process::TaskGroup tasks{io.get_executor(),
                                   [](const auto&, const auto&) { CHECK(false); }};
    node::process::Event release{io.get_executor()};
    int running = 0;
    node::process::ControlSocket socket;
};

}  // namespace

TEST_CASE("control socket: one line in, one line out, and the end") {
    Server server;
    auto peer = server.connect("echo\necho\n");
    CHECK(server.read(peer) == "echo\n");
    auto longest = server.connect(std::string(15, 'x') + "\n");
    CHECK(server.read(longest) == std::string(15, 'x') + "\n");
    auto too_long = server.connect(std::string(16, 'x') + "\n");
    CHECK(server.read(too_long).empty());
}

TEST_CASE("control socket: an asker that leaves ends its answer; one that stops sending does not") {
    Server server;
    auto leaves = server.connect("never\n");
    auto stays = server.connect("slow\n");
    CHECK(server.until([&] { return server.running == 2; }));
    stays.shutdown(stream_protocol::socket::shutdown_send);
    leaves.close();
    CHECK(server.until([&] { return server.running == 1; }));
    server.release.set();
    CHECK(server.read(stays) == "slow\n");
    // An asker that left before its answer began is noticed as well.
    { const auto gone = server.connect("never\n"); }
    CHECK(server.until([&] { return server.tasks.running() == 1; }));
    CHECK(server.running == 0);
}

TEST_CASE("control socket: a request must come in time, and a slow answer has its own time") {
    Server server{milliseconds{200}};
    auto silent = server.connect("ec");
    CHECK(server.read(silent).empty());
    auto slow = server.connect("slow\n");
    CHECK(server.until([&] { return server.running == 1; }));
    server.io.restart();
    server.io.run_for(milliseconds{400});
    CHECK(server.running == 1);
    server.release.set();
    CHECK(server.read(slow) == "slow\n");
}

TEST_CASE("control socket: a conversation has any number of requests, and of lines for each") {
    Server server;
    const auto path = server.folder.path() / "talk.sock";
    bool refused = false;
    node::process::ControlSocket::Conversation talks = [&](std::string request, const Say& say) {
        return repeat(std::move(request), say, refused);
    };
    {
        node::process::ControlSocket talk{server.io.get_executor(),   path,  "control",
                                          {2, 16, milliseconds{300}}, talks, server.tasks};
        server.tasks.spawn("talk", talk.run());
        stream_protocol::socket peer{server.io};
        peer.connect({path.string()});
        asio::write(peer, asio::buffer(std::string{"ab\n\nc\n"}));
        peer.shutdown(stream_protocol::socket::shutdown_send);
        CHECK(server.read(peer) == "ab\nab\nc\n");

        stream_protocol::socket silent{server.io};
        silent.connect({path.string()});
        asio::write(silent, asio::buffer(std::string{"c\n"}));
        CHECK(server.read(silent) == "c\n");  // closed after its patience

        stream_protocol::socket stuck{server.io};
        stuck.connect({path.string()});
        asio::write(stuck, asio::buffer(std::string{"big\n"}));
        CHECK(server.until([&] { return refused; }));
        refused = false;

        stream_protocol::socket too_long{server.io};
        too_long.connect({path.string()});
        asio::write(too_long, asio::buffer("a\n" + std::string(16, 'x') + "\n"));
        CHECK(server.read(too_long) == "a\n");
        talk.close();
        server.tasks.cancel();
        CHECK(server.until([&] { return server.tasks.running() == 0; }));
    }
}

TEST_CASE("control socket: replaces the socket of a dead process, and no other file") {
    test::TemporaryFolder folder;
    const auto path = folder.path() / "control.sock";
    asio::io_context io{1};
    node::process::TaskGroup tasks{io.get_executor(), [](const auto&, const auto&) {}};
    const auto make = [&] {
        const node::process::ControlSocket one{io.get_executor(),        path,    "control",
                                               {2, 16, milliseconds{1}}, nothing, tasks};
        struct stat status {};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0600);
    };
    { const stream_protocol::acceptor left_behind{io, {path.string()}}; }
    REQUIRE(fs::exists(path));
    make();
    CHECK(!fs::exists(path));
    {
        // A live process that accepts no connection is alive all the same.
        stream_protocol::acceptor busy{io, stream_protocol{}};
        busy.bind({path.string()});
        busy.listen(0);
        stream_protocol::socket first{io}, second{io};
        first.connect({path.string()});
        CHECK_THROWS_WITH_AS(make(), doctest::Contains("another process answers"),
                             node::process::StartupError);
    }
    fs::remove(path);
    fs::create_symlink(folder.path() / "nothing", path);
    CHECK_THROWS_AS(make(), node::process::StartupError);
    CHECK(fs::is_symlink(path));
}

TEST_CASE("control socket: another user gets no answer") {
    if (::geteuid() != 0) {
        MESSAGE("only root can ask as another user, so this case proves nothing here");
        return;
    }
    Server server;
    fs::permissions(server.folder.path(), fs::perms{0755});
    fs::permissions(server.path, fs::perms{0666});
    const auto ask_as = [&](uid_t user) {
        const pid_t child = ::fork();
        if (child == 0) {
            if (::setresuid(user, user, user) != 0) ::_exit(2);
            const auto answer = node::process::ask(server.path, "echo", milliseconds{10'000});
            if (answer) ::_exit(*answer == "echo" ? 0 : 3);
            ::_exit(answer.error() == asio::error::eof ||
                            answer.error() == asio::error::connection_reset ||
                            answer.error() == asio::error::broken_pipe
                        ? 1
                        : 4);
        }
        int status = 0;
        CHECK(server.until([&] { return ::waitpid(child, &status, WNOHANG) == child; }));
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    };
    CHECK(ask_as(0) == 0);
    CHECK(ask_as(65534) == 1);
}

TEST_CASE("ask: says why there is no answer, and waits no longer than it may") {
    using node::process::ask;
    Server server;
    CHECK(ask(server.folder.path() / "none", "echo", milliseconds{100}).error() ==
          boost::system::errc::no_such_file_or_directory);
    CHECK(ask(std::string(200, 'x'), "echo", milliseconds{100}).error() ==
          asio::error::name_too_long);
    // This thread does not run the server meanwhile: the kernel accepts, and no answer comes.
    CHECK(ask(server.path, "echo", milliseconds{50}).error() == asio::error::timed_out);
}
