// A network, and what a relay's cover sends in it.
#pragma once

#include <doctest/doctest.h>

#include <variant>
#include <vector>

#include "relay/core/cover.hpp"
#include "tests/unit/test_network.hpp"

namespace nightjar::cover_test {

using namespace std::chrono_literals;
using relay::core::Cover;

struct SendResult {
    base::Mono at;
    base::NodeId first_hop;
    cell::Cell cell;
};

struct Fixture {
    test::Network network;
    base::SeededRandom random{1};
    relay::core::Counters counters;

    Cover cover(const std::string& self) {
        return {network.named(self).identity, network.document(), random, counters, test::start};
    }
    /// Runs in ticks of 1 ms, and builds loops between them, as the daemon does.
    std::vector<SendResult> run(Cover& cover, base::Mono from, base::Nanoseconds duration) {
        std::vector<SendResult> sent;
        std::vector<Cover::Loop> out;
        for (auto now = from; now < from + duration; now += 1ms) {
            if (cover.next_due() > now) continue;
            cover.tick(now, network.wall(), out);
            for (auto& loop : out)
                sent.push_back({now, loop.first_hop, *loop.cell});
            out.clear();
            cover.build_ahead(now, network.wall());
        }
        return sent;
    }
    /// Unwraps hop by hop. Returns the relays passed; `final` is what the last one reads.
    std::vector<const directory::Relay*> follow(const SendResult& sent, packet::Final& final) {
        auto cell = sent.cell;
        std::vector<const directory::Relay*> passed;
        auto next = sent.first_hop;
        for (;;) {
            const auto* relay = network.document()->find(next);
            REQUIRE(relay);
            passed.push_back(relay);
            const auto key = network.key(*relay, test::epoch);
            const auto opened = packet::unwrap(cell.body(), key->keys.secret, packet::packet_size);
            REQUIRE(opened);
            if (const auto* forward = std::get_if<packet::Forward>(&opened->what)) {
                CHECK(forward->delay_ns <= 500'000'000);
                next = forward->next;
                continue;
            }
            final = std::get<packet::Final>(opened->what);
            return passed;
        }
    }
};

}  // namespace nightjar::cover_test
