// The memory bounds of one stream and of all streams, and the events when a stream ends.
#include "sphinx/stream/id_window.hpp"
#include "tests/unit/stream/mux_pair.hpp"

using namespace nightjar;
using namespace nightjar::mux_test;

TEST_CASE("a stream whose opening was never reported ends without an event") {
    const auto data = frame(FrameType::data, 1, 0, base::as_bytes("ab"));
    Mux broken{Side::exit};
    CHECK(arrive_at_exit(broken, frames({data, frame(FrameType::fin, 1, 1)})));
    CHECK(broken.take_events().empty());
    CHECK(arrive_at_exit(broken, frames({open_frame(1)})));
    CHECK(broken.take_events().empty());
    Mux reset{Side::exit};
    CHECK(arrive_at_exit(reset, frames({data, frame(FrameType::reset, 1)})));
    CHECK(reset.take_events().empty());
    CHECK(arrive_at_exit(reset, frames({open_frame(1)})));
    CHECK(reset.take_events().empty());
}

TEST_CASE("an exit answers 64 pings at most between two replies") {
    Mux exit{Side::exit};
    for (std::uint64_t nonce = 1; nonce <= 100; ++nonce)
        CHECK(arrive_at_exit(exit, frames({frame(FrameType::ping, 0, nonce)})));
    base::Bytes room;
    CHECK(answers(exit, room).size() == 64);
    CHECK(answers(exit, room).empty());
}

TEST_CASE("a client opens no id that its exit could refuse") {
    Pair pair;
    const auto oldest = *pair.client.open({"a", 1});
    pair.up();  // lost on the way, and not yet known to be
    int opened = 1;
    for (; opened < 2000; ++opened) {
        const auto id = pair.client.open({"a", 1});
        if (!id) break;
        CHECK(arrive_at_exit(pair.exit, pair.up()));
        pair.client.acknowledged(pair.ups);
        pair.client.reset(*id, ResetReason::cancelled);
        CHECK(arrive_at_exit(pair.exit, pair.up()));
        pair.client.acknowledged(pair.ups);
    }
    CHECK(opened == stream::IdWindow::span);
    pair.client.lost(1);
    CHECK(arrive_at_exit(pair.exit, pair.up()));
    pair.client.acknowledged(pair.ups);
    CHECK(pair.exit.streams() == 1);
    CHECK(pair.client.open({"a", 1}) == oldest + opened);
}

TEST_CASE("what an ended stream had buffered is room for the others") {
    for (const bool by_peer : {false, true}) {
        CAPTURE(by_peer);
        Pair pair;
        const base::Bytes bytes(256 * 1024);
        for (int i = 0; i < 20; ++i) {
            const auto id = *pair.client.open({"a", 1});
            REQUIRE(pair.client.write(id, bytes) == bytes.size());
            pair.exchange();
            if (by_peer)
                pair.exit.reset(id, ResetReason::overload);
            else
                pair.client.reset(id, ResetReason::cancelled);
            pair.exchange();
            pair.exchange();
            REQUIRE(pair.client.streams() == 0);
        }
    }
}

TEST_CASE("a reset behind finish() leaves the end orderly, and tells the peer to stop") {
    Pair pair;
    const auto id = *pair.client.open({"a", 1});
    pair.exchange();
    pair.exit.accept(id);
    pair.exchange();
    pair.client.write(id, base::as_bytes("all"));
    pair.client.finish(id);
    pair.client.reset(id, ResetReason::cancelled);
    pair.exit.write(id, base::as_bytes("unwanted"));
    pair.exit.take_events();
    pair.exchange();
    CHECK(kinds(pair.exit) == Kinds{Kind::stopped, Kind::readable});
    CHECK(read_all(pair.exit, id) == "all");
    CHECK(kinds(pair.exit) == Kinds{Kind::finished});
    CHECK(pair.exit.writable(id) == 0);
    pair.exchange();
    CHECK(pair.client.idle());
    CHECK(pair.exit.idle());
}

TEST_CASE("a WINDOW that was overtaken by a wider one does not narrow it") {
    Pair pair;
    const auto id = *pair.client.open({"a", 1});
    pair.exchange();
    pair.exit.accept(id);
    pair.exit.write(id, base::Bytes(256 * 1024));
    const auto take = [&] {
        base::Bytes out(300'000);
        for (int i = 0; i < 100; ++i) {
            CHECK(arrive_at_client(pair.client, pair.down()));
            pair.exit.acknowledged(pair.downs);
        }
        CHECK(pair.client.read(id, out) > 0);
    };
    take();
    pair.up();  // carries a WINDOW, and is on its way for long
    const auto older = pair.ups;
    take();
    pair.up();  // carries a wider one, and is lost
    const auto newer = pair.ups;
    pair.client.acknowledged(older);
    CHECK_FALSE(pair.client.has_data());
    pair.client.lost(newer);
    CHECK(pair.client.has_data());
}

TEST_CASE("good bytes of a RESET that lie behind the window still arrive") {
    mux_test::Pair pair{{.streams_max = 4,
                         .send_buffer = 9000,
                         .receive_window = 3000,
                         .session_window = 20'000,
                         .initial_window = 2000}};
    const auto id = *pair.client.open({"a", 80});
    pair.exchange();
    pair.exit.accept(id);
    pair.exchange();
    const std::string sent(9000, 'x');
    CHECK(pair.client.write(id, base::as_bytes(sent)) == sent.size());
    pair.client.reset(id, stream::ResetReason::cancelled);
    for (int i = 0; i < 10; ++i)
        pair.exchange();
    std::string got;
    for (int i = 0; i < 20; ++i) {
        got += mux_test::read_all(pair.exit, id);
        pair.exchange();
    }
    CHECK(got == sent);
}
