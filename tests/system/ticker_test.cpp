#include "relay/io/ticker.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
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
    /// Runs until the condition holds. False if it does not within 20 seconds.
    bool until(const std::function<bool()>& holds) {
        const auto end = now() + 20s;
        while (!holds() && now() < end) {
            io.restart();
            io.run_one_for(20ms);
        }
        return holds();
    }

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

/// A timer of the library alone, on the thread of the ticker: how late the machine makes both.
struct Control {
    Control(Work& work, base::Mono start, std::size_t count, base::Nanoseconds gap)
        : start_{start}, count_{count}, gap_{gap}, timer_{work.io} {
        arm();
    }
    std::vector<base::Nanoseconds> late;

 private:
    base::Mono due() const { return start_ + static_cast<std::int64_t>(late.size()) * gap_; }
    void arm() {
        timer_.expires_at(due());
        timer_.async_wait([this](boost::system::error_code) {
            late.push_back(now() - due());
            if (late.size() < count_) arm();
        });
    }

    base::Mono start_;
    std::size_t count_;
    base::Nanoseconds gap_;
    boost::asio::steady_timer timer_;
};

}  // namespace

TEST_CASE("ticker: what is due is done within a millisecond or little more, never early") {
    Work work;
    const auto start = now();
    for (int i = 0; i < 100; ++i)
        work.due.insert(start + i * 700us);
    work.ticker.arm();
    Control control{work, start, 100, 700us};
    REQUIRE(work.until([&] { return work.due.empty() && control.late.size() == 100; }));
    REQUIRE(work.late.size() == 100);
    // Items due in the same millisecond share a ring, so 70 ms need about 70 rings.
    CHECK(work.rings.size() <= 75);
    std::size_t punctual = 0;
    for (std::size_t i = 0; i < 100; ++i) {
        CHECK(work.late[i] >= 0ns);
        punctual += work.late[i] < control.late[i] + 3ms ? 1 : 0;
    }
    CHECK(punctual >= 80);  // the machine may stop this thread between the two
}

TEST_CASE("ticker: two rings never share a millisecond") {
    Work work;
    const auto start = now();
    for (int i = 0; i < 2000; ++i)
        work.due.insert(start + i * 50us);
    work.ticker.arm();
    REQUIRE(work.until([&] { return work.due.empty(); }));
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
    work.due.insert(start + 2s);
    work.ticker.arm();
    boost::asio::post(work.io, [&] {
        work.due.insert(start + 20ms);
        work.ticker.arm();
    });
    REQUIRE(work.until([&] { return !work.rings.empty(); }));
    CHECK(work.rings.front() - start < 2s);
    CHECK(work.until([&] { return work.due.empty(); }));
}
