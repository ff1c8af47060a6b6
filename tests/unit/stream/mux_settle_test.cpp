// What a client's packets say does not change when a reply arrives, but when it is settled.
#include <algorithm>
#include <memory>
#include <utility>

#include "tests/unit/stream/mux_pair.hpp"

using namespace nightjar;
using namespace nightjar::mux_test;

namespace {

/// Two clients that do the same. Replies reach one of them at once and the other when they are
/// settled; what they write next must be the same.
struct Twins {
    explicit Twins(stream::MuxLimits limits = {}) {
        for (auto& client : clients)
            client = std::make_unique<Mux>(Side::client, limits);
        for (int i = 0; i < 3; ++i)
            open();
        said();
    }
    void open() {
        for (auto& client : clients)
            REQUIRE(client->open({"a", 80}));
    }
    /// The next packet of both, and whether it is the same.
    bool said() {
        base::Bytes packets[2];
        ++number;
        for (std::size_t i = 0; i < 2; ++i) {
            packets[i].resize(500);
            clients[i]->fill(number, packets[i]);
            clients[i]->acknowledged(number);
        }
        last = packets[0];
        return packets[0] == packets[1];
    }
    /// The reply arrives at the first client, and at the second only after `meanwhile`.
    void reply(std::initializer_list<stream::Frame> list, bool counts = true) {
        const auto bytes = frames(list);
        const auto checked = stream::CheckedFrames::parse(Side::client, bytes);
        REQUIRE(checked);
        ++replies;
        clients[0]->receive(*checked, replies, true);
        read(0);
        for (int i = 0; i < 3; ++i)
            CHECK(said());
        clients[1]->receive(*checked, replies, true);
        read(1);
        for (auto& client : clients)
            client->settle(replies, counts);
        for (int i = 0; i < 5; ++i)
            CHECK(said());
    }
    void read(std::size_t i) {
        for (stream::StreamId id = 1; id <= 3; ++id)
            got[i] += read_all(*clients[i], id);
        for (const auto& event : clients[i]->take_events())
            seen[i].push_back({event.kind, event.stream});
    }

    std::unique_ptr<Mux> clients[2];
    std::string got[2];
    std::vector<std::pair<Kind, stream::StreamId>> seen[2];
    base::Bytes last;
    stream::PacketNumber number = 0;
    stream::PacketNumber replies = 0;
};

}  // namespace

TEST_CASE("what a reply brings is read at once, and answered when the reply is settled") {
    const std::string much(1800, 'x');
    const auto bytes = base::as_bytes(much);
    // Windows of a few packets, so that each reply moves one.
    Twins twins{{.streams_max = 4,
                 .send_buffer = 4000,
                 .receive_window = 4000,
                 .session_window = 20'000,
                 .initial_window = 2000}};
    for (auto& client : twins.clients)
        client->write(1, base::Bytes(3000, 1));
    CHECK(twins.said());
    twins.reply({frame(FrameType::accept, 1), frame(FrameType::accept, 2)});
    twins.reply({frame(FrameType::window, 1, 2500)});
    for (std::uint64_t at = 0; at < 7200; at += 1800)
        twins.reply({frame(FrameType::data, 1, at, bytes)});
    CHECK(twins.got[0].size() == 7200);
    twins.reply({frame(FrameType::fin, 1, 7200)});
    for (auto& client : twins.clients)
        client->write(2, base::Bytes(100, 1));
    twins.reply({frame(FrameType::stop, 2)});
    twins.reply({frame(FrameType::data, 2, 1, base::as_bytes("b"))});
    twins.reply({frame(FrameType::data, 2, 0, base::as_bytes("cc"))});  // it differs: a reset
    twins.open();
    twins.reply({frame(FrameType::data, 3, 0, bytes), frame(FrameType::reset, 3, 1801)});
    twins.reply({frame(FrameType::data, 3, 1800, base::as_bytes("!"))});
    CHECK(twins.got[0].size() == 7200 + 1801);
    CHECK(twins.got[0] == twins.got[1]);
    CHECK(twins.seen[0] == twins.seen[1]);
    const std::pair reset{Kind::reset, stream::StreamId{3}};
    CHECK(std::count(twins.seen[0].begin(), twins.seen[0].end(), reset) == 1);
    CHECK(twins.clients[0]->streams() == twins.clients[1]->streams());
}

