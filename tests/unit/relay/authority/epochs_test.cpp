// An authority through many epochs, in a moment: when it signs, what it serves, and what a restart
// or an outage does.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "relay/authority/authority.hpp"
#include "relay/authority/pages.hpp"
#include "relay/authority/service.hpp"
#include "relay/authority/status_file.hpp"
#include "sphinx/directory/diff.hpp"
#include "sphinx/directory/quorum.hpp"
#include "sphinx/node/https/gzip.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/networks.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority;

namespace {

constexpr base::Epoch first{500'000};
const base::Wall begin{base::Seconds{1'800'000'000}};
constexpr base::Seconds hour{3600};

/// A relay that makes new keys for each epoch, as real ones do.
struct Member {
    directory::Relay relay;
    test::RelayKeys keys;
    base::Epoch epoch = first;  // of keys.mix

    std::string text(base::Epoch at, base::Random& random) {
        for (; epoch < at; epoch = epoch.next())
            keys.turn(random);
        return keys.describe(relay, at);
    }
};

struct Town {
    test::TemporaryFolder home;
    std::filesystem::path folder = home.path() / "authority";
    base::SeededRandom random{7};
    std::vector<Member> members;
    std::unique_ptr<Authority> authority;
    base::Wall now = begin;

    Town() {
        init_network(folder, {"example", {"127.0.0.1", 8443}, std::nullopt, hour, true});
        for (std::uint8_t layer = 0; layer < 4; ++layer)
            for (const auto* which : {"a", "b"})
                add("relay-" + std::to_string(layer) + which, layer);
        start();
    }
    Member& add(const std::string& name, std::uint8_t layer) {
        Member member{test::random_relay(random, layer), test::RelayKeys{random}};
        member.relay.name = name;
        member.relay.addresses = {{"127.0.0.1", static_cast<std::uint16_t>(9000 + members.size())}};
        members.push_back(std::move(member));
        admit(folder / "admitted", {id(members.back()), "op-" + name, "", 1});
        return members.back();
    }
    static base::NodeId id(const Member& member) {
        auto named = member.relay;
        member.keys.name_in(named);
        return named.identity;
    }
    void start() {
        authority.reset();
        authority = std::make_unique<Authority>(folder, load_settings(folder), now);
    }
    base::Epoch epoch() const { return directory::epoch_at(now, hour); }
    node::https::Answer ask(const std::string& target, const std::string& known = "") {
        return authority->answer({"GET", target, "", known}, now);
    }
    unsigned send(Member& member, base::Epoch at) {
        return authority->answer({"POST", "/descriptor", member.text(at, random), ""}, now).status;
    }
    void send_all(base::Epoch at) {
        for (auto& member : members)
            send(member, at);
    }
    void pass(base::Seconds time) {
        for (const auto end = now + time; now < end; now += base::Seconds{1})
            authority->tick(now);
    }
    directory::Document document(base::Epoch at) {
        const auto answer = ask("/document/" + std::to_string(at.value));
        REQUIRE(answer.status == 200);
        auto parsed = directory::parse(answer.body);
        REQUIRE(parsed);
        return *parsed;
    }
    bool is_signed(base::Epoch at) const { return authority->signed_epochs().contains(at); }
};

}  // namespace

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

TEST_CASE("authority: what caches may keep, and requests that it refuses") {
    Town town;
    town.send_all(first);
    town.pass(base::Seconds{2});
    const auto newest = town.ask("/document?x=1");
    CHECK(newest.cache_control == "public, max-age=60");
    CHECK(newest.etag.starts_with("W/\"500000-"));
    CHECK(town.ask("/document", newest.etag).status == 304);
    CHECK(town.ask("/document", newest.etag).body.empty());
    CHECK(town.ask("/document/500000").cache_control == "public, max-age=31536000, immutable");
    for (const auto* target : {"/document/500001", "/document/0500000", "/document/", "/document/x",
                               "/document/99999999999", "/", "", "/descriptor/", "/documents"})
        CHECK(town.ask(target).status == 404);
    CHECK(town.ask("/descriptor").status == 405);
    CHECK(town.authority->answer({"DELETE", "/document", "", ""}, town.now).status == 405);
    CHECK(town.authority->answer({"POST", "/descriptor", "x", ""}, town.now).status == 400);
    town.now = begin + hour - base::Seconds{5};
    CHECK(town.ask("/document").cache_control == "public, max-age=5");
}

TEST_CASE("authority: documents and diffs are served compressed, and published as files") {
    Town town;
    const auto out = town.home.path() / "out";
    std::vector<std::string> texts;
    for (auto epoch = first; epoch.value < first.value + 5; epoch = epoch.next()) {
        town.now = begin + hour * (epoch.value - first.value);
        town.send_all(epoch);
        town.pass(base::Seconds{2});
        texts.push_back(directory::to_text(town.document(epoch)));
    }
    const auto ask = [&](const std::string& target, const std::string& known = "") {
        return town.authority->answer({"GET", target, "", known, true}, town.now);
    };
    const auto restored = [](const node::https::Answer& answer) {
        return node::https::gunzip(answer.body, directory::document_text_max).value();
    };
    const auto packed = ask("/document");
    CHECK(packed.gzip);
    CHECK(packed.varies);
    CHECK(restored(packed) == texts[4]);
    CHECK(packed.body.size() < texts[4].size());
    CHECK(packed.last_modified == begin + 3 * hour);
    const auto plain = town.ask("/document");
    CHECK_FALSE(plain.gzip);
    CHECK(plain.varies);
    CHECK(plain.body == texts[4]);
    CHECK(ask("/document", "W/\"1-ab\", " + plain.etag).status == 304);

    for (std::size_t i = 2; i < 5; ++i) {
        const auto target = "/diff/" + std::to_string(first.value + i);
        const auto diff = town.ask(target).body;
        CHECK(restored(ask(target)) == diff);
        const auto made = directory::apply_diff(texts[i - 1], diff);
        REQUIRE(made);
        CHECK(*made == texts[i]);
        CHECK(ask(target).cache_control == "public, max-age=31536000, immutable");
    }
    // Of older ones there is the text alone.
    const auto old = ask("/document/500001");
    CHECK_FALSE(old.gzip);
    CHECK((old.body == texts[1]));  // not shown: it could be compressed
    for (const auto* target : {"/diff/500001", "/diff/500000", "/diff/500005", "/diff/", "/diff"})
        CHECK(ask(target).status == 404);

    CHECK(publish(town.folder, out, town.now) == 2);
    const auto file = [&](const std::string& name) {
        std::ifstream stream{out / name, std::ios::binary};
        return std::string{std::istreambuf_iterator<char>{stream}, {}};
    };
    CHECK(file("document") == texts[4]);
    CHECK(file("document.500003") == texts[3]);
    CHECK(directory::apply_diff(texts[3], file("diff.500004")).value() == texts[4]);
    for (const auto* name : {"document", "document.500003", "document.500004", "diff.500004"})
        CHECK(node::https::gunzip(file(std::string{name} + ".gz"), directory::document_text_max)
                  .value() == file(name));
    CHECK(directory::parse(file("document")).value().epoch.value == 500'004);
}

TEST_CASE("authority: a diff that is not smaller than its document is not served") {
    test::TemporaryFolder home;
    Archive archive{home.path()};
    for (std::uint32_t i = 0; i < 3; ++i) {
        auto document = test::make_network(i < 2 ? i : 1).document;  // the last two are alike
        document.epoch = {first.value + i};
        archive.keep_document(document.epoch, directory::to_text(document));
    }
    CHECK(make_pages(archive, {first.value + 1}).diff.text.empty());
    CHECK(make_pages(archive, {first.value + 1}).diff.packed.empty());
    const auto alike = make_pages(archive, {first.value + 2});
    CHECK_FALSE(alike.diff.text.empty());
    CHECK(alike.diff.text.size() < alike.document.text.size());
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

TEST_CASE("authority: with each document it writes a page, which says what is left out and why") {
    Town town;
    const auto page = [&] { return status_answer(town.folder, {"GET", "/status.html?x", "", ""}); };
    CHECK_FALSE(status_answer(town.folder, {"GET", "/document", "", ""}));
    CHECK(page()->status == 404);
    CHECK(status_answer(town.folder, {"POST", "/status.html", "", ""})->status == 405);
    auto& silent = town.add("silent", 1);
    const auto silent_id = base::to_hex(Town::id(silent).bytes);
    auto& thief = town.add("thief", 2);
    const auto thief_id = base::to_hex(Town::id(thief).bytes);
    auto& doubled = town.add("doubled", 3);
    doubled.relay.addresses = town.members[0].relay.addresses;
    town.start();  // reads the list
    for (auto& member : town.members)
        if (member.relay.name != "silent" && member.relay.name != "thief") town.send(member, first);
    thief.keys.link = town.members[0].keys.link.copy();
    CHECK(town.send(thief, first) == 409);
    town.pass(base::Seconds{40});
    REQUIRE(town.is_signed(first));
    const auto answer = page().value();
    CHECK(answer.status == 200);
    CHECK(answer.type == "text/html; charset=utf-8");
    const auto holds = [&](const std::string& text) {
        return answer.body.find(text) != answer.body.npos;
    };
    CHECK(holds("Network example: epoch 500000"));
    CHECK(holds("with 1 of 1 signatures"));
    CHECK(holds("<td>relay-0b</td>"));
    CHECK(holds(" is left out: 127.0.0.1:9000 is the address of "));
    CHECK(holds("the relay " + silent_id + " of op-silent is left out: no descriptor of it"));
    CHECK(holds("the relay " + thief_id +
                " of op-thief is left out: its descriptor was refused: its link key is that of"));
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
    CHECK(answer.body.find("this authority cannot reach the relay at its addresses, since 2027-01-"
                           "15 08:00:02 UTC") != answer.body.npos);
    CHECK(answer.body.find("a restart at the same addresses may cost 12 epochs\n") !=
          answer.body.npos);
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
