#include "relay/io/unwrap_pool.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <thread>

#include "sphinx/base/random.hpp"
#include "sphinx/node/process/clocks.hpp"

using namespace nightjar;
using namespace nightjar::relay::core;
using namespace nightjar::relay::io;

namespace {

/// Packets with a key that opens them: one for a forwarding hop, one for a final hop.
class Packets {
 public:
    Packets()
        : key_{std::make_shared<MixKeyPair>(
              MixKeyPair{base::Epoch{1}, packet::generate_key_pair(random_)})},
          last_{packet::generate_key_pair(random_)} {}

    Work next(std::uint64_t delay_ns) {
        const std::array hops{packet::Hop{{}, key_->keys.public_key, delay_ns},
                              packet::Hop{{}, last_.public_key, 0}};
        const auto built =
            packet::build(packet::Version::v260, hops, {}, {}, {}, packet::payload_size,
                          packet::HeaderRandomness::draw(random_));
        REQUIRE(built.has_value());
        Work work;
        work.cell = std::make_unique<cell::Cell>(cell::Cell::packet(*built, 1));
        work.arrived = node::process::mono_now();
        work.key = key_;
        return work;
    }

 private:
    base::SeededRandom random_{1};
    std::shared_ptr<const MixKeyPair> key_;
    packet::KeyPair last_;
};

std::uint64_t delay_of(const Work& work) {
    REQUIRE(work.outcome.has_value());
    return std::get<packet::Forward>(work.outcome->what).delay_ns;
}

/// The bytes that are not zero on each stack of this process's other threads, by its address. A
/// thread's stack is the only private memory of its size. Stacks of threads that have ended may
/// be among them: the C library keeps some for the next threads.
std::map<std::uint64_t, std::size_t> left_on_other_stacks() {
    std::ifstream maps{"/proc/self/maps"};
    std::ifstream memory{"/proc/self/mem", std::ios::binary};
    std::map<std::uint64_t, std::size_t> found;
    for (std::string line; std::getline(maps, line);) {
        std::uint64_t begin = 0, end = 0;
        std::array<char, 5> rights{};
        std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, rights.data());
        const auto size = end - begin;
        if (std::string_view{rights.data()} != "rw-p" || line.find('[') != std::string::npos ||
            size < (7U << 20) || size > (9U << 20))
            continue;
        base::Bytes stack(size);
        memory.seekg(static_cast<std::streamoff>(begin));
        memory.read(reinterpret_cast<char*>(stack.data()), static_cast<std::streamsize>(size));
        found[begin] = size - static_cast<std::size_t>(std::count(stack.begin(), stack.end(), 0));
    }
    return found;
}

}  // namespace

TEST_CASE("unwrap pool: what packets left on a worker's stack is overwritten") {
    boost::asio::io_context io;
    Packets packets;
    UnwrapPool pool{io, 1, [](UnwrapPool::Batch) {}};
    for (int i = 0; i < 16; ++i) {
        auto one = packets.next(1);
        one.arrived += base::Seconds{60};
        REQUIRE(pool.submit(std::move(one), 1));
    }
    const auto work = boost::asio::make_work_guard(io);
    const auto until = [&](const std::function<bool()>& holds) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
        while (!holds() && std::chrono::steady_clock::now() < end)
            io.run_one_for(std::chrono::milliseconds{10});
        return holds();
    };
    REQUIRE(until([&] { return pool.pending() == 0; }));
    const auto left = left_on_other_stacks();
    // What stays belongs to the thread itself: some 550 of 1,160 bytes.
    const auto one_is_overwritten = [&] {
        const auto now = left_on_other_stacks();
        return std::any_of(now.begin(), now.end(), [&](const auto& stack) {
            const auto before = left.find(stack.first);
            return before != left.end() && stack.second < before->second * 3 / 4;
        });
    };
    CHECK_FALSE(one_is_overwritten());
    pool.wipe_stacks();
    CHECK(until(one_is_overwritten));
}

TEST_CASE("unwrap pool: every packet comes back once, unwrapped, on the I/O thread") {
    boost::asio::io_context io;
    Packets packets;
    const auto io_thread = std::this_thread::get_id();
    std::vector<std::uint64_t> delays;
    UnwrapPool pool{io, 2, [&](UnwrapPool::Batch batch) {
                        CHECK(std::this_thread::get_id() == io_thread);
                        CHECK(batch.size() <= UnwrapPool::batch_max);
                        for (const auto& work : batch)
                            delays.push_back(delay_of(work));
                    }};
    for (std::uint64_t i = 0; i < 300; ++i) {
        auto one = packets.next(i);
        one.arrived +=
            base::Seconds{60};  // however slow this machine is, it does not wait too long
        REQUIRE(pool.submit(std::move(one), 1));
    }
    CHECK(pool.pending() == 300);
    const auto work = boost::asio::make_work_guard(io);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (pool.pending() > 0 && std::chrono::steady_clock::now() < until)
        io.run_one_for(std::chrono::milliseconds{100});
    std::sort(delays.begin(), delays.end());
    REQUIRE(delays.size() == 300);
    for (std::uint64_t i = 0; i < 300; ++i)
        CHECK(delays[i] == i);
}

