// Relays that no operator admitted, at one authority and at one of several: who may send a
// descriptor, who gets a place and keeps it, and who stays out.
#include <doctest/doctest.h>

#include <fstream>

#include "relay/authority/door.hpp"
#include "relay/authority/introduction.hpp"
#include "relay/authority/member.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "tests/unit/relay/authority/town.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority;
namespace fs = std::filesystem;

namespace {

base::IpAddress ip(const std::string& text) {
    return base::IpAddress::parse(text).value();
}

void append(const fs::path& file, const std::string& text) {
    std::ofstream{file, std::ios::app} << text;
}

/// A network of eight admitted relays, with places for strangers.
struct OpenTown : Town {
    explicit OpenTown(
        const std::string& settings = "admission: open\nopen_per_prefix: 1\nopen_relays: 2\n") {
        append(folder / "authority.yaml", settings);
        start();
        send_all(first);
        send_all(first.next());
    }
    /// A gateway: more mixes would need more loops of relays.
    TownRelay stranger(const std::string& host, std::uint8_t layer = 0) {
        TownRelay made{test::random_relay(random, layer), test::RelayKeys{random}};
        made.relay.name = "stranger";
        made.relay.operator_name.clear();
        made.relay.addresses = {{host, 9001}};
        return made;
    }
    node::https::Answer post(TownRelay& relay, base::Epoch at, const std::string& from) {
        node::https::Request request{"POST", "/descriptor", relay.text(at, random), ""};
        request.from = ip(from);
        return authority->answer(request, now);
    }
    unsigned join(TownRelay& relay, base::Epoch at) {
        return post(relay, at, relay.relay.addresses.front().host).status;
    }
    bool lists(base::Epoch at, const TownRelay& relay) {
        return document(at).find(id(relay)) != nullptr;
    }
    /// Signs the documents of this epoch and of the next one.
    void sign_two() {
        pass(base::Seconds{2});
        now = begin + hour / 2;
        pass(base::Seconds{2});
        REQUIRE(is_signed(first.next()));
    }
};

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("open admission: a stranger sends from the prefix of its addresses, or is refused") {
    directory::Relay relay;
    relay.addresses = {{"192.0.2.1", 9001}, {"192.0.2.9", 9001}};
    CHECK(door_fault(relay, ip("192.0.2.200")).empty());
    CHECK(contains(door_fault(relay, ip("192.0.3.1")), "this one came from 192.0.3.1"));
    CHECK(contains(door_fault(relay, ip("2001:db8::1")), "this one came from 2001:db8::1"));
    relay.addresses.push_back({"2001:db8::1", 9001});
    CHECK(contains(door_fault(relay, ip("192.0.2.1")),
                   "all its addresses in one IPv4 /24 or IPv6 /48"));
}

TEST_CASE(
    "open admission: a relay that no operator admitted is listed, as an operator of its own") {
    OpenTown town;
    auto wren = town.stranger("192.0.2.1");
    CHECK(town.post(wren, first, "198.51.100.1").status == 403);
    CHECK(town.join(wren, first) == 200);
    CHECK(town.join(wren, first.next()) == 200);
    town.sign_two();
    for (const auto epoch : {first, first.next()}) {
        const auto document = town.document(epoch);
        CHECK(document.relays.size() == 9);
        const auto* listed = document.find(Town::id(wren));
        REQUIRE(listed != nullptr);
        CHECK(listed->operator_name.empty());
        CHECK(listed->capacity == 1);
    }
}

TEST_CASE("open admission: by default there is none, and the line says how to be admitted") {
    OpenTown town{""};
    auto wren = town.stranger("192.0.2.1");
    const auto refused = town.post(wren, first, "192.0.2.1");
    CHECK(refused.status == 403);
    CHECK(contains(refused.body, "nightjar-authority admit"));
}

TEST_CASE("open admission: a prefix has so many places, all have so many, and old ones stay") {
    OpenTown town;
    auto a = town.stranger("192.0.2.1"), b = town.stranger("192.0.2.2"),
         c = town.stranger("192.0.3.1"), d = town.stranger("192.0.4.1");
    // By name alone b and d would come first.
    if (Town::id(a) < Town::id(b)) std::swap(a, b);
    if (Town::id(c) < Town::id(d)) std::swap(c, d);
    CHECK(town.join(a, first) == 200);
    const auto full = town.post(b, first, "192.0.2.2");
    CHECK(full.status == 403);
    CHECK(contains(full.body, "there is no open place for another one of its network"));
    CHECK(town.join(c, first) == 200);
    CHECK(town.join(d, first) == 403);
    // For the next epoch newcomers come first, and take no place from these.
    CHECK(town.join(b, first.next()) == 200);
    CHECK(town.join(d, first.next()) == 200);
    CHECK(town.join(a, first.next()) == 200);
    CHECK(town.join(c, first.next()) == 200);
    town.start();  // and a restart forgets none
    town.sign_two();
    CHECK(town.document(first.next()).relays.size() == 10);
    CHECK(town.lists(first.next(), a));
    CHECK(town.lists(first.next(), c));
}

TEST_CASE("open admission: a relay that moves to another prefix takes no old place there") {
    OpenTown town;
    auto here = town.stranger("192.0.2.1");
    auto mover = town.stranger("192.0.3.1");
    CHECK(town.join(here, first) == 200);
    CHECK(town.join(mover, first) == 200);
    mover.relay.addresses = {{"192.0.2.9", 9001}};
    CHECK(town.join(mover, first.next()) == 200);  // first, as a newcomer
    CHECK(town.join(here, first.next()) == 200);
    town.sign_two();
    CHECK(town.lists(first.next(), here));
    CHECK_FALSE(town.lists(first.next(), mover));
}

TEST_CASE("open admission: the first descriptor of an epoch counts, and may come again") {
    OpenTown town;
    auto wren = town.stranger("192.0.2.1");
    CHECK(town.join(wren, first) == 200);
    CHECK(town.join(wren, first) == 200);
    wren.relay.name = "another";
    const auto second = town.post(wren, first, "192.0.2.1");
    CHECK(second.status == 409);
    CHECK(contains(second.body, "the first descriptor of an epoch counts"));
    CHECK(town.join(wren, first.next()) == 200);
}

TEST_CASE("open admission: who is expelled stays out, also if it was never listed") {
    OpenTown town;
    auto wren = town.stranger("192.0.2.1");
    CHECK(town.join(wren, first) == 200);
    CHECK(town.join(wren, first.next()) == 200);
    REQUIRE(expel(town.folder / "admitted", Town::id(wren), true));
    town.now = begin + hour / 2;
    town.pass(base::Seconds{2});
    CHECK_FALSE(town.lists(first.next(), wren));
    const auto refused = town.post(wren, first.next(), "192.0.2.1");
    CHECK(refused.status == 403);
    CHECK(contains(refused.body, "the relay is expelled"));
    const auto list = load_admitted(town.folder / "admitted");
    CHECK(list.back() == Admitted{Town::id(wren), "", "", 1, true});
    CHECK(*parse_admitted(to_text(list)) == list);
    // It counts again when an operator admits it.
    admit(town.folder / "admitted", {Town::id(wren), "alice", "", 1});
    CHECK_FALSE(load_admitted(town.folder / "admitted").back().expelled);
}

TEST_CASE("open admission: strangers do not delay a document that waits for admitted relays") {
    OpenTown town{"admission: open\nopen_relays: 50\n"};
    town.pass(base::Seconds{2});
    const auto next = first.next().next();
    town.now = begin + hour + hour / 4;
    for (std::size_t i = 0; i + 1 < town.members.size(); ++i)
        town.send(town.members[i], next);
    town.now = begin + hour + hour / 2;
    for (int i = 0; i < 6 && !town.is_signed(next); ++i) {
        auto one = town.stranger("192.0." + std::to_string(i) + ".1");
        one.epoch = next;
        CHECK(town.join(one, next) == 200);
        town.pass(base::Seconds{10});
    }
    CHECK(town.is_signed(next));
}

TEST_CASE("open admission: strangers that crowd a layer do not keep a document from being signed") {
    OpenTown town{"admission: open\nopen_relays: 50\n"};
    std::vector<TownRelay> crowd;
    for (int i = 0; i < 4; ++i)
        crowd.push_back(town.stranger("192.0." + std::to_string(i) + ".1", 1));
    for (auto& each : crowd)
        for (const auto epoch : {first, first.next()})
            CHECK(town.join(each, epoch) == 200);
    town.sign_two();
    CHECK(town.document(first.next()).relays.size() == 8);
}

TEST_CASE("open admission: the settings have bounds, and are unknown where it is not open") {
    const auto error = [](const std::string& lines) -> std::string {
        const test::TemporaryFolder home;
        const auto folder = home.path() / "authority";
        init_network(folder, {"example", {"127.0.0.1", 8443}, std::nullopt, hour, true});
        append(folder / "authority.yaml", lines);
        try {
            const auto open = load_settings(folder).open;
            return std::to_string(open.per_prefix) + " of " + std::to_string(open.relays);
        } catch (const node::process::ConfigError& refusal) {
            return refusal.what();
        }
    };
    CHECK(error("") == "0 of 0");
    CHECK(error("admission: listed\n") == "0 of 0");
    CHECK(error("admission: open\n") == "2 of 50");
    CHECK(error("admission: open\nopen_per_prefix: 1\nopen_relays: 200\n") == "1 of 200");
    CHECK(contains(error("admission: open\nopen_relays: 201\n"), "authority.yaml:"));
    CHECK(contains(error("admission: open\nopen_relays: 0\n"), "authority.yaml:"));
    CHECK(contains(error("admission: open\nopen_per_prefix: 0\n"), "authority.yaml:"));
    CHECK(contains(error("admission: closed\n"), "authority.yaml:"));
    CHECK(contains(error("open_relays: 5\n"), "open_relays"));
}

TEST_CASE("open admission: authorities that differ in it do not found a network together") {
    const test::TemporaryFolder home;
    std::vector<fs::path> folders, files;
    for (int i = 0; i < 2; ++i) {
        NewNetwork network;
        network.name = "test";
        network.authorities = 2;
        network.listen = {"192.0.2." + std::to_string(1 + i), 8443};
        folders.push_back(home.path() / std::to_string(i));
        init_network(folders.back(), network);
        files.push_back(folders.back() / "introduction");
    }
    const auto assembles = [&] {
        try {
            assemble(folders[0], files);
            return true;
        } catch (const node::process::ConfigError& refusal) {
            CHECK(contains(refusal.what(), "or who is admitted"));
            return false;
        }
    };
    CHECK(assembles());
    for (const auto* bounds : {"\n", "open_per_prefix: 3\n", "open_relays: 3\n"}) {
        fs::copy(folders[0] / "authority.yaml", home.path() / "kept",
                 fs::copy_options::overwrite_existing);
        append(folders[1] / "authority.yaml", std::string{"admission: open\n"} + bounds);
        write_introduction(folders[1]);
        CHECK_FALSE(assembles());
        append(folders[0] / "authority.yaml", "admission: open\n");
        CHECK(assembles() == (std::string{bounds} == "\n"));
        fs::copy(home.path() / "kept", folders[0] / "authority.yaml",
                 fs::copy_options::overwrite_existing);
        auto text = std::ostringstream{};
        text << std::ifstream{folders[1] / "authority.yaml"}.rdbuf();
        std::ofstream{folders[1] / "authority.yaml"}
            << text.str().substr(0, text.str().find("admission: open"));
    }
}

TEST_CASE("open admission: one of several takes a stranger from its own prefix only") {
    const test::TemporaryFolder home;
    std::vector<fs::path> files;
    const auto folder = [&](int i) { return home.path() / std::to_string(i); };
    for (int i = 0; i < 2; ++i) {
        NewNetwork network;
        network.name = "test";
        network.authorities = 2;
        network.listen = {"192.0.2." + std::to_string(1 + i), 8443};
        init_network(folder(i), network);
        append(folder(i) / "authority.yaml", "admission: open\nopen_per_prefix: 1\n");
        write_introduction(folder(i));
        files.push_back(folder(i) / "introduction");
    }
    assemble(folder(0), files);
    const core::Moment now{begin + base::Seconds{300}, {}};
    base::SeededRandom random{3};
    const auto member = [&] {
        return std::make_unique<Member>(folder(0), load_settings(folder(0)),
                                        node::config::load_anchors_file(folder(0) / "network.yaml"),
                                        now);
    };
    auto running = member();
    const auto post = [&](TownRelay& relay, const std::string& from) {
        node::https::Request request{"POST", "/descriptor", relay.text(first, random), ""};
        request.from = ip(from);
        return running->answer(request, now);
    };
    const auto held = [&] {
        const auto answer = running->answer(
            {"GET", "/agreement/descriptors/" + std::to_string(first.value), "", ""}, now);
        return core::parse_bundle(base::as_bytes(answer.body.text()), core::descriptors_size_max)
            ->size();
    };
    TownRelay wren{test::random_relay(random, 1), test::RelayKeys{random}};
    wren.relay.addresses = {{"192.0.2.1", 9001}};
    const auto elsewhere = post(wren, "198.51.100.1");
    CHECK(elsewhere.status == 403);
    CHECK(contains(elsewhere.body, "this one came from 198.51.100.1"));
    CHECK(held() == 0);
    CHECK(post(wren, "192.0.2.77").status == 200);
    CHECK(held() == 1);
    TownRelay other{test::random_relay(random, 1), test::RelayKeys{random}};
    other.relay.addresses = {{"192.0.2.2", 9001}};
    const auto full = post(other, "192.0.2.2");
    CHECK(full.status == 403);
    CHECK(contains(full.body, "there is no open place"));
    running.reset();
    running = member();
    CHECK(held() == 1);  // a restart goes on with what was taken
}
