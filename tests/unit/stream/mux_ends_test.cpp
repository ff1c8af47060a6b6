// How a stream ends, over every order of the ways in which its two sides can end: an application
// gets an exact prefix of what the other sent; the end looks orderly only behind all of it; and no
// failure of one direction costs the other a byte. Two ByteRelays and two Muxes, and between them a
// network that loses and reorders packets.
#include <doctest/doctest.h>

#include "sphinx/stream/byte_relay.hpp"
#include "tests/unit/stream/mux_pair.hpp"
#include "tests/unit/stream/stream_channel.hpp"

using namespace nightjar;
using namespace nightjar::mux_test;
using base::Milliseconds;
using base::Seconds;
using stream::ByteRelay;
using stream::StreamId;
using test::ChannelLaw;
using Input = ByteRelay::Input;

namespace {

std::uint8_t byte_at(bool from_client, std::uint64_t offset) {
    return static_cast<std::uint8_t>((from_client ? 13 : 0) + offset * 131 + offset / 253);
}

/// The program at one end: an application or a target. And how it behaves.
struct Program {
    std::uint64_t to_send = 0;
    bool breaks_off = false;                  // behind its last byte, instead of ending
    std::optional<std::uint64_t> reads_only;  // then writes to it fail

    std::uint64_t sent = 0;  // taken by its relay
    std::uint64_t received = 0;
    bool ended = false;
    bool saw_end = false;
    bool saw_reset = false;
};

/// One end: a program, its socket without a kernel's buffers, a relay and a Mux.
class End {
 public:
    End(Mux& mux, bool is_client, Program program, base::Random& random)
        : program{program}, mux_{mux}, is_client_{is_client}, random_{random} {}

    void start(StreamId id) {
        id_ = id;
        started_ = true;
    }
    void on(const Event& event) {
        if (event.kind == Kind::accepted) started_ = true;
        if (event.kind == Kind::finished) finished_ = true;
        if (event.kind == Kind::reset) reset_ = true;
        if (event.kind == Kind::stopped) act(Input::stream_stopped);
    }
    void act(Input input) {
        const auto actions = relay.on(input);
        if (actions.finish) mux_.finish(id_);
        if (actions.stop) mux_.stop(id_, ResetReason::cancelled);
        if (actions.reset) mux_.reset(id_, ResetReason::cancelled);
        if (actions.shut_down) program.saw_end = true;
        if (actions.abort && !program.saw_end) program.saw_reset = true;
        if (actions.drain) act(Input::drained);
    }
    void pump() {
        if (!started_) return;
        to_program();
        from_program();
    }
    void set_id(StreamId id) { id_ = id; }
    bool started() const { return started_; }

    Program program;
    ByteRelay relay;