TEST_CASE("unwrap pool: the intake is bounded, and says so") {
    boost::asio::io_context io;
    Packets packets;
    const auto sample = packets.next(0);
    UnwrapPool pool{io, 1, [](UnwrapPool::Batch) {}};
    std::size_t taken = 0;
    for (std::size_t i = 0; i < UnwrapPool::intake_max + 10; ++i) {
        Work work;
        work.cell = std::make_unique<cell::Cell>(*sample.cell);
        work.key = sample.key;
        taken += pool.submit(std::move(work), 1) ? 1 : 0;
    }
    CHECK(taken == UnwrapPool::intake_max);
}

TEST_CASE("unwrap pool: a few packets need no worker") {
    for (const std::size_t count : {UnwrapPool::few, UnwrapPool::few + 1}) {
        CAPTURE(count);
        boost::asio::io_context io;
        Packets packets;
        std::size_t done = 0;
        bool here = false;  // inside the one pass of the I/O thread
        UnwrapPool pool{io, 1, [&](UnwrapPool::Batch batch) {
                            CHECK(here);
                            done += batch.size();
                        }};
        for (std::size_t i = 0; i < count; ++i)
            REQUIRE(pool.submit(packets.next(i), 1));
        here = true;
        io.run_one();
        here = false;
        CHECK(done == (count == UnwrapPool::few ? count : 0));
        CHECK(pool.pending() == count - done);
    }
}

TEST_CASE("unwrap pool: no work is spent on a packet that has waited too long") {
    // Few enough for the I/O thread, and many.
    for (const std::size_t fresh : {std::size_t{1}, std::size_t{200}}) {
        CAPTURE(fresh);
        boost::asio::io_context io;
        Packets packets;
        std::size_t done = 0;
        UnwrapPool pool{io, 1, [&](UnwrapPool::Batch batch) {
                            for (const auto& work : batch)
                                CHECK(delay_of(work) == 1);
                            done += batch.size();
                        }};
        for (std::size_t i = 0; i < fresh; ++i) {
            auto old = packets.next(0);
            old.arrived -= UnwrapPool::wait_max + base::Milliseconds{1};
            REQUIRE(pool.submit(std::move(old), 1));
            auto young = packets.next(1);
            young.arrived += base::Seconds{60};  // however slow this machine is
            REQUIRE(pool.submit(std::move(young), 1));
        }
        const auto work = boost::asio::make_work_guard(io);
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
        while (pool.pending() > 0 && std::chrono::steady_clock::now() < until)
            io.run_one_for(std::chrono::milliseconds{100});
        CHECK(done == fresh);
        CHECK(pool.take_stale() == fresh);
        CHECK(pool.take_stale() == 0);
    }
}

TEST_CASE("unwrap pool: it can be destroyed while workers are busy") {
    boost::asio::io_context io;
    Packets packets;
    bool called = false;
    {
        UnwrapPool pool{io, 2, [&](UnwrapPool::Batch) { called = true; }};
        for (std::uint64_t i = 0; i < 100; ++i)
            REQUIRE(pool.submit(packets.next(i), 1));
        io.run_one();
    }
    io.restart();
    io.run_for(std::chrono::milliseconds{200});
    CHECK(!called);
}

TEST_CASE("unwrap pool: a neighbour that floods displaces no packet of another") {
    boost::asio::io_context io;
    Packets packets;
    const auto sample = packets.next(0);
    std::size_t of_flood = 0, of_honest = 0, honest_in_first_thousand = 0;
    UnwrapPool pool{io, 1, [&](UnwrapPool::Batch batch) {
                        for (const auto& work : batch) {
                            ++(work.from_client ? of_flood : of_honest);
                            if (of_flood + of_honest <= 1000 && !work.from_client)
                                ++honest_in_first_thousand;
                        }
                    }};
    const auto submit = [&](bool flood) {
        Work work;
        work.cell = std::make_unique<cell::Cell>(*sample.cell);
        work.key = sample.key;
        work.from_client = flood;  // marks it for the test
        // However slow this machine is, it does not wait too long.
        work.arrived = std::chrono::steady_clock::now() + base::Seconds{60};
        return pool.submit(std::move(work), flood ? 1 : 2);
    };
    for (std::size_t i = 0; i < 2 * UnwrapPool::intake_max; ++i)
        submit(true);
    for (int i = 0; i < 400; ++i)
        submit(false);
    CHECK(pool.pending() == UnwrapPool::intake_max);
    const auto guard = boost::asio::make_work_guard(io);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{40};
    while (pool.pending() > 0 && std::chrono::steady_clock::now() < end)
        io.run_one_for(std::chrono::milliseconds{20});
    CHECK(of_honest == 400);
    CHECK(of_flood == UnwrapPool::intake_max - 400);
    CHECK(honest_in_first_thousand == 400);
}
