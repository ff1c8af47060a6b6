// nightjar-liar FOLDER: takes the place of the authority in FOLDER and lies until SIGTERM. For the
// demo and tests only.
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <exception>

#include "tests/support/lying_authority.hpp"

int main(int argc, char** argv) {
    using namespace nightjar;
    if (argc != 2) {
        std::fprintf(stderr, "usage: nightjar-liar FOLDER\n");
        return 1;
    }
    try {
        boost::asio::io_context io{1};
        node::process::TaskGroup tasks{io.get_executor(),
                                       [](const std::string&, const std::string&) {}};
        test::LyingAuthority liar{io.get_executor(), tasks, argv[1]};
        boost::asio::signal_set ending{io, SIGINT, SIGTERM};
        ending.async_wait([&tasks](const auto&, int) { tasks.cancel(); });
        std::printf("nightjar-liar ready\n");
        std::fflush(stdout);
        io.run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "nightjar-liar: %s\n", error.what());
        return 1;
    }
    return 0;
}
