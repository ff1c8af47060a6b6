#include "sphinx/node/process/event.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>
#include <string>
#include <vector>

#include "sphinx/node/process/task_group.hpp"

using namespace nightjar;
using node::process::Event;
namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

/// Records what each wait returned: "set", "late" or "cancelled".
struct Waiting {
    asio::io_context io{1};
    Event event{io.get_executor()};
    std::vector<std::string> seen;
    node::process::TaskGroup tasks{io.get_executor(),
                                   [](const auto&, const auto&) { CHECK(false); }};

    /// A failed check may have left a task waiting.
    ~Waiting() {
        tasks.cancel();
        run();
    }
    asio::awaitable<void> wait(int times) {
        try {
            for (int i = 0; i < times; ++i) {
                co_await event.wait();
                seen.push_back("set");
            }
        } catch (const boost::system::system_error& error) {
            CHECK(error.code() == asio::error::operation_aborted);
            seen.push_back("cancelled");
        }
    }
    asio::awaitable<void> wait_for(milliseconds bound) {
        const bool in_time = co_await event.wait_for(bound);
        seen.push_back(in_time ? "set" : "late");
    }
    void run() {
        io.restart();
        io.run_for(milliseconds{5});
    }
};

using Seen = std::vector<std::string>;

}  // namespace

TEST_CASE("event: a set before the wait is not lost, and wakes one wait only") {
    Waiting w;
    w.event.set();
    w.event.set();
    w.tasks.spawn("waits", w.wait(2));
    w.run();
    CHECK(w.seen == Seen{"set"});
    w.event.set();
    w.run();
    CHECK(w.seen == Seen{"set", "set"});
    CHECK(w.tasks.running() == 0);
}

TEST_CASE("event: a set while the coroutine is about to wake is kept for its next wait") {
    Waiting w;
    w.tasks.spawn("waits", w.wait(3));
    w.run();
    w.event.set();
    w.event.set();  // the same bit
    w.run();
    CHECK(w.seen == Seen{"set"});
    w.event.set();
    w.run();
    CHECK(w.seen == Seen{"set", "set"});
    w.tasks.cancel();
    w.run();
}

TEST_CASE("event: a bounded wait ends at its bound, and the next one waits anew") {
    Waiting w;
    w.tasks.spawn("waits", w.wait_for(milliseconds{1}));
    w.io.run();
    CHECK(w.seen == Seen{"late"});
    w.tasks.spawn("waits", w.wait_for(milliseconds{60'000}));
    w.run();
    CHECK(w.seen == Seen{"late"});
    w.event.set();
    w.run();
    CHECK(w.seen == Seen{"late", "set"});
    // A bound that has passed leaves nothing behind for an unbounded wait.
    w.tasks.spawn("waits", w.wait(1));
    w.run();
    CHECK(w.seen == Seen{"late", "set"});
    w.tasks.cancel();
    w.run();
}

TEST_CASE("event: a cancelled wait ends as Asio's operations do; a set that came first wins") {
    Waiting w;
    w.tasks.spawn("waits", w.wait(1));
    w.run();
    w.tasks.cancel();
    w.run();
    CHECK(w.seen == Seen{"cancelled"});
    w.tasks.spawn("waits", w.wait(1));
    w.run();
    w.event.set();
    w.tasks.cancel();
    w.run();
    CHECK(w.seen == Seen{"cancelled", "set"});
    CHECK(w.tasks.running() == 0);
}