TEST_CASE("a reply that does not count has no effect on packets, until it comes again") {
    const std::string much(1800, 'x');
    Twins twins{{.streams_max = 4,
                 .send_buffer = 4000,
                 .receive_window = 4000,
                 .session_window = 20'000,
                 .initial_window = 2000}};
    auto& client = *twins.clients[0];
    twins.reply(
        {frame(FrameType::data, 1, 0, base::as_bytes(much)), frame(FrameType::reset, 1, 1800)},
        false);
    CHECK(twins.got[0].size() == 1800);
    CHECK(client.streams() == 3);
    client.write(2, base::Bytes(10, 1));
    twins.clients[1]->write(2, base::Bytes(10, 1));
    CHECK(twins.said());
    twins.reply({frame(FrameType::stop, 2)}, false);
    twins.reply({frame(FrameType::data, 1, 0, base::as_bytes(much))});
    CHECK(client.streams() == 3);
    twins.reply({frame(FrameType::reset, 1, 1800)});
    CHECK(client.streams() == 2);
    CHECK(twins.got[0].size() == 1800);
    // A broken rule ends the stream all the same: an exit does not repeat it.
    twins.reply({frame(FrameType::fin, 3, 5)});
    twins.reply({frame(FrameType::fin, 3, 6)}, false);
    CHECK(client.streams() == 1);
    CHECK(twins.seen[0] == twins.seen[1]);
}

TEST_CASE("streams that have just ended leave room for new ones, for a while") {
    Twins twins{{.streams_max = 4}};
    auto& client = *twins.clients[0];
    for (stream::StreamId id = 1; id <= 2; ++id)
        client.finish(id);
    const auto both = frames({frame(FrameType::fin, 1, 0), frame(FrameType::fin, 2, 0)});
    client.receive(*stream::CheckedFrames::parse(Side::client, both), 1, true);
    CHECK(client.streams() == 3);
    CHECK(client.open({"a", 80}));
    CHECK(client.open({"a", 80}));
    CHECK(client.open({"a", 80}));
    CHECK_FALSE(client.open({"a", 80}));  // six of them
}

TEST_CASE("what a session brought and did not settle comes again in another one") {
    stream::Mux client{Side::client};
    REQUIRE(client.open({"a", 80}));
    base::Bytes room(500);
    client.fill({1, 1}, room);
    client.acknowledged({1, 1});
    const auto bytes =
        frames({frame(FrameType::accept, 1), frame(FrameType::data, 1, 0, base::as_bytes("abc")),
                frame(FrameType::fin, 1, 3)});
    const auto checked = stream::CheckedFrames::parse(Side::client, bytes);
    REQUIRE(checked);
    // Both ends have said all. The stream goes when the answer is settled.
    client.finish(1);
    client.receive(*checked, {1, 1}, true);
    CHECK(read_all(client, 1) == "abc");
    client.fill({1, 2}, room);
    client.acknowledged({1, 2});
    client.carrier_ended(1);
    client.settle({1, 1}, true);
    CHECK(client.streams() == 1);
    client.receive(*checked, {2, 1}, true);
    CHECK(read_all(client, 1) == "");
    client.settle({2, 1}, true);
    CHECK(client.streams() == 0);
}

TEST_CASE("what a session that ends has not delivered leaves in another one") {
    Pair pair;
    REQUIRE(pair.client.open({"a", 80}));
    pair.client.write(1, base::as_bytes("abc"));
    base::Bytes packet(500);
    pair.client.fill({2, 1}, packet);
    base::Bytes other(500);
    pair.client.fill({1, 1}, other);
    CHECK_FALSE(pair.client.has_data());
    pair.client.carrier_ended(1);  // it has carried nothing
    CHECK_FALSE(pair.client.has_data());
    pair.client.carrier_ended(2);
    CHECK(pair.client.has_data());
    pair.client.fill({3, 1}, other);
    CHECK(arrive_at_exit(pair.exit, other));
    CHECK(read_all(pair.exit, 1) == "abc");
}
