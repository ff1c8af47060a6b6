// Four authorities over the product's driver: epochs in a row, with one of them down, restarted,
// cut off or lying.
#include "relay/authority/core/driver.hpp"

#include <doctest/doctest.h>

#include "sphinx/directory/quorum.hpp"
#include "sphinx/directory/signature.hpp"
#include "tests/support/authorities.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority::core;
using test::Authorities;

namespace {

/// The relays of a document.
std::size_t listed(const Authorities& network, std::size_t authority, base::Epoch epoch) {
    const auto found = network.documents[authority].find(epoch);
    return found == network.documents[authority].end() ? 0 : found->second.relays.size();
}

/// Every document is valid, and no two authorities have different ones.
void check_documents(const Authorities& network) {
    const directory::Anchors anchors{"test", network.made.council.authorities, {}};
    for (const auto& documents : network.documents)
        for (const auto& [epoch, document] : documents) {
            CAPTURE(epoch.value);
            CHECK(directory::check(document, anchors, document.valid_from, epoch));
            for (const auto& others : network.documents)
                if (const auto other = others.find(epoch); other != others.end())
                    CHECK_FALSE(directory::conflict(document, other->second));
        }
}

/// The list that an authority states as its own; all zeros: none.
ValueId stated(const Authorities& network, std::size_t authority, base::Epoch epoch) {
    for (const auto& item : network.drivers[authority]->bundle())
        if (const auto* sent = std::get_if<SentListing>(&item);
            sent && sent->epoch == epoch &&
            sent->listing.authority == network.made.council.authorities[authority])
            return sent->listing.list;
    return {};
}

bool noted(const Authorities& network, std::string_view part) {
    return std::any_of(network.notes.begin(), network.notes.end(),
                       [part](const auto& note) { return note.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("driver: four authorities sign each epoch's document ahead of it, from the second on") {
    Authorities network{4};
    const auto first = network.epoch();
    network.run_epochs(4);
    check_documents(network);
    for (std::size_t i = 0; i < 4; ++i) {
        CAPTURE(i);
        CHECK(listed(network, i, first) == 0);  // its new mixes wait for their layers
        for (unsigned e = 1; e <= 4; ++e)
            CHECK(listed(network, i, {first.value + e}) == 8);
    }
    CHECK(noted(network, "has no document"));
    CHECK_FALSE(noted(network, "evidence"));
}

TEST_CASE("driver: with one of four away nothing is missed, and it catches up when it is back") {
    Authorities network{4};
    const auto first = network.epoch();
    network.run_epochs(1);
    network.stop(2);
    network.run_epochs(3);
    CHECK(listed(network, 0, {first.value + 4}) == 8);
    CHECK(listed(network, 2, {first.value + 3}) == 0);
    network.start(2);
    network.run(base::Seconds{20});
    CHECK(listed(network, 2, network.epoch()) == 8);
    network.stop(1);
    network.run_epochs(2);
    CHECK(listed(network, 2, network.epoch()) == 8);
    CHECK(listed(network, 0, network.epoch()) == 8);
    check_documents(network);
    CHECK_FALSE(noted(network, "evidence"));
}

TEST_CASE("driver: two of four are no quorum, and sign nothing") {
    Authorities network{4};
    network.run_epochs(2);
    network.stop(0);
    network.stop(3);
    const auto before = network.documents[1].size();
    network.run_epochs(3);
    CHECK(network.documents[1].size() <= before + 1);  // what was signed already
    network.start(0);
    network.run_epochs(2);
    CHECK(listed(network, 1, network.epoch()) == 8);
    CHECK(listed(network, 0, network.epoch()) == 8);
    check_documents(network);
}

TEST_CASE("driver: restarts at any second sign nothing twice and lose no epoch") {
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
        CAPTURE(seed);
        Authorities network{4};
        base::SeededRandom random{seed};
        const auto first = network.epoch();
        while (network.epoch().value < first.value + 4) {
            network.second();
            if (random.below(20) != 0) continue;
            const auto which = static_cast<std::size_t>(random.below(4));
            network.stop(which);
            network.start(which);
        }
        check_documents(network);
        CHECK_FALSE(noted(network, "evidence"));
        for (unsigned e = 1; e <= 3; ++e)
            CHECK(listed(network, 0, {first.value + e}) == 8);
    }
}

TEST_CASE("driver: restarts of several during an agreement change no list and lose no epoch") {
    for (const std::size_t restarted : {2, 4})
        for (const std::size_t first : {1, 2}) {
            CAPTURE(restarted);
            CAPTURE(first);
            Authorities network{4};
            network.run_epochs(1);
            const auto next = network.epoch().next();
            const auto state = "state." + std::to_string(next.value);
            // The first proposer is away: else its proposal holds the lists from before.
            const std::size_t proposer = next.value % 4;
            network.run(base::Seconds{10});  // 5 s before the agreement begins
            network.stop(proposer);
            const auto begun = [&](const auto& disk) { return disk.files.contains(state); };
            while (std::count_if(network.disks.begin(), network.disks.end(), begun) < 3)
                network.second();
            for (std::size_t i = first; i < first + restarted; ++i) {
                auto& driver = network.drivers[(proposer + i) % 4];
                REQUIRE_FALSE((driver && driver->decided(next)));
                network.stop((proposer + i) % 4);
            }
            for (std::size_t i = first; i < first + restarted; ++i)
                network.start((proposer + i) % 4);
            for (std::size_t i = 0; i < 4; ++i)
                if (network.drivers[i])
                    CHECK(stated(network, i, next) == value_id(encode(network.lists[i])));
            while (network.epoch() < next)
                network.second();
            for (std::size_t i = 0; i < 4; ++i)
                if (network.drivers[i]) CHECK(listed(network, i, next) == 8);
            check_documents(network);
            CHECK_FALSE(noted(network, "evidence"));
        }
}

TEST_CASE(
    "driver: with a full disk an authority says nothing new, and goes on when there is room") {
    Authorities network{4};
    network.run_epochs(1);
    network.disks[1].full = network.disks[3].full = true;
    const auto epoch = network.epoch();
    const auto states = network.disks[1].files.size();
    network.run(base::Seconds{115});
    CHECK(network.disks[1].files.size() <= states);
    CHECK(listed(network, 0, {epoch.value + 1}) == 0);
    network.disks[1].full = network.disks[3].full = false;
    network.run_epochs(1);
    CHECK(listed(network, 0, network.epoch()) == 8);
    check_documents(network);
}

TEST_CASE("driver: a relay comes when most lists name it, and goes when most do not") {
    Authorities network{4};
    network.run_epochs(2);
    auto& late = network.join(0);
    network.admit(0, late);
    network.admit(1, late);
    network.run_epochs(2);
    CHECK(listed(network, 3, network.epoch()) == 8);
    network.admit(2, late);
    network.run_epochs(2);
    CHECK(listed(network, 3, network.epoch()) == 9);
    network.relays[0].up = false;
    network.run_epochs(2);
    CHECK(listed(network, 3, network.epoch()) == 8);
    check_documents(network);
}

TEST_CASE("driver: a liar costs no epoch, and what it signed twice is kept as evidence") {
    Authorities network{4};
    const auto first = network.epoch();
    base::SeededRandom random{3};
    network.answer = [&](std::size_t of) {
        auto bundle = network.drivers[of]->bundle();
        if (of != 1) return bundle;
        // Other votes for each that asks, of an authority that has the key.
        for (const auto epoch : {network.epoch(), network.epoch().next()})
            for (const auto kind : {Kind::proposal, Kind::prevote, Kind::precommit})
                for (std::uint32_t round = 0; round < 3; ++round)
                    bundle.insert(
                        bundle.begin(),
                        network.made.signers[1]->sign(
                            {kind, epoch, round, no_round, random.id<ValueId>(), {}, {}}));
        for (auto& item : bundle)
            if (auto* sent = std::get_if<SentReveal>(&item)) sent->reveal.secret[0] ^= 1;
        bundle.emplace_back(
            SentSignature{network.epoch(), {network.made.council.authorities[1], {}}});
        bundle.emplace_back(SentDescriptor{"nonsense"});
        return bundle;
    };
    network.run_epochs(5);
    check_documents(network);
    for (const std::size_t i : {0, 2, 3})
        for (unsigned e = 1; e <= 4; ++e)
            CHECK(listed(network, i, {first.value + e}) == 8);
    CHECK(noted(network, "evidence"));
}

TEST_CASE("driver: an authority's first statement in a bundle counts, and no more of its kind") {
    Authorities network{4};
    const auto& council = network.made.council;
    const auto epoch = network.epoch();
    const auto& seed = network.made.seeds[1];
    auto& driver = *network.drivers[0];
    const auto holds = [&driver](const BundleItem& item) {
        const auto all = driver.bundle();
        return std::find(all.begin(), all.end(), item) != all.end();
    };
    const auto list = value_id(encode(network.lists[1]));
    const auto listing = [&](base::Epoch of, std::uint64_t made, std::size_t authority) {
        return SentListing{of,
                           make_listing(council, of, made, list, network.made.seeds[authority])};
    };
    const auto first = listing(epoch, 1, 1), later = listing(epoch, 2, 1);
    const auto of_the_next = listing(epoch.next(), 3, 1), of_another = listing(epoch, 3, 2);
    const SentCommitment commitment{epoch, own_commitment(council, epoch, seed)};
    auto changed = commitment;
    changed.commitment.hash[0] ^= 1;
    driver.receive({first, later, of_the_next, of_another, changed, commitment}, network.moment());
    CHECK(holds(first));
    CHECK_FALSE(holds(later));
    CHECK(holds(of_the_next));
    CHECK(holds(of_another));
    CHECK_FALSE(holds(commitment));
    driver.receive({later, commitment}, network.moment());
    CHECK(holds(later));
    CHECK(holds(commitment));

    network.run_epochs(2);
    network.stop(1);
    network.run_epochs(1);
    REQUIRE(listed(network, 0, network.epoch()) == 8);
    const auto& document = network.documents[0].at(network.epoch());
    const SentSignature signature{document.epoch,
                                  directory::sign_text(directory::signed_text(document), seed)};
    auto falsified = signature;
    falsified.signature.signature[0] ^= 1;
    driver.receive({falsified, signature}, network.moment());
    CHECK_FALSE(holds(signature));
    driver.receive({signature}, network.moment());
    CHECK(holds(signature));
}

TEST_CASE("driver: to name another one's hash and send other descriptors does not hide its own") {
    Authorities network{4};
    network.second();  // the first descriptors came, and are not passed on yet
    const auto epoch = network.epoch();
    auto& driver = *network.drivers[0];
    const auto theirs = network.drivers[1]->descriptors(epoch);
    REQUIRE_FALSE(theirs.empty());
    const DescriptorsHash named{epoch, descriptors_hash(theirs)};
    const auto all = network.drivers[1]->bundle();
    CHECK(std::find(all.begin(), all.end(), BundleItem{named}) != all.end());
    REQUIRE(driver.wants_descriptors(named));
    driver.receive_descriptors(named, {}, network.moment());
    CHECK(driver.wants_descriptors(named));
    driver.receive_descriptors(named, theirs, network.moment());
    CHECK_FALSE(driver.wants_descriptors(named));
}

TEST_CASE("driver: after other parameters it does not sign a second document of an epoch") {
    Authorities network{4};
    network.run_epochs(3);
    network.run(base::Seconds{60});
    const auto epoch = network.epoch().next();
    REQUIRE(listed(network, 2, epoch) == 8);
    network.terms.recommended_versions = {"9.9.9"};
    network.stop(2);
    network.start(2);
    network.second();
    std::size_t found = 0;
    for (const auto& item : network.drivers[2]->bundle())
        if (const auto* sent = std::get_if<SentSignature>(&item); sent && sent->epoch == epoch) {
            ++found;
            CHECK(directory::verifies(directory::signed_text(network.documents[2].at(epoch)),
                                      sent->signature));
        }
    CHECK(found >= 3);
    check_documents(network);
}

TEST_CASE("driver: an authority that is cut off from one other still takes part") {
    Authorities network{4};
    for (const std::size_t i : {0, 1}) {
        network.apart.insert({i, 1 - i});
        network.apart.insert({i + 2, 3 - i});
    }
    network.run_epochs(4);
    for (std::size_t i = 0; i < 4; ++i)
        CHECK(listed(network, i, network.epoch()) == 8);
    check_documents(network);
}

TEST_CASE("driver: what it has said is on its disk, at any time") {
    Authorities network{4};
    std::size_t said = 0;
    for (int second = 0; second < 250; ++second) {
        network.second();
        for (std::size_t i = 0; i < 4; ++i)
            for (const auto& item : network.drivers[i]->bundle()) {
                const auto* message = std::get_if<Message>(&item);
                if (!message || message->authority != network.made.council.authorities[i]) continue;
                const auto file =
                    network.disks[i].files["state." + std::to_string(message->epoch.value)];
                const auto state = parse_saved_state(file);
                REQUIRE(state);
                CHECK(std::find(state->own.begin(), state->own.end(), *message) !=
                      state->own.end());
                ++said;
            }
    }
    CHECK(said > 10);
}

TEST_CASE("driver: a damaged state bars its epoch, and no other") {
    Authorities network{4};
    network.run_epochs(2);
    network.run(base::Seconds{50});
    const auto next = network.epoch().next();
    network.stop(0);
    auto& files = network.disks[0].files;
    const auto name = "state." + std::to_string(next.value);
    REQUIRE(files.contains(name));
    files.erase("decision." + std::to_string(next.value));
    files.erase("chain." + std::to_string(next.value));
    files[name].resize(20);
    network.start(0);
    network.answer = [&](std::size_t of) {
        auto bundle = network.drivers[of]->bundle();
        std::erase_if(bundle,
                      [](const auto& item) { return std::holds_alternative<Certificate>(item); });
        return bundle;
    };
    network.run(base::Seconds{10});
    CHECK(noted(network, "is damaged"));
    for (const auto& item : network.drivers[0]->bundle())
        if (const auto* message = std::get_if<Message>(&item)) CHECK(message->epoch != next);
    network.answer = nullptr;
    network.run_epochs(2);
    CHECK(listed(network, 0, network.epoch()) == 8);
    check_documents(network);
}

TEST_CASE("driver: values of another version are removed, and one that needs them says so") {
    Authorities network{4};
    network.run_epochs(1);
    network.stop(2);
    network.run_epochs(2);
    const auto values_of = [&](std::size_t i) {
        std::vector<std::string> names;
        for (const auto& name : network.disks[i].names())
            if (name.starts_with("value.")) names.push_back(name);
        return names;
    };
    // As if the others had been updated meanwhile.
    for (const std::size_t i : {0, 1, 3}) {
        network.stop(i);
        REQUIRE(values_of(i).size() >= 3);
        for (const auto& name : values_of(i))
            network.disks[i].files[name][0] = 0;
        network.start(i);
        CHECK(values_of(i).empty());
    }
    network.start(2);
    network.run_epochs(2);
    CHECK(listed(network, 0, network.epoch()) == 8);
    CHECK(listed(network, 2, network.epoch()) == 0);
    CHECK(noted(network, "cannot be followed: no other authority has the values before it"));
}
