// What the product's threads share: the suite `threads` builds these cases with ThreadSanitizer. No
// case has a limit of time, because a sanitized build on a busy machine is slow.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <thread>
#include <vector>

#include "relay/io/unwrap_pool.hpp"
#include "relay/keys/key_store.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/node/link/timed_writer.hpp"
#include "sphinx/packet/packet.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay;

namespace {

/// A packet for a hop that forwards, and the key that opens it.
class Packets {
 public:
    core::Work next() {
        const std::array hops{packet::Hop{{}, key_->keys.public_key, 1},
                              packet::Hop{{}, last_.public_key, 0}};
        const auto built =
            packet::build(packet::Version::v260, hops, {}, {}, {}, packet::payload_size,
                          packet::HeaderRandomness::draw(random_));
        REQUIRE(built.has_value());
        core::Work work;
        work.cell = std::make_unique<cell::Cell>(cell::Cell::packet(*built, 1));
        // Far ahead, so that no packet is dropped for having waited.
        work.arrived = std::chrono::steady_clock::now() + base::Seconds{3600};
        work.key = key_;
        return work;
    }

 private:
    base::SeededRandom random_{1};
    std::shared_ptr<const core::MixKeyPair> key_ = std::make_shared<core::MixKeyPair>(
        core::MixKeyPair{base::Epoch{1}, packet::generate_key_pair(random_)});
    packet::KeyPair last_ = packet::generate_key_pair(random_);
};

}  // namespace

TEST_CASE("threads: workers unwrap what the I/O thread gives, while it uses their results") {
    boost::asio::io_context io;
    const auto guard = boost::asio::make_work_guard(io);
    Packets packets;
    std::size_t unwrapped = 0;
    io::UnwrapPool pool{io, 3, [&](io::UnwrapPool::Batch batch) {
                            for (const auto& work : batch)
                                unwrapped += work.outcome.has_value() ? 1 : 0;
                        }};
    for (int round = 0; round < 20; ++round) {
        for (std::uint64_t i = 0; i < 50; ++i)
            REQUIRE(pool.submit(packets.next(), i % 4));
        pool.workers_answered();
        while (pool.pending() > 0)
            io.run_one();
    }
    CHECK(unwrapped == 1000);
}

TEST_CASE("threads: a pool ends while its workers have packets") {
    Packets packets;
    for (int round = 0; round < 10; ++round) {
        boost::asio::io_context io;
        io::UnwrapPool pool{io, 3, [](io::UnwrapPool::Batch) {}};
        for (std::uint64_t i = 0; i < 100; ++i)
            REQUIRE(pool.submit(packets.next(), i % 4));
        io.poll();
    }
}

TEST_CASE("threads: filters are made, grow and are wiped beside the I/O thread") {
    const test::TemporaryFolder folder;
    constexpr std::uint64_t made_for = 1'000'000;
    base::SeededRandom random{2};
    keys::KeyStore store{folder.path(), base::Seconds{3600}, made_for};
    for (std::uint32_t epoch = 7; epoch < 10; ++epoch) {
        store.prepare();
        auto taken = store.take(base::Epoch{epoch});
        // More tags than the first part holds, so the thread makes the next one meanwhile.
        for (int i = 0; i < 240'000; ++i)
            taken.seen->insert(random.id<packet::ReplayTag>());
        taken = {};
        store.wipe(base::Epoch{epoch});
    }
    store.finish_wiping();
    CHECK(store.epochs().empty());
}

TEST_CASE("threads: a writer writes while its owner hands over, asks and takes the socket back") {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
    constexpr std::size_t records = 2000;
    constexpr std::size_t size = 100;
    std::size_t right = 0;
    std::thread reader{[&] {
        std::array<std::uint8_t, size> record{};
        for (std::size_t i = 0; i < records; ++i)
            if (::recv(ends[1], record.data(), size, MSG_WAITALL) == size)
                right += record[0] == static_cast<std::uint8_t>(i) ? 1 : 0;
    }};
    {
        node::link::TimedWriter writer;
        writer.attach(ends[0]);
        for (std::size_t i = 0; i < records; ++i) {
            const auto now = std::chrono::steady_clock::now();
            writer.write(base::Bytes(size, static_cast<std::uint8_t>(i)),
                         now + std::chrono::microseconds{i % 5 * 100});
            // Often, because a race shows only where the two threads meet.
            for (int asked = 0; asked < 10; ++asked)
                writer.overdue(now);
        }
        while (writer.waiting() > 0)
            for (int asked = 0; asked < 10; ++asked)
                writer.overdue({});
        CHECK(writer.detach());
    }
    reader.join();
    CHECK(right == records);
    ::close(ends[0]);
    ::close(ends[1]);
}
