#include "relay/core/delivery.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "sphinx/base/random.hpp"
#include "sphinx/packet/geometry.hpp"

using namespace nightjar;
using relay::core::DropReason;

namespace {

std::string name_of(const relay::core::FinalAction& action) {
    if (std::holds_alternative<relay::core::OwnLoop>(action)) return "own loop";
    if (std::holds_alternative<relay::core::ToExit>(action)) return "exit";
    if (std::holds_alternative<relay::core::ToMailbox>(action)) return "mailbox";
    if (std::holds_alternative<relay::core::Nowhere>(action)) return "nowhere";
    return relay::core::drop_reason_names[static_cast<std::size_t>(std::get<DropReason>(action))];
}

}  // namespace

TEST_CASE("delivery: where a packet ends is decided by its last block alone") {
    enum Destination { own, mailbox, nobody };
    enum SurbId { zero, set };
    struct Case {
        Destination destination;
        SurbId identifier;
        bool from_client, is_exit, is_gateway;
        const char* action;
    };
    const Case cases[] = {
        // A gateway that is an exit.
        {own, zero, false, true, true, "exit"},
        {own, set, false, true, true, "own loop"},
        {mailbox, set, false, true, true, "mailbox"},
        {mailbox, zero, false, true, true, "misrouted"},
        // A gateway that is not an exit.
        {own, zero, false, false, true, "misrouted"},
        {own, set, false, false, true, "own loop"},
        {mailbox, set, false, false, true, "mailbox"},
        {mailbox, zero, false, false, true, "misrouted"},
        // Drop cover ends at any gateway.
        {nobody, zero, false, true, true, "nowhere"},
        {nobody, zero, false, false, true, "nowhere"},
        {nobody, set, false, false, true, "mailbox"},
        // A mix.
        {nobody, zero, false, false, false, "misrouted"},
        {own, zero, false, false, false, "misrouted"},
        {own, set, false, false, false, "own loop"},
        {mailbox, set, false, false, false, "misrouted"},
        {mailbox, zero, false, false, false, "misrouted"},
        // A client's packet must not end at its own gateway, whatever its content.
        {nobody, zero, true, true, true, "misrouted"},
        {own, zero, true, true, true, "misrouted"},
        {own, set, true, true, true, "misrouted"},
        {mailbox, set, true, true, true, "misrouted"},
        {mailbox, zero, true, true, true, "misrouted"},
    };
    base::SeededRandom random{1};
    const auto self = random.id<base::NodeId>();
    const auto client = random.id<base::MailboxId>();
    const std::map<Destination, std::array<std::uint8_t, 32>> to{
        {own, self.bytes}, {mailbox, client.bytes}, {nobody, {}}};
    for (const auto& c : cases) {
        packet::Final final;
        final.destination.bytes = to.at(c.destination);
        if (c.identifier == set) final.identifier = random.id<base::SurbId>();
        CAPTURE(c.destination);
        CAPTURE(c.identifier);
        CAPTURE(c.is_gateway);
        const auto action =
            relay::core::final_action(final, self, c.from_client, c.is_exit, c.is_gateway);
        CHECK(name_of(action) == c.action);
        if (const auto* held = std::get_if<relay::core::ToMailbox>(&action))
            CHECK(held->client.bytes == final.destination.bytes);
        if (const auto* loop = std::get_if<relay::core::OwnLoop>(&action))
            CHECK(loop->identifier == final.identifier);
    }
}

TEST_CASE("delivery: the body is identifier 16, payload 2065, zeros 332, and the epoch 0") {
    base::SeededRandom random{2};
    base::Bytes body(cell::body_size);
    random.fill(body);
    auto cell = cell::Cell::packet(body, 77);
    const auto identifier = random.id<base::SurbId>();
    const base::Bytes payload(body.begin() + packet::header_size, body.end());
    REQUIRE(payload.size() == 2065);
    CHECK(std::ranges::equal(relay::core::final_payload(cell), payload));

    relay::core::make_delivery(cell, identifier);
    CHECK(cell.kind() == cell::Kind::packet);
    CHECK(cell.epoch() == 0);
    const auto made = cell.body();
    CHECK(std::ranges::equal(made.first(16), identifier.bytes));
    CHECK(std::ranges::equal(made.subspan(16, 2065), payload));
    CHECK(std::ranges::equal(made.subspan(16 + 2065), base::Bytes(332)));
}
