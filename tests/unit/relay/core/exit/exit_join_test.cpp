// Sessions that carry the streams of an earlier one: who may, and what becomes of the streams.
#include <map>
#include <optional>
#include <set>
#include <string>

#include "tests/unit/relay/core/exit/exit_harness.hpp"

using namespace nightjar;
using namespace nightjar::exit_test;
using relay::core::StreamRef;

namespace {

/// Several sessions at one exit. The test writes their frames itself.
struct Sessions {
    Harness harness;
    std::map<std::uint8_t, stream::PacketNumber> numbers{};

    base::SessionId id(std::uint8_t session) const {
        base::SessionId named;
        named.bytes.fill(session);
        return named;
    }
    void send(std::uint8_t session, std::initializer_list<stream::Frame> frames,
              stream::Schedule schedule = full) {
        stream::UpHeader header;
        header.session = id(session);
        header.surb_count = 2;
        header.surb_epoch =
            static_cast<std::uint8_t>(wall_start.time_since_epoch() / Seconds{3600});
        header.number = ++numbers[session];
        header.schedule = schedule;
        base::Bytes bytes(stream::message_size);
        encode(header, bytes);
        base::Writer writer{base::ByteSpan{bytes}.last(stream::up_room(2))};
        for (const auto& frame : frames)
            REQUIRE(stream::write_frame(writer, frame));
        harness.exit.on_message(bytes, harness.now, wall(harness.now));
    }
    void open(std::uint8_t session, stream::StreamId stream) {
        stream::Frame frame;
        frame.type = stream::FrameType::open;
        frame.stream = stream;
        frame.port = 80;
        frame.bytes = base::as_bytes("example.org");
        send(session, {frame});
        for (const auto& event : harness.exit.take_events())
            if (event.event.kind == Event::Kind::opened)
                harness.exit.accept({event.session, event.event.stream});
    }
    void data(std::uint8_t session, stream::StreamId stream, std::uint64_t offset,
              std::string_view text) {
        stream::Frame frame;
        frame.type = stream::FrameType::data;
        frame.stream = stream;
        frame.value = offset;
        frame.bytes = base::as_bytes(text);
        send(session, {frame});
    }
    /// The next reply of this session. Its SURBs are in `session`'s order, so others' are skipped.
    stream::DownHeader reply(std::uint32_t incarnation, std::optional<bool>* joined = nullptr) {
        for (int i = 0; i < 100; ++i) {
            for (const auto& reply : harness.tick(harness.now + Milliseconds{10})) {
                const auto header = harness.header_of(reply);
                const auto body = base::ByteView{reply.cell->body()}.first(stream::message_size);
                if (incarnation != 0 && header.incarnation != incarnation) continue;
                const auto frames =
                    stream::CheckedFrames::parse(Side::client, stream::frames_of(header, body));
                REQUIRE(frames);
                if (joined != nullptr)
                    if (const auto* frame = frames->find(stream::FrameType::joined))
                        *joined = frame->value == 1;
                return header;
            }
        }
        FAIL("no reply");
        return {};
    }
    /// Begins a session, and returns its incarnation.
    std::uint32_t begin(std::uint8_t session) {
        REQUIRE(harness.exit.stock(id(session)) == 0);
        send(session, {});
        for (int i = 0; i < 10; ++i) {
            for (const auto& reply : harness.tick(harness.now + Milliseconds{10})) {
                const auto incarnation = harness.header_of(reply).incarnation;
                if (!known.contains(incarnation)) {
                    known.insert(incarnation);
                    return incarnation;
                }
            }
        }
        FAIL("no reply");
        return 0;
    }
    static stream::JoinToken token(base::SessionId session, std::uint32_t incarnation) {
        stream::JoinToken token;
        base::Writer writer{token};
        writer.bytes(session.bytes);
        writer.u32(incarnation);
        return token;
    }
    /// Sends a JOIN, and returns the exit's answer. `own`: the incarnation of `session`.
    std::optional<bool> join(std::uint8_t session, std::uint32_t own,
                             const stream::JoinToken& token) {
        stream::Frame frame;
        frame.type = stream::FrameType::join;
        frame.bytes = token;
        send(session, {frame});
        std::optional<bool> answer;
        for (int i = 0; i < 3 && !answer; ++i)
            reply(own, &answer);
        return answer;
    }
    std::string read(const StreamRef& stream) {
        std::string text(100, '\0');
        text.resize(
            harness.exit.read(stream, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}));
        return text;
    }
    std::set<std::uint32_t> known{};
};

}  // namespace

