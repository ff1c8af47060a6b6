#include "relay/exit_sessions.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "sphinx/packet/keys.hpp"
#include "sphinx/packet/packet.hpp"
#include "sphinx/stream/packet_log.hpp"

using namespace nightjar;
using base::Milliseconds;
using base::Mono;
using base::Seconds;
using relay::ExitSessions;
using stream::Event;
using stream::Mux;
using stream::Side;

namespace {

/// Puts the message in the clear behind nothing; the SURB's first bytes stand for the first hop.
struct PlainSealer final : relay::ReplySealer {
    std::optional<packet::Reply> seal(base::ByteView surb, base::ByteView message) override {
        packet::Reply reply;
        std::copy_n(surb.begin(), 32, reply.first_hop.bytes.begin());
        reply.packet.assign(cell::body_size, 0);
        std::copy(message.begin(), message.end(), reply.packet.begin());
        return reply;
    }
};

const base::Wall wall_start{Seconds{3600 * 1000}};  // an epoch's start

struct Harness {
    explicit Harness(relay::ExitLimits limits = {})
        : exit{parameters, random, counters, limits, std::make_unique<PlainSealer>()} {
        id.bytes.fill(7);
    }

    /// One up packet with SURBs numbered from `surb_number`.
    base::Bytes message(std::uint8_t surbs, stream::Schedule schedule) {
        stream::UpHeader header;
        header.session = id;
        header.surb_count = surbs;
        header.surb_epoch =
            static_cast<std::uint8_t>(wall_start.time_since_epoch() / Seconds{3600});
        header.number = ++number;
        header.schedule = schedule;
        header.acks = arrived.next_acks();
        base::Bytes bytes(stream::message_size);
        encode(header, bytes);
        for (std::size_t i = 0; i < surbs; ++i) {
            auto* surb = bytes.data() + stream::up_header_size + i * stream::surb_size;
            surb[0] = static_cast<std::uint8_t>(++surb_number >> 8);
            surb[1] = static_cast<std::uint8_t>(surb_number);
        }
        client.fill(number,
                    base::ByteSpan{bytes}.subspan(stream::message_size - stream::up_room(surbs)));
        return bytes;
    }
    void send(std::uint8_t surbs, stream::Schedule schedule) {
        exit.on_message(message(surbs, schedule), now);
    }
    std::vector<ExitSessions::Reply> tick(Mono until) {
        std::vector<ExitSessions::Reply> replies;
        exit.tick(until, wall_start + std::chrono::floor<Milliseconds>(until - Mono{}), replies);
        now = until;
        return replies;
    }
    stream::DownHeader header_of(const ExitSessions::Reply& reply) {
        const auto header =
            stream::decode_down(base::ByteView{reply.cell->body()}.first(stream::message_size));
        REQUIRE(header.has_value());
        return *header;
    }
    void receive(const ExitSessions::Reply& reply) {
        const auto body = base::ByteView{reply.cell->body()}.first(stream::message_size);
        const auto header = header_of(reply);
        CHECK(arrived.arrived(header.number));
        for (const auto& settled : sent_acks(header.acks))
            client.acknowledged(settled);
        CHECK(client.receive(stream::frames_of(header, body)));
    }
    std::vector<stream::PacketNumber> sent_acks(const stream::Acks& acks) const {
        std::vector<stream::PacketNumber> numbers;
        if (acks.largest != 0) numbers.push_back(acks.largest);
        for (std::size_t i = 0; i < stream::ack_window; ++i) {
            if (acks.below[i])
                numbers.push_back(acks.largest - 1 - static_cast<stream::PacketNumber>(i));
        }
        return numbers;
    }

    directory::Parameters parameters;
    base::SeededRandom random{1};
    relay::Counters counters;
    ExitSessions exit;
    Mux client{Side::client};
    stream::ArrivedLog arrived;
    base::SessionId id;
    stream::PacketNumber number = 0;
    unsigned surb_number = 0;
    Mono now{};
};

std::size_t dropped(const relay::Counters& counters, relay::DropReason reason) {
    return counters.dropped[static_cast<std::size_t>(reason)];
}

constexpr stream::Schedule full{1, 45'000, 0, 45'000};

}  // namespace

