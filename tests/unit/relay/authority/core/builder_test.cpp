#include "relay/authority/core/builder.hpp"

#include <doctest/doctest.h>

#include "sphinx/directory/lint.hpp"
#include "sphinx/directory/positions.hpp"
#include "sphinx/directory/relay_fields.hpp"
#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority::core;
using directory::Descriptor;
using directory::Role;

namespace {

/// Relays with descriptors for an epoch, all admitted, each of an operator of its own.
struct Site {
    explicit Site(std::uint64_t seed, std::size_t mixes = 9, std::size_t gateways = 3)
        : random{seed} {
        terms.network = "test";
        random.fill(randomness);
        for (std::size_t i = 0; i < mixes + gateways; ++i)
            add(i < mixes ? 1 : 0, (i < mixes ? "mix-" : "gateway-") + std::to_string(i));
        advance();  // new mixes wait for an epoch
    }
    Descriptor& add(std::uint8_t layer, const std::string& name) {
        Descriptor made{epoch, {}, {}, test::random_relay(random, layer)};
        made.relay.name = name;
        made.relay.addresses = {{"192.0.2.1", static_cast<std::uint16_t>(descriptors.size() + 1)}};
        if (layer == 0) made.relay.exit_policy = "accept *:80,443";
        terms.admitted.push_back({made.relay.identity, "", "", 1});
        descriptors.push_back(std::move(made));
        return descriptors.back();
    }
    Admission& admission(std::size_t i) { return terms.admitted[i]; }
    Built build() const { return build_document(terms, epoch, descriptors, randomness, roster); }
    /// The next epoch, with the same relays.
    void advance() {
        roster = build().roster;
        random.fill(randomness);
        epoch = epoch.next();
        for (auto& descriptor : descriptors)
            descriptor.epoch = epoch;
    }