 private:
    void to_program() {
        base::Bytes bytes(1 + random_.below(20'000));
        while (relay.writes()) {
            const auto n = mux_.read(id_, bytes);
            if (n == 0) break;
            if (program.reads_only && program.received + n > *program.reads_only)
                return act(program.breaks_off ? Input::write_broke : Input::write_failed);
            for (std::size_t i = 0; i < n; ++i)
                REQUIRE(bytes[i] == byte_at(!is_client_, program.received + i));
            program.received += n;
            if (random_.below(4) == 0) return;
        }
        if (relay.writes() && finished_ && mux_.readable(id_) == 0) act(Input::stream_finished);
        if (reset_ && mux_.readable(id_) == 0) act(Input::stream_reset);
    }
    void from_program() {
        while (relay.reads() && program.sent < program.to_send) {
            base::Bytes bytes(
                std::min<std::uint64_t>(1 + random_.below(9000), program.to_send - program.sent));
            for (std::size_t i = 0; i < bytes.size(); ++i)
                bytes[i] = byte_at(is_client_, program.sent + i);
            const auto n = mux_.write(id_, bytes);
            program.sent += n;
            if (n < bytes.size()) return;
        }
        // Unwanted bytes are discarded, and then it ends too.
        if (relay.over() || program.ended || (relay.reads() && program.sent < program.to_send))
            return;
        program.ended = true;
        act(program.breaks_off ? Input::socket_broke : Input::socket_ended);
    }

    Mux& mux_;
    bool is_client_;
    base::Random& random_;
    StreamId id_ = 0;
    bool started_ = false;
    bool finished_ = false;
    bool reset_ = false;
};

/// A handover: another session carries the stream too, and then the first one ends, at the exit
/// later than at the client.
enum class Forced { nothing, handover, deadline_of_client, deadline_of_exit, end_of_session };

ChannelLaw lossy() {
    ChannelLaw law;
    law.loss = 0.1;
    law.duplicates = 0.05;
    law.up_delay = law.down_delay = [](base::Random& random) {
        return base::Nanoseconds{
            Milliseconds{100 + random.below(random.below(5) == 0 ? 3000 : 300)}};
    };
    law.resend_after = Milliseconds{1200};
    law.limits = stream::MuxLimits::for_rate(
        50.0 / 3, base::Seconds{9});  // 300 KiB: less than a program may send
    return law;
}

Program drawn(bool breaks_off, bool reads_only, base::Random& random) {
    Program program;
    program.to_send = random.below(5) == 0 ? 0 : random.below(400'000);
    program.breaks_off = breaks_off;
    if (reads_only) program.reads_only = random.below(60'000);
    return program;
}

/// What one program sent, and what became of it at the other.
void check(const Program& from, const Program& to, bool undisturbed) {
    CHECK(to.received <= from.sent);
    if (to.saw_end) {
        CHECK_FALSE(from.breaks_off);
        CHECK(to.received == from.to_send);
    }
    if (!to.breaks_off && !to.reads_only) CHECK((to.saw_end || to.saw_reset));
    if (undisturbed && !to.breaks_off && !to.reads_only) {
        CHECK(to.received == from.sent);
        CHECK(to.saw_end == (!from.breaks_off && from.sent == from.to_send));
    }
}

void run(std::uint64_t seed, bool client_breaks, bool client_deaf, bool exit_breaks, bool exit_deaf,
         Forced forced) {
    INFO("seed " << seed << ", client breaks off " << client_breaks << ", reads little "
                 << client_deaf << ", target breaks off " << exit_breaks << ", reads little "
                 << exit_deaf << ", forced " << static_cast<int>(forced));
    base::SeededRandom random{seed};
    test::StreamChannel channel{lossy(), random};
    End client{channel.client, true, drawn(client_breaks, client_deaf, random), random};
    End exit{channel.exit, false, drawn(exit_breaks, exit_deaf, random), random};
    client.set_id(*channel.client.open({"host", 80}));
    const auto pump = [&] {
        for (const auto& event : channel.client.take_events())
            client.on(event);
        for (const auto& event : channel.exit.take_events()) {
            if (event.kind == Kind::opened) {
                channel.exit.accept(event.stream);
                exit.start(event.stream);
            }
            exit.on(event);
        }
        client.pump();
        exit.pump();
    };
    // A stream that its client ends before that is withdrawn.
    for (int i = 0; i < 100 && !(client.started() && exit.started()); ++i)
        channel.run_until(channel.now() + Milliseconds{500}, pump);
    const auto when = channel.now() + Milliseconds{random.below(8000)};
    channel.run_until(when, pump);
    if (forced == Forced::deadline_of_client) client.act(Input::expired);
    if (forced == Forced::deadline_of_exit) exit.act(Input::expired);
    if (forced == Forced::handover) {
        channel.add_carrier();
        channel.run_until(channel.now() + Milliseconds{random.below(3000)}, pump);
        channel.end_carrier(stream::Side::client);
        channel.run_until(channel.now() + Milliseconds{random.below(3000)}, pump);
        channel.end_carrier(stream::Side::exit);
    }
    if (forced == Forced::end_of_session) {
        channel.client.reset_all(ResetReason::session_ended);
        channel.exit.reset_all(ResetReason::session_ended);
    }
    for (int i = 0; i < 120 && !(client.relay.over() && exit.relay.over()); ++i)
        channel.run_until(channel.now() + Seconds{1}, pump);
    CHECK(client.relay.over());
    CHECK(exit.relay.over());
    channel.run_until(channel.now() + Seconds{20}, pump);
    CHECK(channel.client.idle());
    CHECK(channel.exit.idle());
    const bool undisturbed = forced == Forced::nothing || forced == Forced::handover;
    {
        INFO("to the target");
        check(client.program, exit.program, undisturbed);
    }
    INFO("to the application");
    check(exit.program, client.program, undisturbed);
}

}  // namespace

TEST_CASE(
    "over every order of ends a program gets an exact prefix, and all of it if the end is "
    "orderly") {
    for (std::uint64_t seed = 1; seed <= 240; ++seed) {
        const auto bit = [&](int i) { return (seed >> i & 1) != 0; };
        run(seed, bit(0), bit(1), bit(2), bit(3), static_cast<Forced>(seed / 16 % 5));
    }
}
