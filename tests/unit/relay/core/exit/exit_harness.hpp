// One exit's sessions and a client that the test plays, without cryptography.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "relay/core/exit_sessions.hpp"
#include "sphinx/stream/packet_log.hpp"
#include "tests/support/arriving_frames.hpp"

namespace nightjar::exit_test {

using base::Milliseconds;
using base::Mono;
using base::Seconds;
using relay::core::ExitSessions;
using stream::Event;
using stream::Mux;
using stream::Side;

/// Writes the message in clear. The SURB's first bytes take the place of the first hop.
struct PlainSealer final : relay::core::ReplySealer {
    std::optional<base::NodeId> seal(base::ByteView surb, base::ByteView message,
                                     base::ByteSpan packet) override {
        std::copy(message.begin(), message.end(), packet.begin());
        return base::NodeId::from(surb.first(base::NodeId::size()));
    }
};

inline constexpr base::Wall wall_start{Seconds{3600 * 1000}};  // an epoch's start

/// Network time at `now`, in tests that begin at wall_start.
inline base::Wall wall(Mono now) {
    return wall_start + std::chrono::floor<Milliseconds>(now - Mono{});
}
/// The second of network time that comes this long after wall_start.
inline std::uint32_t second(std::uint32_t after_start) {
    return 3600 * 1000 + after_start;
}

struct Harness {
    explicit Harness(relay::core::ExitLimits limits = {})
        : exit{parameters, random, counters, limits, std::make_unique<PlainSealer>()} {
        id.bytes.fill(7);
    }

    /// Sends one packet up, with SURBs numbered from `surb_number`.
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
        exit.on_message(message(surbs, schedule), now, wall(now));
    }
    std::vector<ExitSessions::Reply> tick(Mono until) {
        std::vector<ExitSessions::Reply> replies;
        exit.tick(until, wall(until), replies);
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
        CHECK(test::arrive_at_client(client, stream::frames_of(header, body)));
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
    relay::core::Counters counters;
    ExitSessions exit;
    Mux client{Side::client};
    stream::ArrivedLog arrived;
    base::SessionId id;
    stream::PacketNumber number = 0;
    unsigned surb_number = 0;
    Mono now{};
};

inline std::size_t dropped(const relay::core::Counters& counters, relay::core::DropReason reason) {
    return counters.dropped[static_cast<std::size_t>(reason)];
}

inline constexpr stream::Schedule full{1, 45'000, 0, 0};

}  // namespace nightjar::exit_test