TEST_CASE("nothing leaves before the schedule's first tick, whatever arrives") {
    Harness harness;
    CHECK(harness.exit.next_due() == Mono::max());
    for (int i = 0; i < 20; ++i)
        harness.send(5, {1, 0, 3000, 45'000});
    CHECK(harness.exit.sessions() == 1);
    CHECK(harness.exit.stock(harness.id) == 100);
    CHECK(harness.tick(Mono{} + Milliseconds{2999}).empty());
    std::size_t replies = 0;
    for (int ms = 3000; ms < 4000; ++ms)
        replies += harness.tick(Mono{} + Milliseconds{ms}).size();
    CHECK(std::abs(static_cast<double>(replies) - 45) < 4 * std::sqrt(45));
    CHECK(harness.counters.replies == replies);
}

TEST_CASE("SURBs are spent first in first out, and every reply says how many are left") {
    Harness harness;
    for (int i = 0; i < 10; ++i)
        harness.send(5, full);
    unsigned spent = 0;
    for (int ms = 1; spent < 50; ++ms) {
        REQUIRE(ms < 5000);
        for (const auto& reply : harness.tick(Mono{} + Milliseconds{ms})) {
            ++spent;
            CHECK(reply.first_hop.bytes[1] == spent);
            const auto header = harness.header_of(reply);
            CHECK(header.number == spent);
            CHECK(header.stock == 50 - spent);
            CHECK(header.acks.largest == 10);
        }
    }
    // The next ticks find no SURB: missed, and not made up when some arrive.
    const auto before = harness.now;
    CHECK(harness.tick(before + Milliseconds{200}).empty());
    CHECK(harness.counters.ticks_missed > 0);
    CHECK(harness.counters.replies == 50);
    for (int i = 0; i < 10; ++i)
        harness.send(5, full);
    CHECK(harness.tick(before + Milliseconds{201}).size() <= 2);
}

TEST_CASE("a packet that arrives twice counts once") {
    Harness harness;
    const auto message = harness.message(4, full);
    harness.exit.on_message(message, harness.now);
    harness.exit.on_message(message, harness.now);
    CHECK(harness.exit.stock(harness.id) == 4);
}

TEST_CASE("a malformed message is dropped whole: no session, no SURB, no schedule, no frame") {
    struct Row {
        const char* what;
        std::size_t size;
        std::size_t at;
        std::uint8_t value;
    };
    const Row rows[]{
        {"too short", stream::message_size - 1, 100, 0},
        {"too many SURBs", stream::message_size, 16, 6},
        {"an unknown frame", stream::message_size, stream::up_header_size, 99},
        {"a byte behind the frames", stream::message_size, stream::message_size - 1, 1},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        Harness harness;
        auto message = harness.message(0, full);
        message.resize(row.size);
        message[row.at] = row.value;
        harness.exit.on_message(message, harness.now);
        CHECK(harness.exit.sessions() == 0);
        CHECK(dropped(harness.counters, relay::DropReason::malformed) == 1);

        harness.send(2, full);
        message = harness.message(4, {2, 0, 0, 0});
        if (row.at == stream::up_header_size) message[stream::message_size - 402] = 99;
        if (row.at == stream::message_size - 1) message.back() = 1;
        if (row.at == 16) message[16] = 6;
        message.resize(row.size);
        harness.exit.on_message(message, harness.now);
        CHECK(harness.exit.stock(harness.id) == 2);
        CHECK(harness.exit.next_due() < Mono{} + Seconds{1});
        CHECK(dropped(harness.counters, relay::DropReason::malformed) == 2);
    }
}

TEST_CASE("the stock is bounded by twice the law's; the oldest goes") {
    Harness harness;
    for (int i = 0; i < 200; ++i)
        harness.send(5, {1, 0, 1000, 45'000});
    const auto bound = 2 * harness.parameters.surb_stock_target(harness.parameters.replies) + 64;
    CHECK(harness.exit.stock(harness.id) == bound);
    std::vector<ExitSessions::Reply> replies;
    for (int ms = 1000; replies.empty(); ++ms)
        replies = harness.tick(Mono{} + Milliseconds{ms});
    const auto first = replies[0].first_hop.bytes[0] * 256U + replies[0].first_hop.bytes[1];
    CHECK(first == 1000 - bound + 1);
}

TEST_CASE("a SURB is spent while every hop of its reply still has the key") {
    struct Row {
        const char* what;
        int epochs_ahead;  // of the SURB, counted from the epoch that ends at 3600 s
        double at;         // seconds from that epoch's start
        bool spent;
    };
    // Keys live for 3.5 s after their epoch, of which a reply of four hops may need 2 s.
    const Row rows[]{
        {"in its epoch", 0, 1800, true},
        {"at its epoch's end", 0, 3599.9, true},
        {"1.4 s after it", 0, 3601.4, true},
        {"1.6 s after it", 0, 3601.6, false},
        {"of the next epoch, 61 s early", 1, 3539, false},
        {"of the next epoch, 59 s early", 1, 3541, true},
        {"of the epoch after the next", 2, 3599, false},
        {"of an epoch long gone", -2, 10, false},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        Harness harness;
        auto message = harness.message(1, full);
        message[17] = static_cast<std::uint8_t>(message[17] + row.epochs_ahead);
        const auto wall = wall_start + Milliseconds{static_cast<int>(row.at * 1000)};
        harness.exit.on_message(message, Mono{});
        std::vector<ExitSessions::Reply> replies;
        harness.exit.tick(harness.exit.next_due(), wall, replies);
        CHECK(replies.size() == (row.spent ? 1 : 0));
        CHECK(harness.counters.ticks_missed == (row.spent ? 0 : 1));
        CHECK(harness.exit.stock(harness.id) == 0);
    }
}

TEST_CASE("ticks that a stall of more than 250 ms missed are lost") {
    Harness harness;
    for (int i = 0; i < 30; ++i)
        harness.send(5, full);
    // 2 s without a tick: only what was due in the last 250 ms is sent.
    const auto replies = harness.tick(Mono{} + Seconds{2}).size();
    CHECK(replies > 0);
    CHECK(replies < 11.25 + 4 * std::sqrt(11.25));
    const auto missed = static_cast<double>(harness.counters.ticks_missed);
    CHECK(std::abs(missed - 1.75 * 45) < 4 * std::sqrt(1.75 * 45));
}

TEST_CASE("a session that falls silent ends, and its streams with it") {
    Harness harness;
    const auto id = *harness.client.open({"example.org", 80});
    harness.send(0, full);
    CHECK(harness.exit.take_events().size() == 1);
    for (int ms = 0; ms <= 10'000; ms += 100)
        harness.tick(Mono{} + Milliseconds{ms});
    CHECK(harness.exit.sessions() == 1);
    for (int ms = 10'000; ms <= 11'200; ms += 100)
        harness.tick(Mono{} + Milliseconds{ms});
    CHECK(harness.exit.sessions() == 0);
    CHECK(harness.exit.next_due() == Mono::max());
    const auto events = harness.exit.take_events();
    REQUIRE(events.size() == 1);
    CHECK(events[0].session == harness.id);
    CHECK(events[0].event.stream == id);
    CHECK(events[0].event.kind == Event::Kind::reset);
    CHECK(events[0].event.reason == stream::ResetReason::session_ended);
    const relay::StreamRef gone{harness.id, id};
    base::Bytes bytes(10);
    CHECK(harness.exit.write(gone, bytes) == 0);
    CHECK(harness.exit.read(gone, bytes) == 0);
    harness.exit.reset(gone, stream::ResetReason::cancelled);
}

TEST_CASE("sessions are bounded, and one too many is refused without an answer") {
    relay::ExitLimits limits;
    limits.sessions_max = 3;
    Harness harness{limits};
    for (std::uint8_t i = 1; i <= 5; ++i) {
        harness.id.bytes.fill(i);
        harness.number = 0;
        harness.send(2, full);
    }
    CHECK(harness.exit.sessions() == 3);
    CHECK(dropped(harness.counters, relay::DropReason::overflow) == 2);
}

TEST_CASE("a stream runs through a session both ways, in replies that leave anyway") {
    Harness harness;
    const auto id = *harness.client.open({"example.org", 443});
    const relay::StreamRef ref{harness.id, id};
    harness.client.write(id, base::as_bytes("request"));
    harness.client.finish(id);
    std::string request;
    std::string answer;
    bool finished = false;
    std::size_t replies = 0;
    for (int ms = 0; ms < 3000; ++ms) {
        if (ms % 20 == 0) harness.send(ms % 80 == 0 ? 4 : 0, full);
        for (const auto& event : harness.exit.take_events()) {
            if (event.event.kind == Event::Kind::opened) {
                CHECK(event.event.target == stream::Target{"example.org", 443});
                harness.exit.accept(ref);
                CHECK(harness.exit.write(ref, base::as_bytes("answer")) == 6);
                harness.exit.finish(ref);
            }
            base::Bytes bytes(100);
            bytes.resize(harness.exit.read(ref, bytes));
            request += base::as_text(bytes);
        }
        for (const auto& reply : harness.tick(Mono{} + Milliseconds{ms})) {
            ++replies;
            harness.receive(reply);
        }
        for (const auto& event : harness.client.take_events()) {
            base::Bytes bytes(100);
            bytes.resize(harness.client.read(id, bytes));
            answer += base::as_text(bytes);
            finished = finished || event.kind == Event::Kind::finished;
        }
    }
    CHECK(request == "request");
    CHECK(answer == "answer");
    CHECK(finished);
    CHECK(harness.client.idle());
    CHECK(std::abs(static_cast<double>(replies) - 135) < 4 * std::sqrt(135));
}

TEST_CASE("a reply under a real SURB opens at its owner, and its cell carries the SURB's epoch") {
    directory::Parameters parameters;
    base::SeededRandom random{5};
    relay::Counters counters;
    ExitSessions exit{parameters, random, counters};
    std::vector<packet::KeyPair> keys;
    std::vector<packet::Hop> route;
    for (int hop = 0; hop < 4; ++hop) {
        keys.push_back(packet::generate_key_pair(random));
        route.push_back({random.id<base::NodeId>(), keys.back().public_key, 0});
    }
    const auto identifier = random.id<base::Identifier>();
    const auto mailbox = random.id<base::Destination>();
    const auto made =
        packet::make_surb(route, mailbox, identifier, packet::HeaderRandomness::draw(random));
    REQUIRE(made.has_value());

    stream::UpHeader header;
    header.session = random.id<base::SessionId>();
    header.surb_count = 1;
    header.surb_epoch = static_cast<std::uint8_t>(wall_start.time_since_epoch() / Seconds{3600});
    header.number = 1;
    header.schedule = full;
    base::Bytes message(stream::message_size);
    encode(header, message);
    std::copy(made->surb.begin(), made->surb.end(), message.begin() + stream::up_header_size);
    exit.on_message(message, Mono{});
    std::vector<ExitSessions::Reply> replies;
    for (int ms = 0; replies.empty(); ++ms)
        exit.tick(Mono{} + Milliseconds{ms}, wall_start + Milliseconds{ms}, replies);
    CHECK(replies[0].first_hop == route[0].address);
    CHECK(replies[0].cell->kind() == cell::Kind::packet);
    CHECK(replies[0].cell->epoch() == header.surb_epoch);

    base::Bytes packet(replies[0].cell->body().begin(), replies[0].cell->body().end());
    for (int hop = 0; hop < 4; ++hop) {
        const auto opened = packet::unwrap(packet, keys[hop].secret, packet::packet_size);
        REQUIRE(opened.has_value());
        if (hop < 3) CHECK(std::get<packet::Forward>(opened->what).next == route[hop + 1].address);
    }
    const auto plain =
        packet::recover(made->recovery, base::ByteView{packet}.subspan(packet::header_size));
    REQUIRE(plain.has_value());
    const auto down = stream::decode_down(*plain);
    REQUIRE(down.has_value());
    CHECK(down->number == 1);
    CHECK(down->stock == 0);
    CHECK(down->acks.largest == 1);
}
