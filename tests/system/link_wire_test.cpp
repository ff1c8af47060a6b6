// What an observer sees of a link on the wire, and what an attacker on the wire can do to it.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include "tests/support/recorder.hpp"
#include "tests/system/link_pair.hpp"

namespace nightjar::tests {

using node::link::LinkError;

namespace {

constexpr std::size_t cell_on_wire = 5 + 2433;

// A link whose bytes pass through a recorder.
struct Watched {
    explicit Watched(node::link::LinkLimits limits = patient_limits()) : pair{limits} {
        recorder = std::make_unique<Recorder>(pair.io.get_executor(),
                                              tcp::endpoint{asio::ip::address_v4::loopback(), 0},
                                              pair.address());
    }
    ~Watched() {
        pair.dialing.link.reset();
        pair.answering.link.reset();
        recorder->stop();
        pair.until([&] { return recorder->idle(); });
    }

    bool connect(cell::LinkRole role = cell::LinkRole::client) {
        pair.dial(recorder->address(), pair.answering.identity.key(), hello(role));
        return pair.until([&] { return pair.answering.link && pair.dialing.link; });
    }

    // The number of records of each length since the HELLO, the first record with a cell's length.
    std::map<int, int> lengths(Direction direction) const {
        std::map<int, int> count;
        bool established = false;
        for (const Record& record : recorder->records()) {
            if (record.direction != direction) continue;
            established = established || record.length == 2433;
            if (!established) continue;
            CHECK(record.type == 23);
            ++count[record.length];
        }
        return count;
    }

    // The number of records in one direction before its HELLO.
    std::size_t handshake_records(Direction direction) const {
        std::size_t count = 0;
        for (const Record& record : recorder->records()) {
            if (record.direction != direction) continue;
            if (record.length == 2433) break;
            ++count;
        }
        return count;
    }

