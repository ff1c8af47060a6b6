// What an authority serves and publishes: documents, diffs, compressed forms and its page.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <map>

#include "relay/authority/pages.hpp"
#include "relay/authority/status_file.hpp"
#include "sphinx/directory/diff.hpp"
#include "sphinx/directory/gzip.hpp"
#include "sphinx/node/https/zstd.hpp"
#include "tests/unit/relay/authority/town.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority;

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
    CHECK(newest.kept);
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
    using node::https::Coding;
    const auto ask = [&](const std::string& target, const std::string& known = "",
                         Coding coding = Coding::gzip) {
        return town.authority->answer({"GET", target, "", known, coding}, town.now);
    };
    const auto restored = [](const node::https::Answer& answer) {
        return directory::gunzip(answer.body, directory::document_text_max).value();
    };
    const auto packed = ask("/document");
    CHECK(packed.coding == Coding::gzip);
    CHECK(packed.varies);
    CHECK(restored(packed) == texts[4]);
    CHECK(packed.body.size() < texts[4].size());
    CHECK(packed.last_modified == begin + 3 * hour);
    const auto plain = town.ask("/document");
    CHECK(plain.coding == Coding::none);
    CHECK(plain.varies);
    CHECK(plain.body == texts[4]);
    CHECK(ask("/document", "W/\"1-ab\", " + plain.etag).status == 304);
    const auto smaller = ask("/document", "", Coding::zstd);
    CHECK(smaller.coding == Coding::zstd);
    CHECK(smaller.varies);
    CHECK(smaller.etag == plain.etag);
    CHECK(node::https::unzstd(smaller.body, directory::document_text_max).value() == texts[4]);
    CHECK(smaller.body.size() < packed.body.size());

    for (std::size_t i = 2; i < 5; ++i) {
        const auto target = "/diff/" + std::to_string(first.value + i);
        const auto diff = town.ask(target).body;
        CHECK(restored(ask(target)) == diff);
        const auto as_zstd = ask(target, "", Coding::zstd).body;
        CHECK(node::https::unzstd(as_zstd, directory::document_text_max).value() == diff);
        const auto made = directory::apply_diff(texts[i - 1], diff);
        REQUIRE(made);
        CHECK(*made == texts[i]);
        CHECK(ask(target).cache_control == "public, max-age=31536000, immutable");
    }
    // Of older ones there is the text alone.
    const auto old = ask("/document/500001");
    CHECK(old.coding == Coding::none);
    CHECK(ask("/document/500001", "", Coding::zstd).coding == Coding::none);
    CHECK_FALSE(old.kept);
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
    for (const std::string name :
         {"document", "document.500003", "document.500004", "diff.500004"}) {
        const auto size = directory::document_text_max;
        CHECK(directory::gunzip(file(name + ".gz"), size).value() == file(name));
        CHECK(node::https::unzstd(file(name + ".zst"), size).value() == file(name));
    }
    CHECK(directory::parse(file("document")).value().epoch.value == 500'004);
}

TEST_CASE("authority: the descriptors of a document are served to all, and published") {
    Town town;
    auto& outsider = town.add("doubled", 3);
    outsider.relay.addresses = town.members[0].relay.addresses;  // the document leaves it out
    town.start();
    std::map<base::NodeId, std::string> sent;
    for (auto epoch = first; epoch.value < first.value + 5; epoch = epoch.next()) {
        town.now = begin + hour * (epoch.value - first.value);
        for (auto& member : town.members) {
            const auto text = member.text(epoch, town.random);
            CHECK(town.authority->answer({"POST", "/descriptor", text, ""}, town.now).status ==
                  200);
            sent[Town::id(member)] = text;
        }
        town.pass(base::Seconds{40});
    }
    std::string all;
    for (const auto& relay : town.document(town.epoch()).relays)
        all += sent.at(relay.identity);
    const auto target = "/descriptors/" + std::to_string(town.epoch().value);
    const auto plain = town.ask(target);
    CHECK(plain.status == 200);
    CHECK((plain.body == all));
    CHECK(all.find(base::to_hex(Town::id(outsider).bytes)) == std::string::npos);
    CHECK(plain.kept);
    CHECK(plain.cache_control == "public, max-age=31536000, immutable");
    CHECK(town.ask(target, plain.etag).status == 304);
    using node::https::Coding;
    const auto packed = town.authority->answer({"GET", target, "", "", Coding::zstd}, town.now);
    CHECK(packed.coding == Coding::zstd);
    CHECK((node::https::unzstd(packed.body, all.size()).value() == all));

    CHECK(town.ask("/descriptors/500002").status == 200);
    // Of older ones there are none. An authority that starts again serves the same.
    CHECK(town.ask("/descriptors/500001").status == 404);
    CHECK(town.ask("/descriptors/").status == 404);
    CHECK(town.authority->answer({"POST", target, "", ""}, town.now).status == 405);
    town.start();
    CHECK((town.ask(target).body == all));

    const auto out = town.home.path() / "out";
    publish(town.folder, out, town.now);
    std::ifstream stream{out / "descriptors.500004", std::ios::binary};
    CHECK((std::string{std::istreambuf_iterator<char>{stream}, {}} == all));
    CHECK(std::filesystem::exists(out / "descriptors.500004.gz"));
    CHECK(std::filesystem::exists(out / "descriptors.500004.zst"));
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
    CHECK(make_pages(archive, {first.value + 1}).diff.gzip.empty());
    const auto alike = make_pages(archive, {first.value + 2});
    CHECK_FALSE(alike.diff.text.empty());
    CHECK(alike.diff.text.size() < alike.document.text.size());
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
        return answer.body.text().find(text) != std::string::npos;
    };
    CHECK(holds("Network example: epoch 500000"));
    CHECK(holds("with 1 of 1 signatures"));
    CHECK(holds("<td>relay-0b</td>"));
    CHECK(holds(" is left out: 127.0.0.1:9000 is the address of "));
    CHECK(holds("the relay " + silent_id + " of op-silent is left out: no descriptor of it"));
    CHECK(holds("the relay " + thief_id +
                " of op-thief is left out: its descriptor was refused: its link key is that of"));
}

TEST_CASE("archive: descriptors of the newest documents are kept, those with other keys are not") {
    test::TemporaryFolder home;
    base::SeededRandom random{2};
    Archive archive{home.path()};
    for (std::uint32_t i = 0; i < 5; ++i) {
        directory::Document document;
        document.epoch = {first.value + i};
        std::vector<std::string> texts;
        for (int which = 0; which < 3; ++which) {
            test::RelayKeys keys{random};
            auto relay = test::random_relay(random, 1);
            relay.addresses = {{"192.0.2.1", 9001}};
            keys.name_in(relay);
            texts.push_back(keys.describe(relay, document.epoch));
            if (which == 0) texts.push_back(keys.describe(relay, document.epoch.next()));
            if (which == 1) relay.mix_key.bytes[0] ^= 1;
            if (which < 2) document.relays.push_back(relay);
        }
        archive.keep_listed(document, texts);
        CHECK(archive.listed(document.epoch) == texts[0]);
    }
    CHECK(archive.listed({first.value + 2}));
    CHECK_FALSE(archive.listed({first.value + 1}));
    CHECK(std::distance(std::filesystem::directory_iterator{home.path() / "listed"}, {}) == 3);
}
