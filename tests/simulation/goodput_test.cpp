// How much of what the law leaves for bytes arrives as bytes, at each rate of a network (LawWorld).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "client/core/slot_shares.hpp"
#include "sphinx/directory/lint.hpp"
#include "tests/lab/world/law_world.hpp"
#include "tests/simulation/short_run.hpp"

using namespace nightjar;
using namespace nightjar::lab::world;
using namespace std::chrono_literals;

namespace {

/// Receives for ever, and counts.
struct Counter final : ByteServer {
    explicit Counter(std::uint64_t& sum) : count{sum} {}
    void on_bytes(base::ByteView bytes) override { count += bytes.size(); }
    void on_finish() override { end = true; }
    std::uint64_t& count;
};

/// The parameters of a network with `slots` main slots a second, as the demo chooses them: the
/// mean delay grows with the gap of a slow network.
LawOptions options_at(std::uint32_t slots) {
    LawOptions options;
    options.seed = options.client_seed = slots;
    auto& law = options.parameters;
    law.main_slots = {slots * 1'000};
    law.client_loops = {slots * 100};
    law.replies = {slots * 900};
    law.down = directory::least_down(law);
    law.mean_delay = base::Milliseconds{std::max(50u, 2'500u / slots)};
    return options;
}

/// Bytes a second that arrive in the time of 12,000 slots, from 20 s after the start of the
/// transfer. A lost packet holds up what comes behind it for up to 16 s, so a shorter time says
/// little: half a minute at 25 slots a second gives 0.75 to 1.23 of the rate.
double steady(LawWorld& world, std::uint64_t& count, std::uint32_t slots) {
    world.run_for(20s);
    const auto before = count;
    const base::Seconds seconds{12'000 / slots};
    world.run_for(seconds);
    return static_cast<double>(count - before) / base::to_seconds(seconds);
}

double download_at(std::uint32_t slots, double loss) {
    auto options = options_at(slots);
    options.loss = loss;
    LawWorld world{options};
    world.servers.add("blob.example", 7, blob_server);
    std::uint64_t count = 0;
    std::optional<client::core::StreamRef> stream;
    base::Bytes buffer(65'536);
    world.application = [&] {
        if (stream)
            while (const auto n = world.core().read(*stream, buffer))
                count += n;
        for (const auto& event : world.core().take_events())
            CHECK(event.event.kind != stream::Event::Kind::reset);
    };
    world.run_for(90s);
    stream = world.core().open("", {"blob.example", 7});
    REQUIRE(stream);
    const base::ByteArray<8> size{0, 0, 0, 0, 0x40, 0, 0, 0};
    world.core().write(*stream, size);
    return steady(world, count, slots);
}

double upload_at(std::uint32_t slots, double loss) {
    auto options = options_at(slots);
    options.loss = loss;
    LawWorld world{options};
    std::uint64_t count = 0;
    world.servers.add("sink.example", 7, [&] { return std::make_unique<Counter>(count); });
    std::optional<client::core::StreamRef> stream;
    const base::Bytes bytes(65'536, 7);
    world.application = [&] {
        if (stream)
            while (world.core().write(*stream, bytes) > 0) {
            }
        for (const auto& event : world.core().take_events())
            CHECK(event.event.kind != stream::Event::Kind::reset);
    };
    world.run_for(90s);
    stream = world.core().open("", {"sink.example", 7});
    REQUIRE(stream);
    return steady(world, count, slots);
}

}  // namespace

TEST_CASE("a transfer has 95 % of what the law leaves for bytes, at 25 to 400 slots a second") {
    for (const double loss : {0.0, 0.01}) {
        for (const std::uint32_t slots : {25, 50, 100, 200, 400}) {
            if (test::short_run() && slots != 50 && slots != 400) continue;
            // Sessions ask for 15 of 16 slots, and each reply takes a SURB.
            const auto asked = (1 - client::core::spare_share) * slots;
            const auto most_up = asked * (stream::message_size - stream::up_header_size) -
                                 0.9 * slots * stream::surb_size;
            const auto most_down = 0.9 * slots * stream::down_room;
            const auto down = download_at(slots, loss) / most_down;
            const auto up = upload_at(slots, loss) / most_up;
            std::printf("U = %3u, loss %.2f: %.3f of the rate down, %.3f up\n", slots, loss, down,
                        up);
            CHECK(down > 0.95 * (1 - 2 * loss));
            CHECK(up > 0.95 * (1 - 2 * loss));
        }
    }
}
