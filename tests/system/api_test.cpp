#include "client/api.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>

#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
namespace asio = boost::asio;

namespace {

struct NoAnswers final : client::ApiAnswers {
    std::string status_line() override { return "{}\n"; }
    std::optional<std::uint64_t> ping() override { return std::nullopt; }
    std::string ping_line(const client::PingResult&) override { return "{}\n"; }
    base::Nanoseconds ping_patience() override { return base::Seconds{1}; }
};

/// While it lives, this process can open no further file.
struct NoDescriptors {
    NoDescriptors() {
        getrlimit(RLIMIT_NOFILE, &before);
        rlimit none = before;
        // The lowest number that is free: beyond it nothing can be opened.
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
    node::TaskGroup tasks{io.get_executor(), [](const std::string&, const std::string&) {}};
    {
        client::Api api{io.get_executor(), tasks, answers};
        api.listen(path);
        asio::local::stream_protocol::socket caller{io};
        caller.connect({path.string()});
        {
            const NoDescriptors none;
            // The deadlines' timer rings ten times a second; nothing else has anything to do.
            CHECK(io.run_for(base::Milliseconds{400}) < 40);
        }
        api.close();
        tasks.cancel();
        io.restart();
        io.run_for(base::Seconds{2});
    }
    CHECK(tasks.running() == 0);
}
