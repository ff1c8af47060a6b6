// How a process ends: its tasks, the order of its steps, signals, and the protection of its memory.
#include "sphinx/node/process/shutdown.hpp"

#include <doctest/doctest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "sphinx/node/process/process.hpp"

namespace nightjar::tests {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

using Trace = std::vector<std::string>;

/// For a step that ends in its time, however slow the machine is.
constexpr milliseconds patience{20'000};

asio::awaitable<void> pause(Trace* trace, std::string name, milliseconds time) {
    asio::steady_timer timer{co_await asio::this_coro::executor, time};
    co_await timer.async_wait(asio::use_awaitable);
    trace->push_back(std::move(name));
}

asio::awaitable<void> fail() {
    asio::steady_timer timer{co_await asio::this_coro::executor, milliseconds{1}};
    co_await timer.async_wait(asio::use_awaitable);
    throw std::runtime_error{"broke"};
}

bool run_until(asio::io_context& io, const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!holds() && std::chrono::steady_clock::now() < end) {
        io.restart();
        io.run_one_for(milliseconds{20});
    }
    return holds();
}

node::process::Shutdown::Step step(Trace* trace, std::string name, milliseconds time) {
    return [=] { return pause(trace, name, time); };
}

struct Stopping {
    asio::io_context io{1};
    Trace trace;
    node::process::Shutdown shutdown{io.get_executor()};
    node::process::TaskGroup tasks{io.get_executor(),
                                   [](const auto&, const auto&) { CHECK(false); }};

    Stopping() { tasks.spawn("shutdown", shutdown.run()); }
    /// Runs until the condition holds. False if it does not within 20 seconds.
    bool until(const std::function<bool()>& holds) { return run_until(io, holds); }
};

}  // namespace

TEST_CASE("a signal runs the steps one after the other, in their order") {
    for (const int signal : {SIGTERM, SIGINT}) {
        Stopping process;
        process.shutdown.add("first", patience, step(&process.trace, "1", milliseconds{30}));
        process.shutdown.add("second", patience, step(&process.trace, "2", milliseconds{1}));
        process.shutdown.add("third", patience, step(&process.trace, "3", milliseconds{10}));
        process.io.run_for(milliseconds{20});
        CHECK_FALSE(process.shutdown.requested());
        std::raise(signal);
        process.io.run();  // returns, because no task waits for a signal any more
        CHECK(process.trace == Trace{"1", "2", "3"});
        CHECK(process.shutdown.overran().empty());
    }
}

TEST_CASE("a step that does not end in its time is cancelled, and the next one runs") {
    Stopping process;
    process.shutdown.add("slow", milliseconds{30},
                         step(&process.trace, "slow", milliseconds{60'000}));
    process.shutdown.add("broken", patience, [] { return fail(); });
    process.shutdown.add("last", patience, step(&process.trace, "last", milliseconds{1}));
    process.shutdown.request();
    process.shutdown.request();
    const auto start = std::chrono::steady_clock::now();
    process.io.run();
    CHECK(std::chrono::steady_clock::now() - start < milliseconds{2000});
    CHECK(process.trace == Trace{"last"});
    CHECK(process.shutdown.overran() == std::vector<std::string>{"slow", "broken"});
}

TEST_CASE("SIGHUP is a callback until the process ends") {
    Stopping process;
    int hangups = 0;
    process.shutdown.on_hangup([&] { ++hangups; });
    bool begun = false;
    process.shutdown.add("step", patience, [&] {
        begun = true;
        return pause(&process.trace, "1", milliseconds{50});
    });
    for (int i = 0; i < 3; ++i) {
        std::raise(SIGHUP);
        CHECK(process.until([&] { return hangups == i + 1; }));
    }
    process.shutdown.request();
    CHECK(process.until([&] { return begun; }));
    std::raise(SIGHUP);
    process.io.run();
    CHECK(hangups == 3);
    CHECK(process.trace == Trace{"1"});
}

TEST_CASE("a second signal leaves at once, after the keys are wiped") {
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        Stopping process;
        process.shutdown.on_abort([&] { (void)!::write(pipe_ends[1], "w", 1); });
        process.shutdown.add("endless", milliseconds{60'000},
                             step(&process.trace, "1", milliseconds{60'000}));
        std::raise(SIGTERM);
        process.io.run_for(milliseconds{20});
        std::raise(SIGTERM);
        process.io.run_for(milliseconds{10'000});
        ::_exit(99);  // it was still there
    }
    ::close(pipe_ends[1]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 1);
    char wiped = 0;
    CHECK(::read(pipe_ends[0], &wiped, 1) == 1);
    CHECK(wiped == 'w');
    ::close(pipe_ends[0]);
}

namespace {

/// A step that goes on for a moment when a signal has come.
asio::awaitable<void> pause_behind_a_signal(Stopping& process) {
    for (;;) {
        asio::steady_timer timer{co_await asio::this_coro::executor, milliseconds{1}};
        co_await timer.async_wait(asio::use_awaitable);
        if (process.shutdown.signalled()) break;
    }
    co_await pause(&process.trace, "1", milliseconds{40});
}

}  // namespace

TEST_CASE("a first signal after a request does not cut the steps short") {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        Stopping process;
        bool begun = false;
        process.shutdown.add("step", patience, [&] {
            begun = true;
            return pause_behind_a_signal(process);
        });
        process.shutdown.request();
        const bool before = !process.until([&] { return begun; }) || process.shutdown.signalled();
        std::raise(SIGTERM);
        process.io.run();
        ::_exit(!before && process.shutdown.signalled() && process.trace == Trace{"1"} ? 0 : 2);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a task group names the task that failed; a cancelled task is no failure") {
    asio::io_context io{1};
    Trace trace;
    Trace failures;
    node::process::TaskGroup tasks{io.get_executor(),
                                   [&](const std::string& task, const std::string& what) {
                                       failures.push_back(task + ": " + what);
                                   }};
    tasks.spawn("good", pause(&trace, "good", milliseconds{5}));
    tasks.spawn("bad", fail());
    const auto one = tasks.spawn("one", pause(&trace, "one", milliseconds{60'000}));
    tasks.spawn("other", pause(&trace, "other", milliseconds{60'000}));
    CHECK(tasks.running() == 4);
    CHECK(run_until(io, [&] { return tasks.running() == 2; }));
    CHECK(trace == Trace{"good"});
    CHECK(failures == Trace{"bad: broke"});
    tasks.cancel(one);
    tasks.cancel(one);
    CHECK(run_until(io, [&] { return tasks.running() == 1; }));
    tasks.spawn("never started", pause(&trace, "never", milliseconds{60'000}));
    tasks.cancel();
    io.restart();
    io.run();
    CHECK(tasks.running() == 0);
    CHECK(trace == Trace{"good"});
    CHECK(failures == Trace{"bad: broke"});
}

TEST_CASE("a hardened process dumps no core and hides its memory from other processes") {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        node::process::harden_process();
        rlimit core{1, 1};
        ::getrlimit(RLIMIT_CORE, &core);
        const bool good =
            core.rlim_cur == 0 && core.rlim_max == 0 && ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
        ::_exit(good ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace nightjar::tests
