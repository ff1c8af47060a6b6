// Which descriptors an authority takes, and the document that follows. Rows 39 and 42 of the table
// of faults.
#include "relay/authority/registry.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "sphinx/directory/lint.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority;

namespace {

constexpr base::Epoch epoch{500'000};

struct Member {
    test::RelayKeys keys;
    directory::Relay relay;
    std::string text(base::Epoch at = epoch, int made = 0) const {
        return keys.describe(relay, at, base::Wall{base::Seconds{made}});
    }
    base::NodeId id() const {
        auto named = relay;
        keys.name_in(named);
        return named.identity;
    }
};

struct Club {
    base::SeededRandom random{5};
    std::vector<Member> members;
    Registry registry;

    Club() {
        std::uint16_t port = 9000;
        for (std::uint8_t layer = 0; layer < 4; ++layer)
            for (const auto* which : {"a", "b"}) {
                Member member{test::RelayKeys{random}, test::random_relay(random, layer)};
                member.relay.name = "relay-" + std::to_string(layer) + which;
                member.relay.addresses = {{"127.0.0.1", ++port}};
                members.push_back(std::move(member));
            }
        admit_all();
    }
    AdmittedList list() const {
        AdmittedList all;
        for (const auto& member : members)
            all.push_back({member.id(), "op-" + member.relay.name, "", 1});
        return all;
    }
    void admit_all() { registry.admit(list()); }
    std::string refused(const std::string& text, const std::set<base::Epoch>& done = {}) {
        const auto taken = registry.offer(text, epoch, done);
        return taken ? "" : taken.error().reason;
    }
    bool take(const std::string& text) { return bool{registry.offer(text, epoch, {})}; }
    Registry::Draft build() const {
        directory::Document document;
        document.network = "example";
        document.epoch = epoch;
        document.valid_from = base::Wall{base::Seconds{1'800'000'000}};
        document.valid_until = base::Wall{base::Seconds{1'800'007'200}};
        return registry.build(document);
    }
};

}  // namespace

TEST_CASE("registry: the document has each admitted relay that has sent its descriptor") {
    Club club;
    CHECK_FALSE(club.registry.complete(epoch));
    for (const auto& member : club.members)
        REQUIRE(club.take(member.text()));
    CHECK(club.registry.complete(epoch));
    const auto draft = club.build();
    CHECK(draft.left_out.empty());
    CHECK(draft.document.relays.size() == 8);
    CHECK(directory::lint(draft.document).empty());
    CHECK(draft.document.find(club.members[3].id())->operator_name == "op-relay-1b");
}

TEST_CASE("registry: the same descriptors give the same document, whatever came first") {
    Club club;
    for (const auto& member : club.members)
        REQUIRE(club.take(member.text()));
    const auto first = to_text(club.build().document);
    for (int i = 0; i < 20; ++i) {
        Club other;
        std::vector<std::size_t> order{0, 1, 2, 3, 4, 5, 6, 7};
        base::SeededRandom random{static_cast<std::uint64_t>(i)};
        for (std::size_t at = order.size(); at > 1; --at)
            std::swap(order[at - 1], order[random.below(at)]);
        for (const auto at : order)
            REQUIRE(other.take(other.members[at].text()));
        REQUIRE(to_text(other.build().document) == first);
    }
}

TEST_CASE("registry: an unlisted relay is refused, and a line says how to list it") {
    Club club;
    Member stranger{test::RelayKeys{club.random}, club.members[0].relay};
    const auto refusal = club.registry.offer(stranger.text(), epoch, {});
    REQUIRE_FALSE(refusal);
    CHECK(refusal.error().status == 403);
    CHECK(refusal.error().reason.find("nightjar-authority admit " +
                                      base::to_hex(stranger.id().bytes)) != std::string::npos);
}

TEST_CASE("registry: an expelled relay's descriptor counts no more") {
    Club club;
    for (const auto& member : club.members)
        REQUIRE(club.take(member.text()));
    auto list = club.list();
    list.erase(list.begin() + 3);
    club.registry.admit(list);
    CHECK(club.build().document.relays.size() == 7);
    CHECK(club.build().document.find(club.members[3].id()) == nullptr);
    CHECK(club.registry.described(epoch).size() == 7);
    CHECK_FALSE(club.take(club.members[3].text()));
    CHECK(club.registry.complete(epoch));
}

TEST_CASE("registry: a descriptor is for this epoch or the next, and not for a signed one") {
    Club club;
    const auto& member = club.members[0];
    CHECK(club.take(member.text(epoch.next())));
    CHECK(club.refused(member.text({epoch.value - 1})).find("by this authority's clock") !=
          std::string::npos);
    CHECK(club.refused(member.text(epoch.next().next())).find("by this authority's clock") !=
          std::string::npos);
    CHECK(club.refused(member.text(), {epoch}) ==
          "too late: the document of epoch 500000 is signed already");
    CHECK(club.take(member.text()));
    CHECK(club.refused(member.text(), {epoch}).empty());          // the one that is in the document
    CHECK(club.refused(member.text(epoch, 7), {epoch}).empty());  // and made anew after a restart
}

TEST_CASE("registry: a relay whose version changes says so now, or after what is signed") {
    Club club;
    auto& member = club.members[0];
    const auto listed = [&] { return club.build().document.find(member.id())->optional; };
    REQUIRE(club.take(member.text(epoch, 5)));
    const directory::OptionalLines first{{"version", "1.0.0"}}, second{{"version", "1.1.0"}};
    member.relay.optional = first;
    CHECK(club.take(member.text(epoch, 6)));
    CHECK(listed() == first);
    member.relay.optional = second;
    CHECK(club.refused(member.text(epoch, 7), {epoch}).empty());
    CHECK(listed() == first);
    member.relay.name = "other";
    CHECK_FALSE(club.refused(member.text(epoch, 8), {epoch}).empty());
}

TEST_CASE("registry: the descriptor that was made last counts, in whatever order they come") {
    Club club;
    auto& member = club.members[0];
    const auto older = member.text(epoch, 100);
    test::RelayKeys lost{club.random};
    member.keys.mix = lost.mix.copy();
    const auto newer = member.text(epoch, 200);
    REQUIRE(club.take(older));
    REQUIRE(club.take(newer));
    CHECK(club.refused(older) == "a newer descriptor of this relay is here already");
    const auto draft = club.build();
    const auto* listed = draft.document.find(member.id());
    REQUIRE(listed != nullptr);
    base::MixKey key;
    crypto_scalarmult_base(key.bytes.data(), lost.mix.data());
    CHECK(listed->mix_key == key);
}

TEST_CASE("registry, faults 39: of two descriptors with one key the later is refused, by name") {
    Club club;
    REQUIRE(club.take(club.members[0].text()));
    // One operator with two relays and one key file: the proofs are good.
    auto& copy = club.members[1];
    copy.keys.link = club.members[0].keys.link.copy();
    CHECK(club.refused(copy.text()) == "its link key is that of relay relay-0a");
    copy.keys.link = test::RelayKeys{club.random}.link.copy();
    copy.keys.next_mix = club.members[0].keys.mix.copy();
    CHECK(club.refused(copy.text()) == "its mix key is that of relay relay-0a");
    CHECK(club.build().document.relays.size() == 1);
}

TEST_CASE("registry, faults 42: a relay that breaks the document is left out by name, no other") {
    Club club;
    club.members[7].relay.addresses = club.members[2].relay.addresses;
    for (const auto& member : club.members)
        REQUIRE(club.take(member.text()));
    auto list = club.list();
    list[5].operator_name = list[1].operator_name;
    club.registry.admit(list);
    const auto draft = club.build();
    CHECK(draft.document.relays.size() == 6);
    REQUIRE(draft.left_out.size() == 2);
    CHECK(draft.left_out[0].find("relay relay-2b is left out: operator op-relay-0b has two "
                                 "positions") == 0);
    CHECK(draft.left_out[1] ==
          "relay relay-3b is left out: 127.0.0.1:9003 is the address of relay relay-1a");
    CHECK(directory::lint(draft.document).empty());
}

TEST_CASE("registry: a relay weighs what it announces, within the operator's bound") {
    Club club;
    auto list = club.list();
    for (auto& said : list)
        said.capacity = directory::capacity_max;
    list[3].capacity = 500;
    club.registry.admit(list);
    for (std::size_t i = 0; i < club.members.size(); ++i) {
        const auto& member = club.members[i];
        const std::uint32_t offered = i == 2 ? directory::capacity_max : 20'000;
        REQUIRE(club.take(member.keys.describe(member.relay, epoch, base::Wall{}, offered)));
    }
    const auto document = club.build().document;
    REQUIRE(document.relays.size() == club.members.size());
    const auto weight = [&](std::size_t i) {
        return document.find(club.members[i].id())->capacity;
    };
    CHECK(weight(0) == 20'000);
    CHECK(weight(3) == 500);
    CHECK(weight(2) == 40'000);
    // The same descriptor with another capacity only is not a new one: a restart changes nothing.
    const auto& member = club.members[0];
    const auto again = club.registry.offer(
        member.keys.describe(member.relay, epoch, base::Wall{base::Seconds{9}}, 30'000), epoch, {});
    REQUIRE(again);
    CHECK_FALSE(again->fresh);
}

TEST_CASE("registry: a relay that gave another authority its descriptor is not said to be silent") {
    Club club;
    for (std::size_t i = 2; i < club.members.size(); ++i)
        REQUIRE(club.take(club.members[i].text()));
    const auto document = club.build().document;
    CHECK(club.registry.unlisted(document, {}).size() == 2);
    const auto silent = club.registry.unlisted(document, {club.members[0].id()});
    REQUIRE(silent.size() == 1);
    CHECK(silent[0].find(base::to_hex(club.members[1].id().bytes)) != std::string::npos);
}

TEST_CASE("the list of admitted relays: its text is strict") {
    Club club;
    auto list = club.list();
    list[2].family = "birds";
    list[2].capacity = 10;
    const auto text = to_text(list);
    const auto parsed = parse_admitted(text);
    REQUIRE(parsed);
    CHECK(*parsed == list);
    CHECK(parse_admitted("nightjar-admitted 1\n")->empty());
    for (std::size_t at = 1; at < text.size(); ++at)
        if (text[at - 1] != '\n' || text.compare(at, 6, "relay ") != 0)
            REQUIRE_FALSE(parse_admitted(text.substr(0, at) + "\x01" + text.substr(at)));
    CHECK_FALSE(parse_admitted(""));
    list.push_back(list.front());
    CHECK(parse_admitted(to_text(list)).error().reason == "a relay listed twice");
    list.back().operator_name = "A";
    CHECK_FALSE(parse_admitted(to_text(list)));
    AdmittedList many;
    for (std::uint32_t i = 0; i < admitted_max + 1; ++i) {
        base::NodeId id;
        id.bytes = {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8), 1};
        many.push_back({id, "o", "", 1});
    }
    CHECK(parse_admitted(to_text(many)).error().reason == "more than 2000 relays");
    many.pop_back();
    CHECK(parse_admitted(to_text(many)));
}