TEST_CASE("exit: a session that names its predecessor carries its streams, until the last ends") {
    Sessions s;
    const auto first = s.begin(1);
    const auto second = s.begin(2);
    s.open(1, 1);
    const StreamRef stream{s.id(1), 1};
    s.data(1, 1, 0, "one ");
    CHECK(s.join(2, second, Sessions::token(s.id(1), first)) == true);
    CHECK(s.join(2, second, Sessions::token(s.id(1), first)) == true);  // it asks again
    s.data(2, 1, 8, "three");
    s.data(1, 1, 4, "two ");  // was on its way in the first session
    CHECK(s.read(stream) == "one two three");
    CHECK(s.harness.exit.memory() > 0);
    // The first session is closed and ends. The stream goes on under its name.
    s.send(1, {}, {2, 0, 0, 0});
    for (int ms = 0; ms < 12'000; ms += 500) {
        s.harness.tick(s.harness.now + Milliseconds{500});
        s.send(2, {});
    }
    CHECK(s.harness.exit.sessions() == 1);
    CHECK(s.harness.exit.take_events().size() < 3);
    s.data(2, 1, 13, "!");
    CHECK(s.read(stream) == "!");
    // A late packet of the first session begins no other streams under that name.
    s.send(1, {});
    CHECK(s.harness.exit.sessions() == 1);
    // A third one follows the second.
    const auto third = s.begin(3);
    CHECK(s.join(3, third, Sessions::token(s.id(2), second)) == true);
    s.data(3, 1, 14, "?");
    CHECK(s.read(stream) == "?");
    s.harness.tick(s.harness.now + Seconds{140});
    CHECK(s.harness.exit.sessions() == 0);
    CHECK(s.harness.exit.memory() == 0);
    bool ended = false;
    for (const auto& event : s.harness.exit.take_events())
        ended = ended || (event.session == s.id(1) && event.event.kind == Event::Kind::reset);
    CHECK(ended);
}

TEST_CASE("exit: bytes in flight in a session that ends go out in the one that joined it") {
    Sessions s;
    const auto first = s.begin(1);
    const auto second = s.begin(2);
    s.open(1, 1);
    CHECK(s.join(2, second, Sessions::token(s.id(1), first)) == true);
    // Which session has the byte at this offset in one of its replies? 0: none has.
    const auto carrier = [&](std::uint64_t offset) -> std::uint32_t {
        for (const auto& reply : s.harness.tick(s.harness.now + Milliseconds{20})) {
            const auto header = s.harness.header_of(reply);
            const auto body = base::ByteView{reply.cell->body()}.first(stream::message_size);
            const auto frames =
                stream::CheckedFrames::parse(Side::client, stream::frames_of(header, body));
            REQUIRE(frames);
            for (const auto& frame : *frames)
                if (frame.type == stream::FrameType::data && frame.value <= offset &&
                    offset < frame.value + frame.bytes.size())
                    return header.incarnation;
        }
        return 0;
    };
    std::uint64_t offset = 0;
    for (std::uint32_t by = 0; by != first; ++offset) {
        REQUIRE(offset < 50);
        REQUIRE(s.harness.exit.write({s.id(1), 1}, base::as_bytes("x")) == 1);
        for (by = 0; by == 0; by = carrier(offset)) {
            s.send(1, {});
            s.send(2, {});
        }
    }
    // No ack comes. The first session is closed, and the second goes on.
    s.send(1, {}, {2, 0, 0, 0});
    bool again = false;
    for (int ms = 0; ms < 9'000; ms += 20) {
        s.send(2, {});
        again = again || carrier(offset - 1) == second;
    }
    CHECK(again);
}

TEST_CASE("exit: no other session gets at streams by a JOIN") {
    Sessions s;
    const auto first = s.begin(1);
    const auto second = s.begin(2);
    const auto third = s.begin(3);
    s.open(1, 1);
    const StreamRef stream{s.id(1), 1};
    const auto right = Sessions::token(s.id(1), first);
    SUBCASE("a forged incarnation") {
        CHECK(s.join(2, second, Sessions::token(s.id(1), first + 1)) == false);
    }
    SUBCASE("a session that does not exist") {
        CHECK(s.join(2, second, Sessions::token(s.id(9), first)) == false);
    }
    SUBCASE("itself") {
        CHECK(s.join(2, second, Sessions::token(s.id(2), second)) == false);
    }
    SUBCASE("a token that was used") {
        CHECK(s.join(2, second, right) == true);
        CHECK(s.join(3, third, right) == false);
        s.data(3, 1, 0, "foreign");
        CHECK(s.read(stream) == "");
        return;
    }
    SUBCASE("a second token") {
        CHECK(s.join(2, second, right) == true);
        CHECK(s.join(2, second, Sessions::token(s.id(3), third)) == false);
        return;
    }
    SUBCASE("a session with streams of its own") {
        s.open(2, 1);
        CHECK(s.join(2, second, right) == false);
    }
    SUBCASE("the token of a session that has ended") {
        s.harness.tick(s.harness.now + Seconds{140});
        CHECK(s.harness.exit.sessions() == 0);
        s.send(1, {});  // the exit begins another one of this id
        const auto again = s.begin(4);
        CHECK(s.join(4, again, right) == false);
        return;
    }
    s.data(2, 1, 0, "foreign");
    CHECK(s.read(stream) == "");
    // It has used nothing up.
    CHECK(s.join(3, third, right) == true);
}

