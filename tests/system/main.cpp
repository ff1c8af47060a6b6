#include <doctest/doctest.h>

#include <csignal>

int main(int argc, char** argv) {
    // The tests' raw peers write to sockets that the other side has closed, as expected.
    std::signal(SIGPIPE, SIG_IGN);
    doctest::Context context{argc, argv};
    return context.run();
}
