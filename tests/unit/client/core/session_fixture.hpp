// A session of the client, and its exit's end played by hand with real packets.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "client/core/session.hpp"
#include "tests/support/arriving_frames.hpp"
#include "tests/unit/client_network.hpp"

namespace nightjar::client_test {

using namespace nightjar::client::core;
using namespace std::chrono_literals;

/// A session, and its exit's end played by hand with real packets.
struct SessionFixture {
    Network network;
    base::MailboxId self = network.random.id<base::MailboxId>();
    std::unique_ptr<Sealer> sealer = packet_sealer();
    Outstanding outstanding{1000};
    base::NodeId gateway = network.gateway_ids[0];
    base::NodeId exit = network.gateway_ids[1];
    Session session{1, exit, network.document->parameters, network.random};
    PaceSchedule schedule{.sequence = 1,
                          .now = {0},
                          .change_at = network.now + 3s,
                          .next = {45'000},
                          .change_second = 1'800'000'003};
    base::Mono now = network.now;
    stream::PacketNumber replies = 0;
    std::uint32_t incarnation = 7;
    stream::Mux far{stream::Side::exit};
    std::optional<bool> may_join;  // the exit's answer to a JOIN, in its next reply
    std::vector<base::Bytes> surbs;
    stream::ArrivedLog arrived;  // at the exit
    std::optional<stream::StreamId> spoken;

    /// From the next packet on each reply brings a byte, so that it is hardly ever claimed lost.
    void speak() { spoken = session.mux().open({"spoken", 1}); }
    SessionContext context() {
        return {*network.document, *network.document->find(gateway), self, *sealer, network.random,
                outstanding};
    }
    struct Up {
        Network::Walked walked;
        stream::UpHeader header;
        std::optional<stream::JoinToken> join{};
    };
    Up compose() {
        const auto packet = session.compose(schedule, now, network.wall, now, context());
        REQUIRE(packet);
        const auto& cell = *packet->cell;
        Up up{.walked = network.walk(gateway, cell.body(), cell.epoch()), .header = {}};
        const auto message = packet::read_message(up.walked.payload);
        REQUIRE(message);
        const auto header = stream::decode_up(*message);
        REQUIRE(header);
        up.header = *header;
        arrived.arrived(header->number);
        for (std::size_t i = 0; i < header->surb_count; ++i) {
            const auto surb = stream::surb_of(*header, *message, i);
            surbs.emplace_back(surb.begin(), surb.end());
        }
        const auto frames = stream::frames_of(*header, *message);
        const auto checked = stream::CheckedFrames::parse(stream::Side::exit, frames);
        REQUIRE(checked);
        if (const auto* join = checked->find(stream::FrameType::join)) {
            up.join.emplace();
            std::copy(join->bytes.begin(), join->bytes.end(), up.join->begin());
        }
        REQUIRE(test::arrive_at_exit(far, frames));
        return up;
    }
    /// When the exit applies the schedule's change.
    base::Mono applied() const { return schedule.change_at; }
    /// When the exit has made so many ticks.
    base::Mono ticked(stream::PacketNumber ticks) const {
        return applied() + base::from_seconds(ticks / schedule.next.per_second());
    }
    /// Waits until all replies so far are settled, and the exit has missed its ticks meanwhile.
    void settle() {
        const auto settled = ticked(replies) + network.document->parameters.settle_after();
        now = std::max({now, settled + 1ms, applied() + 3s});
        for (int step = 0; step < 8; ++step)  // a packet settles 80 replies at most
            compose();
        tick_to_now();
    }
    void tick_to_now() {
        while (ticked(replies + 1) <= now)
            ++replies;
    }
    /// The exit spends its oldest SURB. False if the session took nothing new from it.
    bool reply(stream::Acks acks, bool twice = false) {
        base::ByteArray<stream::message_size> message{};
        stream::encode({.number = ++replies,
                        .incarnation = incarnation,
                        .stock = static_cast<std::uint16_t>(surbs.size() - 1),
                        .acks = acks},
                       message);
        base::ByteSpan room = base::ByteSpan{message}.subspan(stream::down_header_size);
        if (may_join) {
            stream::Frame joined;
            joined.type = stream::FrameType::joined;
            joined.value = *may_join ? 1 : 0;
            base::Writer writer{room};
            stream::write_frame(writer, joined);
            room = room.subspan(writer.written());
        }
        if (spoken) {
            far.accept(*spoken);
            far.write(*spoken, base::ByteArray<1>{});
        }
        far.fill(replies, room);
        const auto used = packet::use_surb(surbs.front(), message, packet::payload_size);
        surbs.erase(surbs.begin());
        REQUIRE(used);
        const auto epoch = network.document->epoch.low_byte();
        const auto back = network.walk(used->first_hop, used->packet, epoch);
        CHECK(std::ranges::equal(back.end.destination.bytes, self.bytes));
        CHECK(back.path.size() == 4);
        CHECK(back.path.back() == gateway);
        const auto spent = outstanding.take(back.end.identifier);
        REQUIRE(spent);
        CHECK(std::equal(back.path.begin(), back.path.end(), spent->route.begin()));
        const auto recovered = sealer->recover(spent->recovery, back.payload);
        REQUIRE(recovered);
        const bool taken = session.on_reply(*recovered, *spent, now);
        if (twice) CHECK_FALSE(session.on_reply(*recovered, *spent, now));
        return taken;
    }
};

}  // namespace nightjar::client_test
