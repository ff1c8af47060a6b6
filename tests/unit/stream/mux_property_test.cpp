#include <doctest/doctest.h>

#include <map>
#include <optional>

#include "sphinx/directory/repair_time.hpp"
#include "tests/unit/stream/stream_channel.hpp"

using namespace nightjar;
using base::Milliseconds;
using base::Seconds;
using stream::Event;
using stream::Mux;
using stream::StreamId;
using test::ChannelLaw;
using test::StreamChannel;

namespace {

std::uint8_t byte_at(StreamId id, bool from_client, std::uint64_t offset) {
    return static_cast<std::uint8_t>(id * 77 + (from_client ? 13 : 0) + offset * 131 +
                                     offset / 253);
}

/// One end's application on one stream. Only events drive it.
struct App {
    std::uint64_t to_send = 0;
    std::optional<std::uint64_t> reset_after;  // bytes sent
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    bool started = false;
    bool finished = false;
    bool was_reset = false;
    bool did_reset = false;
    bool over() const { return was_reset || did_reset || finished; }
};

class Apps {
 public:
    Apps(Mux& mux, bool is_client, base::Random& random)
        : mux_{mux}, is_client_{is_client}, random_{random} {}

    App& add(StreamId id, App app) { return apps[id] = app; }

    void pump() {
        for (const auto& event : mux_.take_events())
            on(event);
    }
    /// Reads bytes that the application has left unread.
    void read_rest() {
        for (auto& [id, app] : apps)
            read(id, app, 100'000);
        pump();
    }

    std::map<StreamId, App> apps;

 private:
    void on(const Event& event) {
        if (event.kind == Event::Kind::pong) return;
        REQUIRE(apps.contains(event.stream));
        auto& app = apps[event.stream];
        switch (event.kind) {
            case Event::Kind::opened:
                CHECK(event.target.host == "host" + std::to_string(event.stream));
                mux_.accept(event.stream);
                [[fallthrough]];
            case Event::Kind::accepted:
                CHECK_FALSE(app.started);
                app.started = true;
                write(event.stream, app);
                break;
            case Event::Kind::writable:
                write(event.stream, app);
                break;
            case Event::Kind::readable:
                read(event.stream, app, random_.below(40'000));
                break;
            case Event::Kind::finished:
                CHECK_FALSE(app.finished);
                app.finished = true;
                break;
            case Event::Kind::reset:
                CHECK(event.reason == stream::ResetReason::cancelled);
                app.was_reset = true;
                break;
            case Event::Kind::stopped:
                CHECK(event.reason == stream::ResetReason::cancelled);
                break;
            case Event::Kind::pong:
                break;
        }
    }

    void write(StreamId id, App& app) {
        while (app.sent < app.to_send) {
            base::Bytes bytes(
                std::min<std::uint64_t>(1 + random_.below(9000), app.to_send - app.sent));
            for (std::size_t i = 0; i < bytes.size(); ++i)
                bytes[i] = byte_at(id, is_client_, app.sent + i);
            const auto n = mux_.write(id, bytes);
            app.sent += n;
            if (app.reset_after && app.sent >= *app.reset_after) {
                app.did_reset = true;
                return mux_.reset(id, stream::ResetReason::cancelled);
            }
            if (n < bytes.size()) return;
        }
        mux_.finish(id);
    }

    void read(StreamId id, App& app, std::uint64_t most) {
        base::Bytes bytes(most);
        bytes.resize(mux_.read(id, bytes));
        std::size_t right = 0;
        while (right < bytes.size() &&
               bytes[right] == byte_at(id, !is_client_, app.received + right))
            ++right;
        REQUIRE(right == bytes.size());
        app.received += bytes.size();
    }

    Mux& mux_;
    bool is_client_;
    base::Random& random_;
};

/// Runs streams of random sizes over a channel. Each must deliver exactly its bytes, or end with a
/// reset that an application requested.
void check_delivery(std::uint64_t seed, const ChannelLaw& law) {
    INFO("seed " << seed << ", loss " << law.loss);
    base::SeededRandom random{seed};
    StreamChannel channel{law, random};
    Apps client{channel.client, true, random};
    Apps exit{channel.exit, false, random};
    const auto pump = [&] {
        client.pump();
        exit.pump();
    };
    for (int i = 0; i < 12; ++i) {
        const auto id = channel.client.open({"host" + std::to_string(i + 1), 80});
        REQUIRE(id.has_value());
        App ours;
        App theirs;
        ours.to_send = random.below(4) == 0 ? 0 : random.below(40'000);
        theirs.to_send = random.below(4) == 0 ? 0 : random.below(80'000);
        if (random.below(5) == 0) ours.reset_after = random.below(20'000);
        if (random.below(5) == 0) theirs.reset_after = random.below(40'000);
        client.add(*id, ours);
        exit.add(*id, theirs);
        channel.run_until(channel.now() + Milliseconds{random.below(2000)}, pump);
    }
    for (int round = 0; round < 300 && channel.client.streams() + channel.exit.streams() > 0;
         ++round) {
        channel.run_until(channel.now() + Seconds{1}, pump);
        client.read_rest();
        exit.read_rest();
    }
    CHECK(channel.client.idle());
    CHECK(channel.exit.idle());
    for (const auto& [id, ours] : client.apps) {
        INFO("stream " << id);
        const auto& theirs = exit.apps.at(id);
        CHECK(ours.over());
        // The exit never learns about a stream that was reset before its OPEN was sent.
        CHECK((theirs.over() || !theirs.started));
        const bool reset = ours.did_reset || theirs.did_reset;
        if (reset) continue;
        CHECK_FALSE(ours.was_reset);
        CHECK_FALSE(theirs.was_reset);
        CHECK(ours.received == theirs.to_send);
        CHECK(theirs.received == ours.to_send);
    }
}

ChannelLaw law_of(double u, double loss) {
    directory::Parameters parameters;
    parameters.main_slots = {static_cast<std::uint32_t>(u * 1000)};
    parameters.replies = {static_cast<std::uint32_t>(u * 900)};
    parameters.down = {static_cast<std::uint32_t>(u * 1200)};
    ChannelLaw law;
    law.ups_per_second = u;
    law.downs_per_second = 0.9 * u;
    law.loss = loss;
    const base::Nanoseconds mean = parameters.mean_delay;
    law.up_delay = [mean](base::Random& random) { return test::mix_delay(random, 5, mean); };
    // A packet waits 3/D on average in the downlink's queue.
    const auto queue = 3 * parameters.down.mean_gap();
    law.down_delay = [mean, queue](base::Random& random) {
        return test::mix_delay(random, 4, mean) + random.exponential(queue);
    };
    law.resend_after = parameters.resend_after(parameters.replies);
    law.limits = stream::MuxLimits::for_rate(u, directory::repair_time(parameters));
    return law;
}

}  // namespace

TEST_CASE("every byte arrives in order or the stream is reset, at losses up to 20 %") {
    for (std::uint64_t seed = 1; seed <= 24; ++seed)
        check_delivery(seed,
                       law_of(seed % 3 == 0 ? 200 : 50, 0.2 * static_cast<double>(seed) / 24));
}

TEST_CASE("the same with duplicated packets, up to 10 s late, and windows of a few packets") {
    for (std::uint64_t seed = 101; seed <= 116; ++seed) {
        auto law = law_of(100, seed % 2 == 0 ? 0.1 : 0.2);
        law.duplicates = 0.2;
        law.up_delay = law.down_delay = [](base::Random& random) {
            const auto most = random.below(3) == 0 ? 10'000 : 300;
            return base::Nanoseconds{Milliseconds{random.below(most)}};
        };
        if (seed % 4 == 0) {
            law.limits = {.streams_max = 16,
                          .send_buffer = 5'000,
                          .receive_window = 3'000,
                          .session_window = 40'000,
                          .initial_window = 2'000};
        }
        check_delivery(seed, law);
    }
}

TEST_CASE("without loss almost nothing is sent again, also at 500 slots a second") {
    for (const double u : {5.0, 50.0, 500.0}) {
        INFO("U " << u);
        base::SeededRandom random{31};
        StreamChannel channel{law_of(u, 0), random};
        channel.run_until(base::Mono{} + Seconds{u > 100 ? 20 : 400}, [] {});
        CHECK(channel.up.sent > 1500);
        CHECK(static_cast<double>(channel.up.given_up) <
              5 + 3e-4 * static_cast<double>(channel.up.sent));
        CHECK(static_cast<double>(channel.down.given_up) <
              5 + 3e-4 * static_cast<double>(channel.down.sent));
    }
}

TEST_CASE("with loss what is given up is what was lost, also at 500 slots a second") {
    for (const double u : {50.0, 500.0}) {
        INFO("U " << u);
        base::SeededRandom random{32};
        StreamChannel channel{law_of(u, 0.2), random};
        channel.run_until(base::Mono{} + Seconds{u > 100 ? 20 : 200}, [] {});
        const auto excess =
            static_cast<double>(channel.down.given_up) - static_cast<double>(channel.down.dropped);
        CHECK(excess < 0.01 * static_cast<double>(channel.down.sent));
    }
}

TEST_CASE("a download uses nearly every byte that the slots leave it") {
    for (const double u : {50.0, 500.0}) {
        INFO("U " << u);
        base::SeededRandom random{33};
        const auto law = law_of(u, 0);
        StreamChannel channel{law, random};
        const auto id = *channel.client.open({"host1", 80});
        base::Bytes bytes(4096, 1);
        std::size_t got = 0;
        const auto pump = [&] {
            for (const auto& event : channel.exit.take_events()) {
                if (event.kind == Event::Kind::opened) channel.exit.accept(id);
            }
            while (channel.exit.write(id, bytes) == bytes.size()) {
            }
            base::Bytes out(100'000);
            got += channel.client.read(id, out);
            channel.client.take_events();
        };
        channel.run_until(base::Mono{} + Seconds{10}, pump);
        const auto before = got;
        channel.run_until(base::Mono{} + Seconds{40}, pump);
        const auto possible = 30 * law.downs_per_second * stream::message_size;
        const auto share = static_cast<double>(got - before) / possible;
        MESSAGE("U " << u << ": goodput " << share << " of " << possible / 30 << " bytes a second");
        CHECK(share > 0.95);
    }
}

TEST_CASE("streams share a session's packets evenly, whatever they send") {
    base::SeededRandom random{34};
    StreamChannel channel{law_of(50, 0.01), random};
    const base::Bytes bytes(4096, 1);
    std::map<StreamId, std::size_t> got;
    for (int i = 0; i < 10; ++i)
        got[*channel.client.open({"host", 80})] = 0;
    std::size_t asked = 0;
    const auto pump = [&] {
        for (const auto& event : channel.exit.take_events()) {
            if (event.kind == Event::Kind::opened) channel.exit.accept(event.stream);
        }
        channel.client.take_events();
        for (auto& [id, sum] : got) {
            // The last stream sends few bytes at a time, like a terminal.
            const auto seconds =
                static_cast<std::size_t>(base::to_seconds(channel.now().time_since_epoch()));
            if (id < 10) channel.exit.write(id, bytes);
            if (id == 10 && seconds > asked)
                asked += channel.exit.write(id, base::ByteView{bytes}.first(1));
            base::Bytes out(100'000);
            sum += channel.client.read(id, out);
        }
    };
    channel.run_until(base::Mono{} + Seconds{60}, pump);
    for (StreamId id = 1; id < 10; ++id) {
        CHECK(got[id] > 0.8 * 60 * 45 * 2000 / 9);
        CHECK(got[id] < 1.2 * 60 * 45 * 2000 / 9);
    }
    CHECK(asked >= 58);
    CHECK(got[10] >= 54);
}
