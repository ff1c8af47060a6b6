// Records leave at their times by a thread of their own, whatever the link's thread does meanwhile.
#include "sphinx/node/link/timed_writer.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "sphinx/node/process/scheduling.hpp"
#include "tests/support/recorder.hpp"
#include "tests/system/link_pair.hpp"

namespace nightjar::tests {

using namespace std::chrono_literals;
using node::link::LinkError;
using node::link::TimedWriter;

namespace {

base::Mono now() {
    return std::chrono::steady_clock::now();
}

/// Two connected sockets; the writer has the first.
struct Sockets {
    explicit Sockets(int buffer = 0) {
        tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
        near.open(tcp::v4());
        if (buffer > 0) near.set_option(asio::socket_base::send_buffer_size{buffer});
        near.connect(acceptor.local_endpoint());
        far = acceptor.accept();
        near.non_blocking(true);
        near.set_option(tcp::no_delay{true});
        writer.attach(near.native_handle());
    }

    /// One record, all its bytes `n`.
    void write(std::uint8_t n, base::Mono due, std::size_t size = 100) {
        writer.write(base::Bytes(size, n), due);
    }
    /// Reads one record and returns its bytes' value; 0 if it does not come within 10 s.
    std::uint8_t read(std::size_t size = 100) {
        base::Bytes bytes(size);
        const timeval patience{.tv_sec = 10, .tv_usec = 0};
        ::setsockopt(far.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        const auto got = ::recv(far.native_handle(), bytes.data(), size, MSG_WAITALL);
        if (got != static_cast<ssize_t>(size)) return 0;
        CHECK(std::ranges::count(bytes, bytes[0]) == static_cast<std::ptrdiff_t>(size));
        return bytes[0];
    }

    asio::io_context io;
    tcp::socket near{io};
    tcp::socket far{io};
    TimedWriter writer;  // first to go: it uses `near`
};

bool until(const std::function<bool()>& done) {
    for (const auto end = now() + 20s; !done(); std::this_thread::sleep_for(1ms))
        if (now() > end) return false;
    return true;
}

/// A pair of links whose dialing one has a writer.
struct TimedPair {
    explicit TimedPair(node::link::LinkLimits limits = patient_limits()) : pair{limits} {
        recorder = std::make_unique<Recorder>(pair.io.get_executor(),
                                              tcp::endpoint{asio::ip::address_v4::loopback(), 0},
                                              pair.address());
        tasks.spawn("dialing", dial());
        REQUIRE(pair.until([&] { return link && pair.answering.link; }));
    }
    ~TimedPair() {
        link.reset();
        pair.answering.link.reset();
        recorder->stop();
        pair.until([&] { return recorder->idle() && tasks.running() == 0; });
    }

    asio::awaitable<void> dial() {
        auto dialed =
            co_await node::link::dial(recorder->address(), identity, pair.answering.identity.key(),
                                      hello(cell::LinkRole::client), pair.limits);
        REQUIRE(dialed);
        link = std::move(*dialed);
        link->write_through(writer);
        ended = co_await link->run(got);
    }
    std::size_t arrived() const { return pair.answering.got.cells.size(); }
    std::size_t records(std::uint16_t length) const {
        return static_cast<std::size_t>(
            std::ranges::count_if(recorder->records(), [length](const Record& record) {
                return record.direction == Direction::up && record.type == 23 &&
                       record.length == length;
            }));
    }