TEST_CASE("exit: streams have few sessions at one time") {
    Sessions s;
    auto last = s.begin(1);
    std::uint8_t session = 1;
    for (; session < relay::core::carriers_max; ++session) {
        const auto next = s.begin(static_cast<std::uint8_t>(session + 1));
        CHECK(s.join(static_cast<std::uint8_t>(session + 1), next,
                     Sessions::token(s.id(session), last)) == true);
        last = next;
    }
    const auto next = s.begin(static_cast<std::uint8_t>(session + 1));
    CHECK(s.join(static_cast<std::uint8_t>(session + 1), next,
                 Sessions::token(s.id(session), last)) == false);
}

TEST_CASE("exit: another session may join in place of one that its client has given up") {
    for (const bool heard : {true, false}) {
        Sessions s;
        const auto first = s.begin(1);
        const auto second = s.begin(2);
        const auto third = s.begin(3);
        s.open(1, 1);
        const auto token = Sessions::token(s.id(1), first);
        CHECK(s.join(2, second, token) == true);
        CHECK(s.join(3, third, token) == false);
        // The exit hears of its end, or hears nothing more of it.
        const auto fourth = s.begin(4);
        if (heard) s.send(2, {}, {2, 0, 0, 0});
        for (int ms = 0; ms < (heard ? 500 : 8'500); ms += 500) {
            s.harness.tick(s.harness.now + Milliseconds{500});
            s.send(1, {});
        }
        CHECK(s.join(4, fourth, token) == true);
        s.data(4, 1, 0, "goes on");
        CHECK(s.read({s.id(1), 1}) == "goes on");
    }
}

TEST_CASE("exit: all sessions that carry streams pay for them, and when memory is short all end") {
    relay::core::ExitLimits limits;
    limits.memory_max = 100'000;
    Sessions s{Harness{limits}};
    const auto first = s.begin(1);
    const auto second = s.begin(2);
    s.open(1, 1);
    CHECK(s.join(2, second, Sessions::token(s.id(1), first)) == true);
    const auto paid = [&](int session) { return s.harness.exit.paid(s.id(session)).until(1); };
    for (int session = 1; session <= 2; ++session) {
        const auto before = paid(1);
        s.send(static_cast<std::uint8_t>(session), {});
        CHECK(paid(1) > before);
    }
    CHECK(paid(2) == base::Paid{}.until(1));  // it has no streams of its own
    s.harness.exit.accept({s.id(1), 1});
    const base::Bytes bytes(120'000);
    s.harness.exit.write({s.id(1), 1}, bytes);
    CHECK(s.harness.exit.sessions() == 0);
    CHECK(s.harness.exit.memory() == 0);
    // Each of their streams has an end, and behind it comes the end of all.
    const auto events = s.harness.exit.take_events();
    REQUIRE(!events.empty());
    CHECK(events.back().session == s.id(1));
    CHECK(events.back().event.stream == 0);
}

TEST_CASE("exit: a session whose streams others carry joins none") {
    Sessions s;
    const auto first = s.begin(1);
    const auto second = s.begin(2);
    const auto third = s.begin(3);
    CHECK(s.join(3, third, Sessions::token(s.id(2), second)) == true);
    CHECK(s.join(2, second, Sessions::token(s.id(1), first)) == false);
    s.open(3, 1);
    s.data(3, 1, 0, "on");
    CHECK(s.read({s.id(2), 1}) == "on");
    // Each of them ends alone, and nothing is left.
    s.harness.tick(s.harness.now + Seconds{140});
    CHECK(s.harness.exit.sessions() == 0);
    CHECK(s.harness.exit.memory() == 0);
}

TEST_CASE("exit: the first answer to a JOIN stays") {
    Sessions s;
    const auto second = s.begin(2);
    const auto early = Sessions::token(s.id(1), 1);
    CHECK(s.join(2, second, early) == false);
    const auto first = s.begin(1);
    CHECK(s.join(2, second, Sessions::token(s.id(1), first)) == false);
    CHECK(s.join(2, second, early) == false);
}

TEST_CASE("exit: a late packet of an ended session takes no place from another") {
    relay::core::ExitLimits limits;
    limits.sessions_max = 3;
    Sessions s{Harness{limits}};
    const auto first = s.begin(1);
    const auto second = s.begin(2);
    CHECK(s.join(2, second, Sessions::token(s.id(1), first)) == true);
    s.send(1, {}, {2, 0, 0, 0});  // closed
    for (int ms = 0; ms < 12'000; ms += 500) {
        s.harness.tick(s.harness.now + Milliseconds{500});
        s.send(2, {});
    }
    REQUIRE(s.harness.exit.sessions() == 1);
    s.begin(3);
    s.begin(4);
    s.harness.now += Seconds{5};
    s.send(1, {});
    CHECK(s.harness.exit.sessions() == 3);
    CHECK(s.harness.exit.stock(s.id(1)) == 0);  // it did not begin
}
