// What a link refuses: other protocols, keys, records and cells. In each case it delivers nothing
// and answers nothing, and the next honest peer gets its link.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "sphinx/node/link/tls_session.hpp"
#include "tests/system/link_pair.hpp"
#include "tests/system/raw_peer.hpp"

namespace nightjar::tests {

using node::link::LinkError;

namespace {

using std::chrono::steady_clock;

node::link::LinkLimits short_handshake() {
    node::link::LinkLimits limits;
    limits.handshake = base::Milliseconds{400};
    return limits;
}

bool still_serves(LinkPair& pair) {
    // The test's short handshake timeout may be too short on a busy machine, so allow a second try.
    bool connected = pair.connect();
    for (int i = 0; i < 20 && !connected; ++i)
        connected = pair.connect();
    if (!connected) return false;
    const std::size_t before = pair.answering.got.cells.size();
    pair.dialing.link->send(boxed(numbered(1)));
    return pair.until([&] { return pair.answering.got.cells.size() == before + 1; });
}

base::Bytes raw_cell(std::uint8_t kind, std::uint8_t reserved = 0,
                     std::size_t size = cell::cell_size) {
    base::Bytes bytes(size);
    bytes[0] = kind;
    bytes[2] = reserved;
    return bytes;
}

cell::Cell client_hello(std::uint8_t network = 7) {
    return cell::encode(hello(cell::LinkRole::client, network));
}

base::Bytes with(const cell::Cell& cell, std::size_t offset, std::uint8_t value) {
    base::Bytes bytes(cell.bytes().begin(), cell.bytes().end());
    bytes[offset] = value;
    return bytes;
}

}  // namespace

TEST_CASE("what is not TLS is closed without a byte in answer") {
    struct Case {
        const char* what;
        std::string bytes;
    };
    const Case cases[] = {
        {"HTTP GET", "GET / HTTP/1.1\r\nHost: relay\r\n\r\n"},
        {"SSH banner", "SSH-2.0-OpenSSH_9.2\r\n"},
        {"zeros", std::string(4096, '\0')},
        {"high bytes", std::string(4096, '\xff')},
        {"an alert", std::string{"\x15\x03\x03\x00\x02\x02\x28", 7}},
        {"a cell in the clear", std::string(2438, '\x17')},
        {"a hello that lies about its length",
         std::string{"\x16\x03\x01\x40\x01\x01\xff\xff\xff", 9} + std::string(20'000, 'A')},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        LinkPair pair{short_handshake()};
        std::optional<base::Bytes> answer;
        pair.beside([&] {
            RawTcp peer{pair.address()};
            peer.send(base::as_bytes(one.bytes));
            answer = peer.until_closed(base::Milliseconds{20'000});
        });
        REQUIRE(answer);
        CHECK(answer->empty());
        CHECK(pair.listener().counts().failed == 1);
        CHECK(still_serves(pair));
    }
}

TEST_CASE("a TLS client that is not one of ours is refused") {
    struct Case {
        const char* what;
        RawTlsOptions options;
    };
    const Case cases[] = {
        {"TLS 1.2", {.version_max = TLS1_2_VERSION}},
        {"no certificate", {.seed = std::nullopt}},
        {"a certificate of another kind of key", {.elliptic_curve_certificate = true}},
        {"our own certificate shown back", {.seed = 1}},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        LinkPair pair;
        base::Bytes heard{1};
        pair.beside([&] {
            RawTls peer{pair.address(), one.options};
            peer.write(client_hello());
            heard = peer.read();
        });
        REQUIRE(pair.until([&] { return pair.listener().counts().failed == 1; }));
        CHECK(heard.empty());
        CHECK(pair.answering.link == nullptr);
        CHECK(still_serves(pair));
    }
}

TEST_CASE("an offer of TLS 1.2 is refused at once, one of TLS 1.3 is answered") {
    node::link::TlsIdentity identity{seed(2)};
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        CAPTURE(version);
        node::link::TlsSession answering{identity, std::nullopt, 4};
        const base::Bytes offer = tls_offer(version);
        answering.feed(offer);
        const auto step = answering.handshake();
        REQUIRE(step.has_value() == (version == TLS1_3_VERSION));
        if (step) CHECK_FALSE(*step);
    }
}

TEST_CASE(
    "a raw peer that follows the rules gets a link, so the refusals in these tests have a cause") {
    LinkPair pair;
    base::Bytes heard;
    pair.beside([&] {
        RawTls peer{pair.address()};
        REQUIRE(peer.connected());
        peer.write(client_hello());
        peer.write(numbered(3));
        heard = peer.read();
        CHECK_FALSE(peer.holds_ticket());
    });
    REQUIRE(pair.until([&] { return pair.answering.got.cells.size() == 1; }));
    CHECK(heard.size() == cell::cell_size);
    CHECK(pair.listener().counts().answered == 1);
}

TEST_CASE("a peer that connects and sends nothing is closed at the deadline") {
    LinkPair pair{short_handshake()};
    const auto start = steady_clock::now();
    std::optional<base::Bytes> answer;
    pair.beside([&] {
        RawTcp peer{pair.address()};
        answer = peer.until_closed(base::Milliseconds{20'000});
    });
    const auto took = steady_clock::now() - start;
    REQUIRE(answer);
    CHECK(answer->empty());
    CHECK(took >= base::Milliseconds{380});
    CHECK(took < base::Milliseconds{5000});
    CHECK(still_serves(pair));
}

TEST_CASE("a handshake of one byte at a time is closed at the same absolute deadline") {
    LinkPair pair{short_handshake()};
    const auto start = steady_clock::now();
    bool closed = false;
    pair.beside([&] {
        RawTcp peer{pair.address()};
        // A hello that announces 512 bytes and sends one byte every 50 ms: never idle, never
        // complete.
        base::Bytes hello{0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc};
        hello.resize(400);
        for (const std::uint8_t byte : hello) {
            peer.send(base::ByteView{&byte, 1});
            closed = peer.until_closed(base::Milliseconds{50}).has_value();
            if (closed) break;
        }
    });
    const auto took = steady_clock::now() - start;
    CHECK(closed);
    CHECK(took >= base::Milliseconds{380});
    CHECK(took < base::Milliseconds{5000});
    CHECK(still_serves(pair));
}

TEST_CASE("a first cell that is no HELLO of this network ends the handshake") {
    const cell::Cell good = client_hello();
    cell::Hello newer = hello(cell::LinkRole::client);
    newer.version = 2;
    struct Case {
        const char* what;
        base::Bytes bytes;
    };
    const auto bytes = [](const cell::Cell& cell) {
        return base::Bytes(cell.bytes().begin(), cell.bytes().end());
    };
    const Case cases[] = {
        {"another network", bytes(client_hello(8))},
        {"another version", bytes(cell::encode(newer))},
        {"no such role", with(good, 3 + 35, 3)},
        {"a byte behind it", with(good, 2415, 1)},
        {"a packet first", bytes(numbered(1))},
        {"padding first", raw_cell(2)},
        {"another control message first", bytes(cell::encode(cell::DocumentRequest{{5}}))},
        {"a short record", raw_cell(3, 0, 100)},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        LinkPair pair;
        pair.beside([&] {
            RawTls peer{pair.address()};
            peer.write(one.bytes);
            while (!peer.read().empty()) {
            }
        });
        REQUIRE(pair.until([&] { return pair.listener().counts().failed == 1; }));
        CHECK(pair.answering.link == nullptr);
        CHECK(still_serves(pair));
    }
}

TEST_CASE("a dialer refuses a relay of another network") {
    LinkPair pair;
    pair.dial(pair.address(), pair.answering.identity.key(), hello(cell::LinkRole::client, 8));
    REQUIRE(pair.until([&] { return pair.dialing.refused.has_value(); }));
    CHECK(*pair.dialing.refused == LinkError::bad_hello);
}

TEST_CASE("a record or cell out of the rules ends the link and delivers nothing") {
    const cell::Cell second_hello = client_hello();
    struct Case {
        const char* what;
        base::Bytes bytes;
        std::size_t pad;
        bool goes_through;
    };
    const Case cases[] = {
        {"a packet", raw_cell(1), 0, true},
        {"padding", raw_cell(2), 0, true},
        {"kind 0", raw_cell(0), 0, false},
        {"kind 4", raw_cell(4), 0, false},
        {"kind 255", raw_cell(255), 0, false},
        {"reserved byte", raw_cell(1, 1), 0, false},
        {"one byte short", raw_cell(1, 0, 2415), 0, false},
        {"one byte long", raw_cell(1, 0, 2417), 0, false},
        {"two cells in one record", raw_cell(1, 0, 4832), 0, false},
        {"five bytes, as a KeyUpdate has", raw_cell(1, 0, 5), 0, false},
        {"two bytes, as an alert has", base::Bytes{1, 0}, 0, false},
        {"a padded record", raw_cell(1), 4096, false},
        {"a short cell padded to the length", raw_cell(1, 0, 2000), 2417, false},
        {"control type 0", raw_cell(3), 0, false},
        {"a second HELLO", base::Bytes(second_hello.bytes().begin(), second_hello.bytes().end()), 0,
         false},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        LinkPair pair;
        pair.beside([&] {
            RawTls peer{pair.address()};
            REQUIRE(peer.connected());
            peer.write(client_hello());
            CHECK(peer.read().size() == cell::cell_size);
            if (one.pad > 0) peer.pad(one.pad);
            peer.write(one.bytes);
            peer.pad(0);
            peer.write(numbered(5));
            if (!one.goes_through) CHECK(peer.read().empty());
        });
        REQUIRE(pair.until([&] { return pair.answering.ended.has_value(); }));
        CHECK(pair.answering.got.cells.size() == (one.goes_through ? 2 : 0));
        CHECK(*pair.answering.ended ==
              (one.goes_through ? LinkError::closed : LinkError::bad_cell));
        CHECK(still_serves(pair));
    }
}

TEST_CASE("no session is resumed and no early data taken") {
    const auto session = foreign_session();
    LinkPair pair;
    SUBCASE("a ticket offered: a whole handshake all the same") {
        pair.beside([&] {
            RawTls peer{pair.address(), {.resume = session}};
            CHECK(peer.connected());
            CHECK_FALSE(peer.resumed());
            peer.write(client_hello());
            CHECK(peer.read().size() == cell::cell_size);
            CHECK_FALSE(peer.holds_ticket());
        });
        // The peer may have our HELLO before we have read its own.
        CHECK(pair.until([&] { return pair.listener().counts().answered == 1; }));
    }
    SUBCASE("early data behind it: closed") {
        const cell::Cell early = client_hello();
        pair.beside([&] {
            const RawTlsOptions options{
                .resume = session,
                .early_data = base::Bytes(early.bytes().begin(), early.bytes().end())};
            RawTls peer{pair.address(), options};
            CHECK_FALSE(peer.early_data_accepted());
            CHECK_FALSE(peer.resumed());
            CHECK(peer.read().empty());
        });
        REQUIRE(pair.until([&] { return pair.listener().counts().failed == 1; }));
        CHECK(pair.answering.link == nullptr);
    }
    CHECK(still_serves(pair));
}

TEST_CASE("a storm of KeyUpdates ends the link, a few do not") {
    struct Case {
        int updates;
        int kind;
        bool storm;
    };
    const Case cases[] = {{4, SSL_KEY_UPDATE_NOT_REQUESTED, false},
                          {4, SSL_KEY_UPDATE_REQUESTED, false},
                          {5, SSL_KEY_UPDATE_NOT_REQUESTED, true},
                          {500, SSL_KEY_UPDATE_REQUESTED, true}};
    for (const Case& one : cases) {
        CAPTURE(one.updates);
        CAPTURE(one.kind);
        LinkPair pair;
        pair.beside([&] {
            RawTls peer{pair.address()};
            peer.write(client_hello());
            CHECK(peer.read().size() == cell::cell_size);
            for (int i = 0; i < one.updates; ++i)
                if (!peer.key_update(one.kind)) break;
            peer.write(numbered(1));
            // Wait until the other side closes or, if it stays up, give it time to read.
            if (one.storm) CHECK(peer.read().empty());
        });
        REQUIRE(pair.until([&] { return pair.answering.ended.has_value(); }));
        CHECK(*pair.answering.ended == (one.storm ? LinkError::abuse : LinkError::closed));
        CHECK(pair.answering.got.cells.size() == (one.storm ? 0 : 1));
        CHECK(still_serves(pair));
    }
}

TEST_CASE("a ticket padded to the length of a cell ends the link") {
    const node::link::TlsIdentity serving{seed(9)};
    node::link::TlsIdentity identity{seed(2)};
    node::link::TlsSession dialing{identity, serving.key(), 4};
    RawTlsServer server{9};
    base::Bytes heard;
    for (bool done = false; !done;) {
        dialing.feed(heard);
        const auto step = dialing.handshake();
        REQUIRE(step);
        done = *step;
        heard = server.answer(std::exchange(dialing.output(), {}));
    }
    const base::Bytes record = server.ticket(cell::cell_size + 1);
    REQUIRE(record.size() == node::link::record_header + node::link::cell_record);
    dialing.feed(record);
    const auto next = dialing.next_cell(steady_clock::now());
    REQUIRE_FALSE(next);
    CHECK(next.error() == LinkError::bad_cell);
}

}  // namespace nightjar::tests