    node::link::TlsIdentity identity{seed(2)};
    Collector got;
    TimedWriter writer;
    LinkPair pair;
    node::process::TaskGroup tasks{pair.io.get_executor(),
                                   [](const std::string&, const std::string&) {}};
    std::unique_ptr<Recorder> recorder;
    std::unique_ptr<node::link::Link> link;
    std::optional<LinkError> ended;
};

}  // namespace

TEST_CASE("short time slices leave a thread's nice value alone") {
    std::thread{[] {
        const auto self = static_cast<id_t>(::gettid());
        REQUIRE(::setpriority(PRIO_PROCESS, self, 7) == 0);
        node::process::take_short_slices();
        CHECK(::getpriority(PRIO_PROCESS, self) == 7);
    }}.join();
}

TEST_CASE("timed writer: each record leaves at its time and never before, in order") {
    Sockets sockets;
    const auto begin = now() + 1s;  // by then this thread has looked, also on a busy machine
    for (std::uint8_t n = 1; n <= 10; ++n)
        sockets.write(n, begin + n * 20ms);
    CHECK(sockets.writer.waiting() == 10);
    CHECK(sockets.writer.overdue(begin) == 0);
    for (std::uint8_t n = 1; n <= 10; ++n) {
        CHECK(sockets.read() == n);
        CHECK(now() >= begin + n * 20ms);
    }
    CHECK(now() < begin + 2s);
    REQUIRE(until([&] { return sockets.writer.waiting() == 0; }));
    CHECK(sockets.writer.detach());
}

TEST_CASE("timed writer: a record whose time has passed leaves at once, behind the earlier ones") {
    Sockets sockets;
    const auto begin = now();
    sockets.write(1, begin + 1s);
    sockets.write(2, begin - 1s);
    CHECK(sockets.writer.overdue(begin) == 1);
    CHECK(sockets.read() == 1);
    CHECK(now() >= begin + 1s);
    CHECK(sockets.read() == 2);
}

TEST_CASE("timed writer: nothing is written after detach, and the end of the thread is at once") {
    Sockets sockets;
    const auto begin = now();
    sockets.write(1, begin + 1s);
    CHECK_FALSE(sockets.writer.detach());
    REQUIRE(sockets.writer.waiting() == 0);
    sockets.writer.attach(sockets.near.native_handle());
    sockets.write(2, begin + 1100ms);
    CHECK(sockets.read() == 2);  // and not 1, which was due before
    {
        TimedWriter other;
        other.attach(sockets.near.native_handle());
        other.write(base::Bytes(100, 3), begin + 10s);
    }
    CHECK(now() < begin + 8s);
}

TEST_CASE("timed writer: a full socket delays records, and takes none away") {
    Sockets sockets{4096};
    constexpr std::size_t size = 100'000;
    constexpr std::uint8_t count = 60;  // more than both sockets' buffers hold
    const auto begin = now();
    for (std::uint8_t n = 1; n <= count; ++n)
        sockets.write(n, begin, size);
    std::this_thread::sleep_for(50ms);
    CHECK(sockets.writer.overdue(now()) > 1);
    for (std::uint8_t n = 1; n <= count; ++n)
        REQUIRE(sockets.read(size) == n);
    REQUIRE(until([&] { return sockets.writer.waiting() == 0; }));
    CHECK(sockets.writer.detach());
}

TEST_CASE("timed writer: when writing fails, the socket's reader sees the end") {
    Sockets sockets;
    sockets.far.set_option(asio::socket_base::linger{true, 0});
    sockets.far.close();  // a reset
    sockets.write(1, now());
    sockets.write(2, now() + 20ms);
    REQUIRE(until([&] { return sockets.writer.waiting() == 0; }));
    boost::system::error_code error;
    sockets.near.non_blocking(false);
    base::Bytes bytes(1);
    sockets.near.read_some(asio::buffer(bytes), error);
    CHECK(error);
    sockets.write(3, now());
    CHECK(sockets.writer.waiting() == 0);
    CHECK_FALSE(sockets.writer.detach());
}

TEST_CASE("a link with a writer keeps its cells' times while its own thread is busy") {
    TimedPair timed;
    const auto begin = now() + 1s;
    for (std::uint32_t n = 0; n < 5; ++n)
        REQUIRE(timed.link->send_at(boxed(numbered(n)), begin + (n + 1) * 20ms));
    CHECK(timed.link->queued() == 0);
    CHECK(timed.writer.waiting() > 0);
    // This thread does nothing for the link, and yet all is written.
    REQUIRE(until([&] { return timed.writer.waiting() == 0; }));
    CHECK(now() >= begin + 100ms);
    REQUIRE(timed.pair.until([&] { return timed.arrived() == 5; }));
    for (std::uint32_t n = 0; n < 5; ++n)
        CHECK(timed.pair.answering.got.cells[n].bytes()[3] == numbered(n).bytes()[3]);
}

TEST_CASE("a link with a writer renews its key in the order of its records") {
    auto limits = patient_limits();
    limits.key_update = base::Seconds{1};
    limits.key_updates_per_minute = 100;
    TimedPair timed{limits};
    std::size_t sent = 0;
    const auto begin = now();
    // A cell is always handed over and not yet due when the key changes.
    while (timed.records(22) < 2 && now() < begin + 20s) {
        if (timed.writer.waiting() < 2) {
            REQUIRE(timed.link->send_at(boxed(numbered(static_cast<std::uint32_t>(sent))),
                                        now() + 30ms));
            ++sent;
        }
        timed.pair.run_for(base::Milliseconds{5});
    }
    CHECK(timed.records(22) >= 2);
    REQUIRE(timed.pair.until([&] { return timed.arrived() == sent; }));
    CHECK_FALSE(timed.pair.answering.ended);
}

TEST_CASE("a link with a writer: what is not written when it closes never leaves") {
    TimedPair timed;
    REQUIRE(timed.link->send_at(boxed(numbered(1)), now()));
    REQUIRE(timed.pair.until([&] { return timed.arrived() == 1; }));
    bool waiting = false;
    SUBCASE("all is written") {}
    SUBCASE("a cell is not yet due") {
        waiting = true;
    }
    if (waiting) REQUIRE(timed.link->send_at(boxed(numbered(2)), now() + 1h));
    timed.link->close();
    CHECK(timed.writer.waiting() == 0);
    CHECK_FALSE(timed.link->send_at(boxed(numbered(3)), now()));
    REQUIRE(timed.pair.until([&] { return timed.pair.answering.ended && timed.ended; }));
    CHECK(*timed.pair.answering.ended == LinkError::closed);
    CHECK(timed.arrived() == 1);
    CHECK(timed.records(2433) == 2);  // the HELLO and one cell
    // A close_notify behind a record that never came could not be decrypted.
    CHECK(timed.records(19) == (waiting ? 0 : 1));
    // The writer is free for the next link.
    timed.link.reset();
    timed.pair.answering.link.reset();
    timed.tasks.spawn("dialing again", timed.dial());
    REQUIRE(timed.pair.until([&] { return timed.link && timed.pair.answering.link; }));
    REQUIRE(timed.link->send_at(boxed(numbered(4)), now()));
    CHECK(timed.pair.until([&] { return timed.arrived() == 2; }));
}

TEST_CASE("a link with a writer refuses a cell when too many wait") {
    auto limits = patient_limits();
    limits.send_queue = 4;
    TimedPair timed{limits};
    for (std::uint32_t n = 0; n < 4; ++n)
        CHECK(timed.link->send_at(boxed(numbered(n)), now() + 1h));
    CHECK_FALSE(timed.link->send_at(boxed(numbered(4)), now() + 1h));
    CHECK(timed.writer.overdue(now()) == 0);
}

}  // namespace nightjar::tests
