// A relay of a small network whose pipeline a test calls step by step, with links that record what
// leaves.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "relay/core/delivery.hpp"
#include "relay/core/pipeline.hpp"
#include "tests/support/owned_filter.hpp"
#include "tests/unit/test_network.hpp"

namespace nightjar::pipeline_test {

using namespace std::chrono_literals;
using relay::core::DropReason;
using relay::core::Origin;
using relay::core::Pipeline;
using relay::core::SendResult;

inline constexpr base::IpAddress this_machine{false, {127, 0, 0, 1}};

struct Links final : relay::core::Egress {
    struct Left {
        base::Mono at;
        base::NodeId next;
        cell::Cell cell;
    };
    std::vector<Left> relays;
    std::vector<cell::Cell> deliveries;
    unsigned padding = 0;
    base::Mono now{};
    SendResult answer = SendResult::queued;

    SendResult to_relay(const base::NodeId& next, cell::CellBox cell) override {
        if (answer == SendResult::queued) relays.push_back({now, next, *cell});
        return answer;
    }
    SendResult to_client(const base::MailboxId&, cell::CellBox cell) override {
        if (cell->kind() == cell::Kind::packet)
            deliveries.push_back(*cell);
        else
            ++padding;
        return SendResult::queued;
    }
};

/// One relay of the network. The test calls its pipeline step by step.
struct Relay {
    Relay(test::Network& network, const std::string& name,
          relay::core::ExitSessions* exit = nullptr, relay::core::PipelineOptions options = {})
        : network{network},
          identity{network.named(name).identity},
          pipeline{identity, network.document(), keyring,     exit,
                   random,   counters,           test::start, options} {
        for (const auto epoch : {test::epoch, test::epoch.next()})
            keyring.add(network.key(network.named(name), epoch),
                        std::make_unique<test::OwnedFilter>());
    }

    void take(const Origin& from, cell::CellBox cell, base::Mono at) {
        auto work = pipeline.accept(from, std::move(cell), at, network.wall());
        if (!work) return;
        std::vector<relay::core::Work> batch;
        batch.push_back(std::move(*work));
        relay::core::unwrap(batch);
        pipeline.unwrapped(batch);
    }
    void take_from(const std::string& name, cell::CellBox cell, base::Mono at = test::start) {
        take({&network.named(name), {}}, std::move(cell), at);
    }
    void tick(base::Mono now) {
        links.now = now;
        pipeline.tick(now, network.wall(), links);
    }
    void run(base::Mono from, base::Nanoseconds duration) {
        for (auto now = from; now <= from + duration; now += 1ms)
            tick(now);
    }
    std::uint64_t dropped(DropReason reason) const {
        return counters.dropped[static_cast<std::size_t>(reason)];
    }
    std::uint64_t dropped() const {
        std::uint64_t sum = 0;
        for (const auto count : counters.dropped)
            sum += count;
        return sum;
    }

    test::Network& network;
    base::NodeId identity;
    base::SeededRandom random{1};
    relay::core::Counters counters;
    relay::core::Keyring keyring{900s, 3500ms};
    Pipeline pipeline;
    Links links;
};

struct Fixture {
    test::Network network;
    base::MailboxId client = network.random.id<base::MailboxId>();
    base::SurbId identifier = network.random.id<base::SurbId>();

    Fixture() { network.parameters().relay_loops = {0}; }
    base::Destination own(const std::string& name) { return {network.named(name).identity.bytes}; }
    base::Destination mailbox() { return {client.bytes}; }
};

}  // namespace nightjar::pipeline_test