    LinkPair pair;
    std::unique_ptr<Recorder> recorder;
};

}  // namespace

TEST_CASE("after the handshake there are only cells, one record each, however many leave at once") {
    Watched watched;
    LinkPair& pair = watched.pair;
    REQUIRE(watched.connect());
    std::size_t sent = 0;
    for (const std::size_t burst : {1, 2, 3, 16, 16, 17, 100}) {
        for (std::size_t i = 0; i < burst; ++i, ++sent) {
            REQUIRE(pair.dialing.link->send(boxed(numbered(static_cast<std::uint32_t>(sent)))));
            REQUIRE(pair.answering.link->send(boxed(numbered(static_cast<std::uint32_t>(sent)))));
        }
        REQUIRE(pair.until([&] {
            return pair.answering.got.cells.size() == sent && pair.dialing.got.cells.size() == sent;
        }));
    }
    // 16 cells are due together: 16 records in one system call.
    CHECK(watched.recorder->largest_read(Direction::up) >= 16 * cell_on_wire);
    CHECK(watched.recorder->largest_read(Direction::down) >= 16 * cell_on_wire);

    pair.dialing.link->close();
    REQUIRE(pair.until([&] { return pair.answering.ended && pair.dialing.ended; }));
    const int cells = static_cast<int>(sent) + 1;  // plus the HELLO
    CHECK(watched.lengths(Direction::up) == std::map<int, int>{{2433, cells}, {19, 1}});
    CHECK(watched.lengths(Direction::down) == std::map<int, int>{{2433, cells}});
}

TEST_CASE("keys are renewed each way by the clock, without a cell to go with it") {
    node::link::LinkLimits limits = patient_limits();
    limits.key_update = base::Seconds{1};
    limits.key_updates_per_minute = 100;
    Watched watched{limits};
    LinkPair& pair = watched.pair;
    REQUIRE(watched.connect());
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(pair.until([&] {
        return watched.lengths(Direction::up)[22] >= 3 && watched.lengths(Direction::down)[22] >= 3;
    }));
    CHECK(std::chrono::steady_clock::now() - start > base::Milliseconds{2900});
    for (const Direction direction : {Direction::up, Direction::down}) {
        const auto lengths = watched.lengths(direction);
        CHECK(lengths.size() == 2);
        CHECK(lengths.at(2433) == 1);
        CHECK(lengths.at(22) <= 4);
    }

    for (std::uint32_t n = 0; n < 20; ++n) {
        pair.dialing.link->send(boxed(numbered(n)));
        pair.answering.link->send(boxed(numbered(n)));
    }
    REQUIRE(pair.until([&] {
        return pair.answering.got.cells.size() == 20 && pair.dialing.got.cells.size() == 20;
    }));
}

TEST_CASE("relays keep a silent link alive by padding; a client's link that falls silent ends") {
    node::link::LinkLimits limits = patient_limits();
    limits.silence = base::Seconds{4};
    limits.keep_alive = base::Seconds{1};
    Watched watched{limits};
    const auto start = std::chrono::steady_clock::now();
    SUBCASE("between relays") {
        REQUIRE(watched.connect(cell::LinkRole::relay));
        auto& up = watched.pair.answering.got.cells;
        auto& down = watched.pair.dialing.got.cells;
        REQUIRE(watched.pair.until([&] { return up.size() >= 6 && down.size() >= 6; }));
        CHECK(std::chrono::steady_clock::now() - start > base::Milliseconds{5900});
        CHECK_FALSE(watched.pair.answering.ended);
        for (const cell::Cell& cell : up)
            CHECK(cell.kind() == cell::Kind::padding);
        CHECK(watched.lengths(Direction::up).size() == 1);
    }
    SUBCASE("a client's") {
        REQUIRE(watched.connect(cell::LinkRole::client));
        REQUIRE(watched.pair.until([&] { return watched.pair.answering.ended.has_value(); }));
        CHECK(*watched.pair.answering.ended == LinkError::silent);
        CHECK(std::chrono::steady_clock::now() - start > base::Milliseconds{3900});
        CHECK(watched.lengths(Direction::up)[2433] == 1);
    }
}

TEST_CASE("a byte changed anywhere in a record ends the link; nothing is delivered from it") {
    for (const std::size_t offset : {0, 1, 3, 4, 5, 6, 1000, 2421, 2422, 2437}) {
        CAPTURE(offset);
        Watched watched;
        LinkPair& pair = watched.pair;
        REQUIRE(watched.connect());
        // The HELLO, then two intact cells, then the changed one.
        const std::size_t record = watched.handshake_records(Direction::up) + 3;
        watched.recorder->inject({Fault::Kind::flip, Direction::up, record, offset});
        for (std::uint32_t n = 0; n < 6; ++n)
            pair.dialing.link->send(boxed(numbered(n)));
        if (offset == 3 || offset == 4) {
            // If the length was changed, the receiver may wait for more bytes, so send some.
            for (std::uint32_t n = 0; n < 60; ++n)
                pair.dialing.link->send(boxed(numbered(n)));
        }
        REQUIRE(pair.until([&] { return pair.answering.ended.has_value(); }));
        CHECK(*pair.answering.ended == LinkError::bad_cell);
        CHECK(pair.answering.got.cells.size() == 2);
    }
}

TEST_CASE("a link cut at any byte of a record ends, and delivers only whole cells") {
    for (const std::size_t offset : {0, 1, 4, 5, 6, 100, 2421, 2437}) {
        CAPTURE(offset);
        Watched watched;
        LinkPair& pair = watched.pair;
        REQUIRE(watched.connect());
        const std::size_t record = watched.handshake_records(Direction::up) + 3;
        watched.recorder->inject({Fault::Kind::cut, Direction::up, record, offset});
        for (std::uint32_t n = 0; n < 6; ++n)
            pair.dialing.link->send(boxed(numbered(n)));
        REQUIRE(pair.until([&] { return pair.answering.ended && pair.dialing.ended; }));
        CHECK(*pair.dialing.ended == LinkError::closed);
        CHECK(pair.answering.got.cells.size() == 2);
    }
}

TEST_CASE("a handshake with a byte changed or cut gives no link at either end") {
    for (const Direction direction : {Direction::up, Direction::down}) {
        for (const Fault::Kind kind : {Fault::Kind::flip, Fault::Kind::cut}) {
            for (const std::size_t record : {0, 2, 3}) {
                CAPTURE(static_cast<int>(direction));
                CAPTURE(static_cast<int>(kind));
                CAPTURE(record);
                node::link::LinkLimits limits;
                limits.handshake = base::Milliseconds{1000};
                Watched watched{limits};
                // Skip the change_cipher_spec record, which TLS 1.3 ignores.
                watched.recorder->inject({kind, direction, record, 20});
                watched.pair.dial(watched.recorder->address(),
                                  watched.pair.answering.identity.key());
                REQUIRE(watched.pair.until(
                    [&] { return watched.pair.dialing.refused || watched.pair.dialing.ended; }));
                watched.pair.until([&] { return watched.pair.tasks.running() == 1; });
                CHECK(watched.pair.answering.got.cells.empty());
                CHECK((watched.pair.dialing.refused || watched.pair.answering.link == nullptr));
            }
        }
    }
}

}  // namespace nightjar::tests
