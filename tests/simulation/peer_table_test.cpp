#include "tests/lab/world/peer_table.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>

#include "sphinx/base/random.hpp"
#include "tests/lab/world/relay_node.hpp"
#include "tests/lab/world/world.hpp"

using namespace nightjar;
using lab::world::PeerTable;

TEST_CASE("peer table: a name gives its number and a number its name, however many there are") {
    base::SeededRandom random{1};
    PeerTable table;
    std::vector<lab::world::Peer> names;
    for (std::uint32_t number = 0; number < 1'000; ++number) {
        if (number % 3 == 0)
            names.emplace_back(random.id<base::NodeId>());
        else
            names.emplace_back(random.id<base::MailboxId>());
        CHECK_FALSE(table.find(names.back()));
        REQUIRE(table.add(names.back()));
        for (const std::uint32_t one : {0u, number / 2, number}) {
            REQUIRE(table.find(names[one]) == one);
            REQUIRE(table[one] == names[one]);
        }
    }
}

TEST_CASE("world: a name that no node has") {
    lab::world::World world{{}};
    const base::MailboxId nobody;
    CHECK_THROWS_AS(world.number_of(nobody), std::out_of_range);
    CHECK(world.send(world.gateway(0), nobody, std::make_unique<cell::Cell>()) ==
          relay::core::SendResult::no_link);
    CHECK(world.number_of(world.gateway(0).identity()) == world.gateway(0).number);
}

TEST_CASE("peer table: names of one hash, and one id under both kinds, are different names") {
    base::NodeId first, second;
    second.bytes.back() = 1;  // the hash reads only the first bytes
    base::MailboxId mailbox;
    PeerTable table;
    REQUIRE(table.add(first));
    CHECK_FALSE(table.find(second));
    CHECK_FALSE(table.find(mailbox));
    REQUIRE(table.add(second));
    REQUIRE(table.add(mailbox));
    CHECK_FALSE(table.add(first));
    CHECK(table.find(first) == 0);
    CHECK(table.find(second) == 1);
    CHECK(table.find(mailbox) == 2);
}