    base::SeededRandom random;
    base::Epoch epoch{500'000};
    Terms terms;
    Randomness randomness{};
    std::vector<Descriptor> descriptors;
    Roster roster;
};

bool lists(const Built& built, const Descriptor& descriptor) {
    const auto* relay = built.document.find(descriptor.relay.identity);
    return relay != nullptr && relay->link_key == descriptor.relay.link_key;
}

}  // namespace

TEST_CASE("builder: a network of sound descriptors gives a document that may be signed") {
    const Site site{1};
    const auto built = site.build();
    CHECK(built.left_out.empty());
    CHECK(built.document.relays.size() == 12);
    CHECK(directory::lint(built.document) == std::vector<std::string>{});
    CHECK(directory::parse(directory::to_text(built.document)).value() == built.document);
    CHECK(built.roster.size() == 12);
}

TEST_CASE("builder: a relay weighs what it announces, within the lists' bound and the median's") {
    Site site{2};
    for (std::size_t i = 0; i < site.descriptors.size(); ++i) {
        site.admission(i).capacity = directory::capacity_max;
        site.descriptors[i].capacity = 20'000;
    }
    site.descriptors[0].capacity = directory::capacity_max;
    site.descriptors[1].capacity = 7'000;
    site.admission(2).capacity = 10;
    const auto built = site.build();
    const auto weight = [&](std::size_t i) {
        return built.document.find(site.descriptors[i].relay.identity)->capacity;
    };
    CHECK(weight(0) == 40'000);
    CHECK(weight(1) == 7'000);
    CHECK(weight(2) == 10);
    CHECK(weight(3) == 20'000);
}

TEST_CASE("builder: the same set gives the same bytes, whatever its order") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        CAPTURE(seed);
        Site site{seed, 20, 6};
        auto& random = site.random;
        // All kinds of conflicts.
        for (int times = 0; times < 8; ++times) {
            auto& one = site.descriptors[random.below(site.descriptors.size())];
            const auto other = site.descriptors[random.below(site.descriptors.size())];
            switch (random.below(5)) {
                case 0:
                    one.relay.link_key = other.relay.link_key;
                    break;
                case 1:
                    if (other.relay.mix_key != one.relay.mix_key)
                        one.relay.next_mix_key = other.relay.mix_key;
                    break;
                case 2:
                    one.relay.identity = other.relay.identity;
                    break;
                case 3:
                    site.admission(random.below(26)).operator_name = "alice";
                    break;
                default:
                    site.admission(random.below(26)).family = "bobs";
                    break;
            }
        }
        if (seed % 2 == 0) site.advance();
        const auto first = site.build();
        CHECK(directory::two_positions(first.document).empty());
        CHECK(first.document.relays.size() + first.left_out.size() == 26);
        CHECK(directory::parse(directory::to_text(first.document)));
        for (int times = 0; times < 5; ++times) {
            random.shuffle(site.descriptors);
            random.shuffle(site.terms.admitted);
            const auto again = site.build();
            CHECK(directory::to_text(again.document) == directory::to_text(first.document));
            CHECK(again.left_out == first.left_out);
            CHECK(again.roster == first.roster);
        }
    }
}

TEST_CASE(
    "builder: of two relays with one key the later is left out by name, and the rest is built") {
    for (const auto key : {0, 1, 2, 3, 4}) {
        CAPTURE(key);
        Site site{2};
        const auto first = site.descriptors[0];
        site.advance();
        auto& thief = site.add(1, "thief").relay;
        if (key == 0) thief.link_key = first.relay.link_key;
        if (key == 1) thief.mix_key = first.relay.mix_key;
        if (key == 2) thief.mix_key = first.relay.next_mix_key;
        if (key == 3) thief.next_mix_key = first.relay.mix_key;
        if (key == 4) thief.addresses = first.relay.addresses;
        thief.identity.bytes.fill(1);  // first in any order by keys
        site.terms.admitted.back().identity = thief.identity;
        const auto built = site.build();
        CHECK(lists(built, first));
        CHECK(built.document.relays.size() == 12);
        REQUIRE(built.left_out.size() == 1);
        CHECK(built.left_out[0].starts_with("relay thief is left out: relay mix-0 has its "));
    }
}

TEST_CASE("builder: of two descriptors of one relay the newer one is used") {
    Site site{3};
    auto second = site.descriptors[4];
    second.made += base::Seconds{1};
    second.relay.link_key.bytes.fill(9);
    site.descriptors.push_back(second);
    std::swap(site.descriptors[4], site.descriptors.back());
    const auto built = site.build();
    CHECK(built.document.relays.size() == 12);
    CHECK(lists(built, second));
    std::swap(site.descriptors[4], site.descriptors.back());
    CHECK(site.build().document == built.document);
    CHECK(built.left_out == std::vector<std::string>{
                                "relay mix-4 is left out: it has two descriptors for this epoch, "
                                "and the other one is used"});
}

TEST_CASE("builder: an operator's relays have one position; its oldest relay's kind stays") {
    Site site{4};
    site.admission(2).operator_name = site.admission(5).operator_name = "alice";
    site.admission(5).family = site.admission(7).family = "kin";
    auto built = site.build();
    CHECK(built.left_out.empty());
    const auto layer = [&built, &site](std::size_t i) {
        return built.document.find(site.descriptors[i].relay.identity)->layer;
    };
    CHECK(layer(2) == layer(5));
    CHECK(layer(5) == layer(7));
    site.advance();
    auto& gateway = site.add(0, "new-gateway");
    site.terms.admitted.back().operator_name = "alice";
    built = site.build();
    CHECK_FALSE(lists(built, gateway));
    REQUIRE(built.left_out.size() == 1);
    const auto& line = built.left_out[0];
    CHECK(line.starts_with("relay new-gateway is left out: it is a gateway and relay mix-"));
    CHECK(line.ends_with(" of its operator or family is not; all must have one position"));
}

TEST_CASE(
    "builder: a relay that is not admitted, and a descriptor of another epoch, are left out") {
    Site site{5};
    site.terms.admitted.erase(site.terms.admitted.begin());
    site.descriptors[1].epoch = site.epoch.next();
    const auto built = site.build();
    CHECK(built.document.relays.size() == 10);
    CHECK(built.left_out ==
          std::vector<std::string>{"relay mix-0 is left out: it is not admitted",
                                   "relay mix-1 is left out: its descriptor is of another epoch"});
}

TEST_CASE("builder: the network chooses a mix's layer, and keeps it") {
    Site site{6};
    site.advance();
    const auto before = site.build();
    for (auto& descriptor : site.descriptors)
        if (descriptor.relay.role == Role::mix) descriptor.relay.layer = 2;
    site.advance();
    const auto after = site.build();
    CHECK(after.document.relays.size() == 12);
    for (const auto& relay : after.document.relays)
        CHECK(relay.layer == before.document.find(relay.identity)->layer);
}

TEST_CASE("builder: a new mix waits until secrets are revealed that were open when it came") {
    Site site{6};
    site.advance();
    const auto identity = site.add(2, "new").relay.identity;
    CHECK(site.build().left_out == std::vector<std::string>{"relay new is left out: it is new, and "
                                                            "gets its layer in the next epoch"});
    site.advance();
    const auto waiting =
        build_document(site.terms, site.epoch, site.descriptors, std::nullopt, site.roster);
    CHECK(waiting.left_out == std::vector<std::string>{"relay new is left out: it waits for its "
                                                       "layer, until enough authorities reveal"});
    CHECK(waiting.document.relays.size() == 12);
    const auto built = site.build();
    CHECK(built.left_out.empty());
    REQUIRE(built.document.find(identity) != nullptr);
    CHECK(built.document.find(identity)->layer != middle_layer);
}

TEST_CASE("builder: a relay that is away for a week keeps its record, then it is forgotten") {
    Site site{7};
    site.advance();
    const auto away = site.descriptors[0].relay.identity;
    const auto remembered = [&site, &away](std::uint32_t later) {
        const auto built = build_document(site.terms, {site.epoch.value - 1 + later}, {},
                                          site.randomness, site.roster);
        return std::any_of(built.roster.begin(), built.roster.end(),
                           [&away](const auto& record) { return record.identity == away; });
    };
    CHECK(remembered(forgotten_after - 1));
    CHECK_FALSE(remembered(forgotten_after));
    site.terms.admitted.erase(site.terms.admitted.begin());
    CHECK_FALSE(remembered(1));
}
