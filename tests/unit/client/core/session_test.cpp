#include "tests/unit/client/core/session_fixture.hpp"

#include <set>

using namespace nightjar;
using namespace nightjar::client::core;
using namespace std::chrono_literals;
using Fixture = client_test::SessionFixture;

TEST_CASE("a packet goes from the gateway through each layer to the session's exit") {
    Fixture f;
    const auto up = f.compose();
    REQUIRE(up.walked.path.size() == 5);
    CHECK(up.walked.path[0] == f.gateway);
    for (std::size_t i = 1; i <= 3; ++i)
        CHECK(f.network.layer(up.walked.path[i]) == i);
    CHECK(up.walked.path[4] == f.exit);
    CHECK(std::ranges::equal(up.walked.end.destination.bytes, f.exit.bytes));
    CHECK(up.walked.end.identifier.is_zero());
    CHECK(up.header.session == f.session.id());
    CHECK(up.header.number >= 1);
    CHECK(up.header.number <= 64);
    CHECK(up.header.surb_epoch == f.network.document->epoch.low_byte());
    CHECK(up.header.schedule.sequence == 1);
    CHECK(up.header.schedule.pace_milli == 0);
    CHECK(up.header.schedule.change_at == 1'800'000'003);
    CHECK(up.header.schedule.next_pace_milli == 45'000);
}

TEST_CASE("each session draws when it changes to the next epoch, 15 to 45 s before it") {
    std::set<base::Milliseconds> drawn;
    Fixture f;
    const auto& parameters = f.network.document->parameters;
    const auto epoch = f.network.document->epoch;
    const auto end = directory::epoch_start(epoch.next(), parameters.epoch_length);
    for (int session = 0; session < 200; ++session) {
        EpochSwitch change{f.network.random};
        CHECK(change.epoch_for(end - 45'001ms, parameters.epoch_length) == epoch);
        auto at = end - 45s;
        while (change.epoch_for(at, parameters.epoch_length) == epoch)
            at += 100ms;
        CHECK(at <= end - 14'900ms);
        drawn.insert(end - at);
        for (; at < end + 2s; at += 100ms)
            CHECK(change.epoch_for(at, parameters.epoch_length) == epoch.next());
        // It draws again in the next epoch.
        const auto next_end = end + parameters.epoch_length;
        at = next_end - 45s;
        while (change.epoch_for(at, parameters.epoch_length) == epoch.next())
            at += 100ms;
        drawn.insert(next_end - at);
    }
    CHECK(drawn.size() > 200);
    CHECK(*drawn.begin() < 16s);
    CHECK(*drawn.rbegin() > 44s);
}

TEST_CASE("packets of an epoch's last seconds, and their SURBs, are made for the next epoch") {
    Fixture f;
    const auto& parameters = f.network.document->parameters;
    const auto end =
        directory::epoch_start(f.network.document->epoch.next(), parameters.epoch_length);
    f.network.wall = end - 46s;
    CHECK(f.compose().header.surb_epoch == f.network.document->epoch.low_byte());
    f.network.wall = end - 14s;
    const auto packet = f.session.compose(f.schedule, f.now, f.network.wall, f.now, f.context());
    REQUIRE(packet);
    const auto& cell = *packet->cell;
    CHECK(cell.epoch() == f.network.document->epoch.next().low_byte());
    CHECK(f.network.walk(f.gateway, cell.body(), cell.epoch()).path.size() == 5);
    f.network.wall = end + parameters.epoch_length;  // no document has keys of that epoch yet
    CHECK_FALSE(f.session.compose(f.schedule, f.now, f.network.wall, f.now, f.context()));
}

TEST_CASE("one mix of the route stays, there and back; the others change") {
    Fixture f;
    std::set<base::NodeId> seen[3];
    for (int i = 0; i < 40; ++i) {
        f.now += 20ms;
        const auto up = f.compose();
        for (std::size_t layer = 0; layer < 3; ++layer)
            seen[layer].insert(up.walked.path[layer + 1]);
    }
    std::set<base::NodeId> back[3];
    for (const auto& surb : f.surbs) {
        const auto used = packet::use_surb(surb, {}, packet::payload_size);
        const auto path =
            f.network.walk(used->first_hop, used->packet, f.network.document->epoch.low_byte())
                .path;
        for (std::size_t layer = 0; layer < 3; ++layer)
            back[layer].insert(path[layer]);
    }
    CHECK(seen[1].size() == 1);
    CHECK(back[1] == seen[1]);
    for (const std::size_t layer : {0, 2}) {
        CHECK(seen[layer].size() == 3);
        CHECK(back[layer].size() == 3);
    }
    CHECK(layers_to_keep(3, 1) == std::vector<std::size_t>{1});
    CHECK(layers_to_keep(3, 2) == std::vector<std::size_t>{1, 0});
    CHECK(layers_to_keep(1, 3) == std::vector<std::size_t>{0});
    CHECK(layers_to_keep(3, 0).empty());
}

TEST_CASE("the stock is filled to S* and then only what is missing is sent") {
    Fixture f;
    const auto target = f.network.document->parameters.surb_stock_target({45'000});
    for (std::uint32_t sent = 0; sent < target;) {
        f.now += 20ms;
        const auto up = f.compose();
        CHECK(up.header.surb_count == std::min<std::uint32_t>(5, target - sent));
        sent += up.header.surb_count;
    }
    f.now += 20ms;
    CHECK(f.compose().header.surb_count == 0);
    CHECK(f.surbs.size() == target);
    CHECK_FALSE(f.session.stock_confirmed());

    f.now = f.network.now + 3s;
    for (int i = 0; i < 3; ++i)
        CHECK(f.reply(f.arrived.newest(), i == 0));
    CHECK(f.session.answered());
    // The reports are not settled yet: the stock is refilled for the ticks that are due.
    CHECK_FALSE(f.session.stock_confirmed());
    while (f.now < f.network.now + 5s) {
        f.now += 20ms;
        f.compose();
        CHECK(f.session.estimate(f.now) == target);
    }
    const auto& law = f.network.document->parameters;
    const auto ticks = 45 * base::to_seconds(f.now - law.mean_round_trip() / 2 - f.applied());
    CHECK(f.surbs.size() - (target - 3) == static_cast<std::size_t>(ticks));
    f.settle();
    CHECK(f.session.stock_confirmed());
    CHECK(f.session.stock() == target - 3);
}

TEST_CASE("an exit that answers without its SURBs has not confirmed its stock") {
    Fixture f;
    f.speak();
    const auto least = f.network.document->parameters.surb_margin / 2;
    for (int i = 0; i < 20; ++i) {
        f.now += 20ms;
        f.compose();
    }
    // All but a few of them are lost on the way.
    const auto all = f.surbs;
    f.surbs.resize(least);
    f.now = f.network.now + 3s;
    CHECK_FALSE(f.session.stock_confirmed());
    REQUIRE(f.reply({}));
    CHECK(f.session.answered());
    f.settle();
    CHECK(f.session.stock() == least - 1);
    CHECK_FALSE(f.session.stock_confirmed());
    // More arrive late: what the exit then says it has is enough.
    f.surbs.assign(all.begin() + least, all.begin() + 2 * least + 1);
    REQUIRE(f.reply({}));
    f.settle();
    CHECK(f.session.stock() == least);
    CHECK(f.session.stock_confirmed());
}

TEST_CASE("streams run over the session, and what a lost packet carried goes again") {
    Fixture f;
    auto& mux = f.session.mux();
    const auto id = mux.open({"example.org", 80});
    REQUIRE(id);
    mux.write(*id, base::as_bytes("hello"));
    for (int i = 0; i < 20; ++i) {
        f.now += 20ms;
        f.compose();
    }
    const auto events = f.far.take_events();
    REQUIRE(!events.empty());
    CHECK(events[0].kind == stream::Event::Kind::opened);
    CHECK(events[0].target == stream::Target{"example.org", 80});
    base::ByteArray<16> got{};
    CHECK(f.far.read(*id, got) == 5);
    f.far.accept(*id);
    f.far.write(*id, base::as_bytes("world"));
    f.now = f.network.now + 3s;
    f.reply({});
    CHECK(mux.read(*id, got) == 5);
    CHECK(base::as_text(base::ByteView{got}.first(5)) == "world");

    while (f.session.target(f.schedule, f.now) > f.session.estimate(f.now))
        f.compose();
    mux.write(*id, base::as_bytes("lost?"));
    const auto lost = f.session.compose(f.schedule, f.now, f.network.wall, f.now, f.context());
    CHECK_FALSE(mux.has_data());
    // Time alone does not show the loss. A reply that left later than an ack can come does.
    const auto late = f.now + f.network.document->parameters.answer_after({45'000});
    const auto send = [&f] {
        for (int i = 0; i < 50; ++i)
            f.compose();
    };
    f.settle();
    send();
    CHECK(f.far.readable(*id) == 0);
    f.now = std::max(f.now, late);
    f.tick_to_now();
    f.reply(f.arrived.newest());
    f.settle();
    send();
    CHECK(f.far.read(*id, got) == 5);
    CHECK(base::as_text(base::ByteView{got}.first(5)) == "lost?");
}

TEST_CASE("a ping knows when it left and by which way") {
    Fixture f;
    f.session.mux().ping(77);
    f.compose();  // five SURBs leave no room in it
    Fixture::Up up;
    while (f.session.target(f.schedule, f.now) > f.session.estimate(f.now)) {
        f.now += 20ms;
        up = f.compose();
    }
    f.now += 20ms;
    f.compose();
    f.now = f.network.now + 3s;
    f.reply({});
    bool pong = false;
    for (const auto& event : f.session.mux().take_events())
        pong = pong || (event.kind == stream::Event::Kind::pong && event.nonce == 77);
    CHECK(pong);
    const auto sent = f.session.take_sent_ping(77);
    REQUIRE(sent);
    CHECK(sent->there.size() == 5);
    CHECK(sent->there.back() == f.exit);
    CHECK_FALSE(f.session.take_sent_ping(77));
}

TEST_CASE(
    "a packet that never left gives back its bytes, its SURBs' weight and its pings at once") {
    Fixture f;
    const auto compose = [&] {
        f.now += 20ms;
        return f.session.compose(f.schedule, f.now, f.network.wall, f.now, f.context());
    };
    std::optional<SlotPacket> packet;
    while (f.session.target(f.schedule, f.now) > f.session.estimate(f.now)) {
        packet = compose();
        REQUIRE(packet);
    }
    const auto stocked = f.session.estimate(f.now);
    f.session.not_sent(packet->number);
    const auto last = static_cast<std::uint32_t>(packet->awaited.size());
    CHECK(f.session.estimate(f.now) == stocked - last);
    packet = compose();
    REQUIRE(packet);
    CHECK(packet->session == 1);
    CHECK_FALSE(packet->awaited.empty());
    CHECK(packet->awaited.size() <= 5);
    for (const auto& identifier : packet->awaited)
        CHECK(f.outstanding.take(identifier));
    CHECK(packet->awaited.size() == last);  // it makes up for them
    CHECK(f.session.estimate(f.now) == stocked);

    auto& mux = f.session.mux();
    const auto id = mux.open({"example.org", 80});
    REQUIRE(id);
    mux.write(*id, base::as_bytes("hello"));
    mux.ping(77);
    packet = compose();
    REQUIRE(packet);
    CHECK_FALSE(mux.has_data());
    f.session.not_sent(packet->number);
    f.now += 20ms;
    f.compose();
    base::ByteArray<16> got{};
    CHECK(f.far.read(*id, got) == 5);
    const auto sent = f.session.take_sent_ping(77);
    REQUIRE(sent);
    CHECK(sent->left == f.now);
    // It has left now, and is not sent again.
    f.session.not_sent(packet->number);
    CHECK_FALSE(mux.has_data());
}

TEST_CASE("a link that comes back at once has slots before those that packets were made for") {
    Fixture f;
    f.now += 50ms;
    std::set<stream::PacketNumber> numbers{f.compose().header.number};
    f.now -= 40ms;
    numbers.insert(f.compose().header.number);
    f.now += 100ms;
    numbers.insert(f.compose().header.number);
    CHECK(numbers.size() == 3);
}

TEST_CASE("SURBs in a lost packet are sent again when a settled reply shows the loss") {
    // The SURBs sent by the time of each slot. The third packet may be lost.
    const auto run = [](bool loss) {
        Fixture f;
        std::vector<std::size_t> sent;
        for (std::size_t packet = 1; packet <= 450; ++packet) {
            const auto before = f.arrived;
            const auto count = f.compose().header.surb_count;
            sent.push_back((sent.empty() ? 0 : sent.back()) + count);
            if (loss && packet == 3) {
                f.surbs.erase(f.surbs.end() - count, f.surbs.end());
                f.arrived = before;
            }
            f.now += 20ms;
            while (f.ticked(f.replies + 1) <= f.now)
                f.reply(f.arrived.newest());
        }
        return sent;
    };
    const auto sent = run(false);
    const auto with_loss = run(true);
    const directory::Parameters law;
    const auto shown = 2 * 20ms + law.longest_route_delay() + law.settle_after();
    for (std::size_t i = 0; i < sent.size(); ++i) {
        INFO("slot " << i);
        const auto more = with_loss[i] - sent[i];
        if (i * 20ms < shown) CHECK(more == 0);
        if (i * 20ms > shown + 400ms) CHECK(more == 5);
    }
}

TEST_CASE("SURBs that can no longer be answered are forgotten") {
    Fixture f;
    const auto longest = f.network.document->parameters.longest_route_delay();
    f.compose();
    const auto first = f.outstanding.size();
    f.surbs.clear();  // they are lost, so the exit will not spend them
    f.now += longest + 1s;
    f.compose();
    f.reply({});
    CHECK(f.outstanding.size() == first + 4);
    f.session.settle(f.now + longest, f.outstanding);
    CHECK(f.outstanding.size() == 4);
}
