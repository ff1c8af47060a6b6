// An authority through many epochs, in a moment: when it signs, and what a restart, an outage or a
// relay out of reach does.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "relay/authority/status_file.hpp"
#include "tests/unit/relay/authority/town.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority;

TEST_CASE("authority: a new network gets its first document when its relays have come") {
    Town town;
    CHECK(town.ask("/document").status == 404);
    town.pass(base::Seconds{60});
    CHECK_FALSE(town.is_signed(first));
    town.send_all(first);
    town.authority->tick(town.now);
    REQUIRE(town.is_signed(first));
    const auto document = town.document(first);
    CHECK(document.relays.size() == 8);
    const auto anchors = node::config::load_anchors(town.folder / "network.yaml");
    CHECK(anchors.gateways.size() == 2);
    CHECK(directory::check(document, anchors, town.now, {}));
}

TEST_CASE(
    "authority: each epoch's document is signed half an epoch ahead, for as long as it runs") {
    Town town;
    town.send_all(first);
    town.pass(base::Seconds{2});
    for (int i = 0; i < 50; ++i) {
        const auto next = town.epoch().next();
        town.send_all(next);
        town.pass(hour / 2 - base::Seconds{3});
        CHECK_FALSE(town.is_signed(next));
        town.pass(base::Seconds{6});
        REQUIRE(town.is_signed(next));
        // Not valid yet: /document gives the one of this epoch.
        CHECK(town.ask("/document").body == to_text(town.document(town.epoch())));
        town.pass(hour / 2 - base::Seconds{3});
    }
}

TEST_CASE(
    "authority: one relay that is silent delays a document by half a minute, and is not in it") {
    Town town;
    town.send_all(first);
    town.pass(base::Seconds{2});
    const auto next = first.next();
    for (auto& member : town.members)
        if (member.relay.name != "relay-2b") town.send(member, next);
    town.now = begin + hour / 2;
    town.send(town.members[0], next);
    town.pass(base::Seconds{31});
    REQUIRE(town.is_signed(next));
    CHECK(town.document(next).relays.size() == 7);
    CHECK(town.send(town.members[5], next) == 409);  // relay-2b comes too late
}

TEST_CASE("authority: a relay that sends one descriptor after the other delays no document") {
    Town town;
    town.send_all(first);
    town.pass(base::Seconds{2});
    const auto next = first.next();
    for (auto& member : town.members)
        if (member.relay.name != "relay-2b") town.send(member, next);
    town.now = begin + hour / 2;
    auto& busy = town.members[0];
    for (int i = 1; i <= 6 && !town.is_signed(next); ++i) {
        busy.relay.name = "busy-" + std::to_string(i);
        const auto text = busy.keys.describe(busy.relay, next, base::Wall{base::Seconds{i}});
        const auto answer = town.authority->answer({"POST", "/descriptor", text, ""}, town.now);
        CHECK(answer.status == 200);
        town.pass(base::Seconds{10});
    }
    CHECK(town.is_signed(next));
}

TEST_CASE("authority: without a whole network nothing is signed, until it is whole") {
    Town town;
    for (auto& member : town.members)
        if (member.relay.layer != 2) town.send(member, first);
    town.pass(base::Seconds{120});
    CHECK_FALSE(town.is_signed(first));
    CHECK(town.authority->drafts() == 1);  // it is examined again only when something has changed
    town.send_all(first);
    town.pass(base::Seconds{2});
    CHECK(town.is_signed(first));
    CHECK(town.authority->drafts() == 2);
}

TEST_CASE("authority: a restart goes on, and never signs an epoch twice") {
    Town town;
    town.send_all(first);
    town.pass(base::Seconds{2});
    const auto signed_first = town.ask("/document").body;
    town.send_all(first.next());
    town.start();
    CHECK(town.ask("/document").body == signed_first);
    town.members[0].keys = test::RelayKeys{town.random};  // another relay in its place
    town.pass(base::Seconds{120});
    CHECK(town.ask("/document").body == signed_first);
    town.now = begin + hour / 2;
    town.pass(base::Seconds{2});
    CHECK(town.is_signed(first.next()));  // from the descriptors that were kept
}

TEST_CASE("authority: after an outage it signs what is missing, as soon as relays send") {
    Town town;
    town.send_all(first);
    town.pass(base::Seconds{2});
    town.now = begin + hour + hour / 4;  // it was down when the next one was due
    town.start();
    CHECK_FALSE(town.is_signed(first.next()));
    town.send_all(first.next());
    town.pass(base::Seconds{2});
    CHECK(town.is_signed(first.next()));
}

