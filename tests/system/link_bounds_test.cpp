// The bounds of links and listeners: queues, handshakes, descriptors, tasks.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <chrono>
#include <filesystem>
#include <vector>

#include "sphinx/node/link/link_impl.hpp"
#include "tests/support/own_time.hpp"
#include "tests/system/link_pair.hpp"
#include "tests/system/raw_peer.hpp"

namespace nightjar::tests {

using node::link::LinkError;

namespace {

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"})
        ++count;
    return count;
}

}  // namespace

TEST_CASE("link: a queued cell is the very object that was given, not a copy") {
    asio::io_context io;
    node::link::TlsIdentity identity{seed(1)};
    const auto impl = std::make_shared<node::link::Link::Impl>(tcp::socket{io}, identity,
                                                               std::nullopt, patient_limits());
    node::link::Link link{impl};
    auto cell = boxed(numbered(1));
    const auto* given = cell.get();
    REQUIRE(link.send(std::move(cell)));
    const auto queued = impl->queue.try_pop();
    REQUIRE(queued);
    CHECK(queued->get() == given);
}

TEST_CASE("a full queue refuses at once and blocks no other task") {
    node::link::LinkLimits limits = patient_limits();
    limits.send_queue = 8;
    LinkPair pair{limits};
    REQUIRE(pair.connect());
    const test::OwnTime own;
    for (std::uint32_t n = 0; n < 8; ++n)
        CHECK(pair.dialing.link->send(boxed(numbered(n))));
    CHECK_FALSE(pair.dialing.link->send(boxed(numbered(8))));
    CHECK(pair.dialing.link->queued() == 8);
    CHECK(own.passed() < base::Milliseconds{100});
    REQUIRE(pair.until([&] { return pair.answering.got.cells.size() == 8; }));
    CHECK(pair.dialing.link->queued() == 0);
    CHECK(pair.dialing.link->send(boxed(numbered(9))));
    REQUIRE(pair.until([&] { return pair.answering.got.cells.size() == 9; }));
}

TEST_CASE("a peer that does not read costs a bounded queue and then lost cells, but no waiting") {
    node::link::LinkLimits limits = patient_limits();
    limits.send_queue = 32;
    LinkPair pair{limits};
    std::optional<RawTls> peer;
    pair.beside([&] {
        peer.emplace(pair.address());
        peer->write(cell::encode(hello(cell::LinkRole::client)));
        CHECK(peer->read().size() == cell::cell_size);
    });
    REQUIRE(pair.until([&] { return pair.answering.link != nullptr; }));
    // The peer stops reading: the kernel's buffers fill up, then the queue.
    std::size_t refused = 0;
    for (int i = 0; i < 20'000 && refused < 1000; ++i) {
        if (!pair.answering.link->send(boxed(numbered(1)))) ++refused;
        pair.io.restart();
        pair.io.poll();
    }
    CHECK(refused == 1000);
    CHECK(pair.answering.link->queued() == 32);
    CHECK_FALSE(pair.answering.ended);
    pair.answering.link->close();
    REQUIRE(pair.until([&] { return pair.answering.ended.has_value(); }));
}

TEST_CASE("link: the kernel takes few cells of a relay whose neighbour reads nothing") {
    node::link::LinkLimits limits = patient_limits();
    limits.send_queue = 32;
    limits.unsent_relay = 64 * 1024;
    LinkPair pair{limits};
    std::optional<RawTls> peer;
    pair.beside([&] {
        peer.emplace(pair.address());
        peer->write(cell::encode(hello(cell::LinkRole::relay)));
        CHECK(peer->read().size() == cell::cell_size);
    });
    REQUIRE(pair.until([&] { return pair.answering.link != nullptr; }));
    std::size_t taken = 0;
    const auto end = std::chrono::steady_clock::now() + base::Seconds{1};
    while (std::chrono::steady_clock::now() < end) {
        taken += pair.answering.link->send(boxed(numbered(1))) ? 1 : 0;
        pair.io.restart();
        pair.io.poll();
    }
    // 32 in the queue, 27 and one write in the kernel, and what the peer's kernel takes.
    CHECK(taken > 60);
    CHECK(taken < 400);
    MESSAGE(taken << " cells were taken");
    CHECK_FALSE(pair.answering.ended);
}

