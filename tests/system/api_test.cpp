#include "client/operation/api.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>

#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
namespace asio = boost::asio;

namespace {

/// Opens no listener.
struct NoListeners : client::operation::ApiAnswers {
    base::Result<client::operation::OpenedListener, client::protocol::api::Error> open_listener(
        std::string_view, bool) override {
        return base::Fail{client::protocol::api::Error{}};
    }
    bool close_listener(std::string_view) override { return false; }
    bool close_listener(std::uint64_t) override { return false; }
};

/// Answers a ping at once, with a line longer than any socket buffer.
struct LongAnswers final : NoListeners {
    std::string status() override { return "{}"; }
    std::string state() override { return "{}"; }
    std::optional<std::uint64_t> new_identity() override { return std::nullopt; }
    std::optional<std::uint64_t> ping() override { return ++pings; }
    std::string ping_result(const client::core::PingResult&) override {
        return std::string(length, 'x');
    }
    base::Nanoseconds ping_patience() override { return base::Seconds{30}; }

    static constexpr std::size_t length = std::size_t{8} << 20;
    std::uint64_t pings = 0;
};

struct NoAnswers final : NoListeners {
    std::string status() override { return "{}"; }
    std::string state() override { return "{}"; }
    std::optional<std::uint64_t> new_identity() override { return std::nullopt; }
    std::optional<std::uint64_t> ping() override { return std::nullopt; }
    std::string ping_result(const client::core::PingResult&) override { return "{}"; }
    base::Nanoseconds ping_patience() override { return base::Seconds{1}; }
};

/// While this object exists, the process can open no further file.
struct NoDescriptors {
    NoDescriptors() {
        getrlimit(RLIMIT_NOFILE, &before);
        rlimit none = before;
        // The lowest free descriptor: with a limit at this number, no further file can be opened.
        const int lowest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        ::close(lowest);
        none.rlim_cur = static_cast<rlim_t>(lowest);
        setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before); }
    rlimit before{};
};

}  // namespace

TEST_CASE("control socket of a client: without descriptors it waits, and does not spin") {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "control.sock";
    asio::io_context io{1};
    NoAnswers answers;
    node::process::TaskGroup tasks{io.get_executor(),
                                   [](const std::string&, const std::string&) {}};
    {
        client::operation::Api api{io.get_executor(), tasks, answers};
        api.listen(path);
        asio::local::stream_protocol::socket caller{io};
        caller.connect({path.string()});
        {
            const NoDescriptors none;
            // Only the pause between two tries may run.
            CHECK(io.run_for(base::Milliseconds{400}) < 40);
        }
        api.close();
        tasks.cancel();
        io.restart();
        io.run_for(base::Seconds{2});
    }
    CHECK(tasks.running() == 0);
}

TEST_CASE(
    "control socket of a client: a caller that does not read the answer to a ping is closed") {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "control.sock";
    asio::io_context io{1};
    LongAnswers answers;
    node::process::TaskGroup tasks{io.get_executor(),
                                   [](const std::string&, const std::string&) {}};
    std::size_t taken = 0;
    {
        client::operation::Api api{io.get_executor(), tasks, answers, base::Seconds{1}};
        api.listen(path);
        asio::local::stream_protocol::socket caller{io};
        caller.connect({path.string()});
        asio::write(
            caller,
            asio::buffer(std::string{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n"}));
        while (answers.pings == 0)
            io.run_one_for(base::Milliseconds{20});
        api.on_ping({.nonce = answers.pings, .round_trip = {}, .there = {}, .back = {}});
        io.run_for(base::Milliseconds{2500});
        // The bytes already in the buffers arrive, then the end of the connection.
        caller.non_blocking(true);
        boost::system::error_code error;
        for (std::string piece(65536, '\0'); !error;)
            taken += caller.read_some(asio::buffer(piece), error);
        CHECK(error == asio::error::eof);
        api.close();
        tasks.cancel();
        io.restart();
        io.run_for(base::Seconds{2});
    }
    CHECK(tasks.running() == 0);
    CHECK(taken < LongAnswers::length);
}