TEST_CASE("authority: a relay joins and another is expelled while it runs") {
    Town town;
    town.send_all(first);
    town.pass(base::Seconds{2});
    auto& late = town.add("late", 1);
    const auto expelled = Town::id(town.members[2]);
    CHECK(town.send(late, first.next()) == 403);  // until the list is read again
    std::filesystem::last_write_time(
        town.folder / "admitted",
        std::filesystem::last_write_time(town.folder / "admitted") + base::Seconds{2});
    CHECK(expel(town.folder / "admitted", expelled));
    CHECK_FALSE(expel(town.folder / "admitted", expelled));
    town.pass(base::Seconds{2});
    town.send_all(first.next());
    town.now = begin + hour / 2;
    town.pass(base::Seconds{2});
    const auto document = town.document(first.next());
    CHECK(document.find(Town::id(late)) != nullptr);
    CHECK(document.find(expelled) == nullptr);
    CHECK(town.document(first).find(expelled) != nullptr);
}

TEST_CASE("authority: a list that cannot be read changes nothing, and a full disk signs nothing") {
    Town town;
    std::ofstream{town.folder / "admitted"} << "nonsense\n";
    std::filesystem::last_write_time(
        town.folder / "admitted", std::filesystem::file_time_type::clock::now() + base::Seconds{5});
    town.pass(base::Seconds{2});
    town.send_all(first);
    // The disk: a folder in the document's place.
    std::filesystem::create_directories(town.folder / "documents" / "x");
    std::filesystem::rename(town.folder / "documents", town.folder / "away");
    town.pass(base::Seconds{2});
    CHECK_FALSE(town.is_signed(first));
    CHECK(town.ask("/document").status == 404);
    std::filesystem::rename(town.folder / "away", town.folder / "documents");
    town.pass(base::Seconds{2});
    CHECK(town.is_signed(first));
}

TEST_CASE("authority: a relay that it cannot reach is told so, and is not in the next document") {
    Town town;
    town.send_all(first);
    town.pass(base::Seconds{2});
    const auto lost = Town::id(town.members[2]);
    for (int i = 0; i < 5; ++i)
        town.authority->tries().tried(lost, false, town.now);
    town.send_all(first.next());
    auto& member = town.members[2];
    const auto answer = town.authority->answer(
        {"POST", "/descriptor", member.text(first.next(), town.random), ""}, town.now);
    CHECK(answer.status == 200);
    const auto& said = answer.body.text();
    CHECK(said.find("this authority cannot reach the relay at its addresses, since 2027-01-"
                    "15 08:00:02 UTC") != said.npos);
    CHECK(said.find("a restart at the same addresses may cost 12 epochs\n") != said.npos);
    // A relay keeps 300 bytes of an answer, and a name has at most 32.
    CHECK(answer.body.size() + 32 - member.relay.name.size() <= 300);
    town.now = begin + hour / 2;
    town.pass(base::Seconds{2});
    CHECK(town.document(first.next()).relays.size() == 7);
    CHECK(town.document(first.next()).find(lost) == nullptr);
    const auto page = read_status_file(town.folder).value();
    CHECK(page.find("is left out: this authority cannot reach it at its addresses") != page.npos);
    // Reached again while no document lists it: it is in the one after.
    town.now = begin + hour;
    town.pass(base::Seconds{2});
    town.authority->tries().tried(lost, true, town.now);
    town.send_all({first.value + 2});
    town.now = begin + hour * 3 / 2;
    town.pass(base::Seconds{2});
    CHECK(town.document({first.value + 2}).find(lost) != nullptr);
}

TEST_CASE("authority: a list that cannot be read does not stop what it finds about relays") {
    Town town;
    town.send_all(first);
    town.pass(base::Seconds{2});
    std::ofstream{town.folder / "admitted"} << "nonsense\n";
    std::filesystem::last_write_time(
        town.folder / "admitted", std::filesystem::file_time_type::clock::now() + base::Seconds{5});
    const auto lost = Town::id(town.members[2]);
    for (int i = 0; i < 5; ++i)
        town.authority->tries().tried(lost, false, town.now);
    town.send_all(first.next());
    town.now = begin + hour / 2;
    town.pass(base::Seconds{2});
    CHECK(town.document(first.next()).relays.size() == 7);
    CHECK(town.document(first.next()).find(lost) == nullptr);
}

TEST_CASE("authority: without the relays that it cannot reach there would be no document") {
    Town town;
    town.send_all(first);
    town.pass(base::Seconds{2});
    const auto gateway = Town::id(town.members[0]);  // of two, and a document needs both
    for (int i = 0; i < 5; ++i)
        town.authority->tries().tried(gateway, false, town.now);
    CHECK(town.authority->tries().stated() == std::set{gateway});
    town.pass(base::Seconds{2});
    town.send_all(first.next());
    town.now = begin + hour / 2;
    town.pass(base::Seconds{2});
    CHECK(town.document(first.next()).relays.size() == 8);
}
