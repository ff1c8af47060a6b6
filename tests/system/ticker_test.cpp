#include "relay/io/ticker.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <set>
#include <vector>

using namespace nightjar;
using namespace nightjar::relay::io;
using namespace std::chrono_literals;

namespace {

base::Mono now() {
    return std::chrono::steady_clock::now();
}

/// Due times, and the times at which the ticker fired for them.
struct Work {
    boost::asio::io_context io;
    std::multiset<base::Mono> due;
    std::vector<base::Mono> rings;
    std::vector<base::Nanoseconds> late;
    Ticker ticker{io.get_executor(),
                  [this] { return due.empty() ? base::Mono::max() : *due.begin(); },
                  [this](base::Mono at) {
                      rings.push_back(at);
                      while (!due.empty() && *due.begin() <= at) {
                          late.push_back(at - *due.begin());
                          due.erase(due.begin());
                      }
                  }};
};

}  // namespace

TEST_CASE("ticker: what is due is done within a millisecond or little more, never early") {
    Work work;
    const auto start = now();
    for (int i = 0; i < 100; ++i)
        work.due.insert(start + i * 700us);
    work.ticker.arm();
    work.io.run_for(300ms);
    REQUIRE(work.late.size() == 100);
    // Items due in the same millisecond share a ring, so 70 ms need about 70 rings.
    CHECK(work.rings.size() <= 75);
    std::size_t punctual = 0;
    for (const auto late : work.late) {
        CHECK(late >= 0ns);
        punctual += late < 3ms ? 1 : 0;
    }
    CHECK(punctual >= 80);  // the rest may be late because the machine is shared
}

TEST_CASE("ticker: two rings never share a millisecond") {
    Work work;
    const auto start = now();
    for (int i = 0; i < 2000; ++i)
        work.due.insert(start + i * 50us);
    work.ticker.arm();
    work.io.run_for(400ms);
    REQUIRE(work.due.empty());
    std::set<std::int64_t> milliseconds;
    for (const auto ring : work.rings)
        CHECK(milliseconds.insert(ring.time_since_epoch() / 1ms).second);
}

TEST_CASE("ticker: idle, it sleeps") {
    Work work;
    work.due.insert(now() + 10s);
    work.ticker.arm();
    work.io.run_for(200ms);
    CHECK(work.rings.empty());
    work.due.clear();
    work.ticker.stop();
    work.io.restart();
    work.io.run_for(1s);
    CHECK(work.io.stopped());
}

TEST_CASE("ticker: something earlier brings the ring forward, and loses nothing") {
    Work work;
    const auto start = now();
    work.due.insert(start + 150ms);
    work.ticker.arm();
    boost::asio::post(work.io, [&] {
        work.due.insert(start + 20ms);
        work.ticker.arm();
    });
    work.io.run_for(100ms);
    REQUIRE(work.rings.size() == 1);
    CHECK(work.rings[0] - start < 100ms);
    work.io.restart();
    work.io.run_for(150ms);
    CHECK(work.due.empty());
}