TEST_CASE("link: an end whose bytes do not leave ends in its time, one whose bytes leave lives") {
    node::link::LinkLimits limits = patient_limits();
    limits.stuck_client = base::Milliseconds{1500};
    LinkPair pair{limits};
    std::optional<RawTls> peer;
    pair.beside([&] {
        peer.emplace(pair.address());
        peer->write(cell::encode(hello(cell::LinkRole::client)));
        CHECK(peer->read().size() == cell::cell_size);
    });
    REQUIRE(pair.until([&] { return pair.answering.link != nullptr; }));
    pair.answering.link->bound_unsent(64 * cell::cell_size);
    const auto fill = [&] {
        while (pair.answering.link->send(boxed(numbered(1)))) {
        }
        pair.run_for(base::Milliseconds{1});
    };
    // A peer that reads something often in each deadline keeps its link.
    for (int i = 0; i < 12; ++i) {
        fill();
        pair.beside([&] {
            for (int n = 0; n < 200; ++n)
                CHECK(peer->read().size() == cell::cell_size);
        });
        pair.run_for(base::Milliseconds{150});
        REQUIRE_FALSE(pair.answering.ended);
    }
    const auto start = std::chrono::steady_clock::now();
    fill();
    REQUIRE(
        pair.until([&] { return pair.answering.ended.has_value(); }, base::Milliseconds{15'000}));
    CHECK(node::link::to_string(*pair.answering.ended) == std::string{"stuck"});
    CHECK(std::chrono::steady_clock::now() - start < base::Milliseconds{12'000});
}

TEST_CASE("descriptors and tasks are back where they were after 200 links") {
    LinkPair pair;
    REQUIRE(pair.connect());
    pair.dialing.link->close();
    REQUIRE(pair.until([&] { return pair.answering.ended && pair.dialing.ended; }));
    pair.run_for(base::Milliseconds{200});
    const std::size_t descriptors = open_descriptors();
    const std::size_t tasks = pair.tasks.running();
    for (int i = 0; i < 200; ++i) {
        REQUIRE(pair.connect());
        // The links end in turn by close(), by destruction, and by destruction with queued cells.
        if (i % 3 == 0) pair.dialing.link->close();
        if (i % 3 == 2) pair.answering.link->send(boxed(numbered(1)));
        if (i % 3 != 0) pair.answering.link.reset();
        REQUIRE(pair.until([&] { return pair.answering.ended && pair.dialing.ended; }));
    }
    const auto as_before = [&] {
        return open_descriptors() == descriptors && pair.tasks.running() == tasks;
    };
    CHECK(pair.until(as_before));
    CHECK(pair.listener().counts().answered == 201);
    CHECK(pair.failures.empty());
}

namespace {

/// Loopback addresses of different networks of 24 bits.
std::string source(int n) {
    return "127.1." + std::to_string(n) + ".1";
}

/// Peers that connect and say nothing, `each` from each source.
std::vector<RawTcp> silent_peers(const LinkPair& pair, int sources, int each) {
    std::vector<RawTcp> peers;
    for (int n = 0; n < sources; ++n)
        for (int i = 0; i < each; ++i)
            peers.emplace_back(pair.address(), source(n).c_str());
    return peers;
}

}  // namespace

TEST_CASE("listener: silent connections from any number of sources keep no handshake out") {
    LinkPair pair{patient_limits(), {.silent = 128, .speaking = 4}};
    const auto flood = silent_peers(pair, 33, 8);
    REQUIRE(pair.until([&] { return pair.listener().counts().evicted == 33 * 8 - 128; }));
    // Who loses its place has not failed: each handshake counts once.
    const auto& counts = pair.listener().counts();
    CHECK(counts.failures.of(LinkError::handshake) + counts.failures.of(LinkError::closed) == 0);
    for (int i = 0; i < 10; ++i)
        REQUIRE(pair.connect());
}

TEST_CASE("listener: a full pool takes from the source that has most, not from others") {
    LinkPair pair{patient_limits(), {.silent = 8}};
    auto light = silent_peers(pair, 1, 2);
    REQUIRE(pair.until([&] { return pair.listener().handshakes() == 2; }));
    std::vector<RawTcp> heavy;
    for (int i = 0; i < 40; ++i)
        heavy.emplace_back(pair.address(), "127.0.0.2");
    REQUIRE(pair.until([&] { return pair.listener().counts().evicted == 34; }));
    CHECK(pair.until([&] { return pair.listener().handshakes() == 8; }));
    pair.beside([&] {
        for (auto& peer : light)
            CHECK_FALSE(peer.until_closed(base::Milliseconds{100}).has_value());
    });
    // When they leave, their places are free again.
    heavy.clear();
    light.clear();
    CHECK(pair.until([&] { return pair.listener().handshakes() == 0; }));
}

TEST_CASE("listener: silence ends after its own deadline, and speaking gets the longer one") {
    auto limits = patient_limits();
    limits.first_message = base::Milliseconds{1000};
    LinkPair pair{limits};
    std::optional<base::Bytes> answer;
    const auto start = std::chrono::steady_clock::now();
    pair.beside([&] {
        RawTcp silent{pair.address()};
        answer = silent.until_closed(base::Milliseconds{15'000});
    });
    CHECK(answer.has_value());
    const auto took = std::chrono::steady_clock::now() - start;
    CHECK(took >= base::Milliseconds{1000});
    CHECK(took < base::Milliseconds{10'000});
    pair.beside([&] {
        RawTcp half{pair.address()};
        half.send(tls_offer(TLS1_3_VERSION));
        CHECK_FALSE(half.until_closed(base::Milliseconds{2000}).has_value());
    });
}

TEST_CASE("listener: a peer that has spoken loses no place to silent ones") {
    LinkPair pair{patient_limits(), {.silent = 4, .speaking = 4}};
    RawTcp spoken{pair.address(), "127.0.0.2"};
    pair.beside([&] { spoken.send(tls_offer(TLS1_3_VERSION)); });
    pair.run_for(base::Milliseconds{200});
    std::vector<RawTcp> flood;  // of the same source
    for (int i = 0; i < 40; ++i)
        flood.emplace_back(pair.address(), "127.0.0.2");
    REQUIRE(pair.until([&] { return pair.listener().counts().evicted == 36; }));
    pair.beside([&] { CHECK_FALSE(spoken.until_closed(base::Milliseconds{300}).has_value()); });
    // Nor to those of its own kind that have most.
    std::vector<RawTcp> talkers;
    pair.beside([&] {
        for (int i = 0; i < 12; ++i) {
            talkers.emplace_back(pair.address(), "127.0.9.9");
            talkers.back().send(tls_offer(TLS1_3_VERSION));
        }
    });
    pair.run_for(base::Milliseconds{300});
    pair.beside([&] { CHECK_FALSE(spoken.until_closed(base::Milliseconds{300}).has_value()); });
}

TEST_CASE("listener: a listed relay's address has places that no stranger takes") {
    LinkPair pair{patient_limits(),
                  {.silent = 4, .known = 4, .rate = {1, 4}, .limit_loopback = true}};
    pair.listener().know({base::IpAddress::parse("127.0.0.3").value()});
    RawTcp relay{pair.address(), "127.0.0.3"};
    const auto flood = silent_peers(pair, 8, 4);
    REQUIRE(pair.until([&] { return pair.listener().counts().evicted == 28; }));
    pair.beside([&] { CHECK_FALSE(relay.until_closed(base::Milliseconds{300}).has_value()); });
    // It may come as often as it likes.
    for (int i = 0; i < 20; ++i)
        RawTcp{pair.address(), "127.0.0.3"};
    pair.run_for(base::Milliseconds{200});
    CHECK(pair.listener().counts().rate_limited == 0);
}

TEST_CASE("listener: a source that connects too often is closed at once; loopback is exempt") {
    LinkPair pair{patient_limits(), {.rate = {0.01, 4}, .limit_loopback = true}};
    const auto flood = silent_peers(pair, 1, 20);
    REQUIRE(pair.until([&] { return pair.listener().counts().rate_limited == 16; }));
    CHECK(pair.until([&] { return pair.listener().handshakes() == 4; }));
    REQUIRE(pair.connect());

    LinkPair exempt{patient_limits(), {.rate = {0.01, 4}}};
    const auto many = silent_peers(exempt, 1, 20);
    REQUIRE(exempt.until([&] { return exempt.listener().handshakes() == 20; }));
    CHECK(exempt.listener().counts().rate_limited == 0);
}

TEST_CASE("without descriptors the listener waits, and serves again when there are some") {
    LinkPair pair;
    REQUIRE(pair.connect());
    RawTcp waiting{pair.address()};
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    rlimit none = before;
    none.rlim_cur = 1;  // below the number of open files: every further accept() fails
    setrlimit(RLIMIT_NOFILE, &none);
    const bool paused = pair.until([&] { return pair.listener().counts().out_of_resources >= 2; });
    pair.dialing.link->send(boxed(numbered(1)));
    const bool alive = pair.until([&] { return pair.answering.got.cells.size() == 1; });
    pair.run_for(base::Milliseconds{300});
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK(paused);
    CHECK(alive);
    CHECK(pair.listener().counts().out_of_resources < 10);  // a pause, not a busy loop
    CHECK(pair.connect());
}

}  // namespace nightjar::tests
