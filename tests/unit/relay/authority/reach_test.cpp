// What an authority states by its loops: which relays lose packets, for how long, and what they are
// told.
#include "relay/authority/reach.hpp"

#include <doctest/doctest.h>

#include "tests/support/networks.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority;

namespace {

struct Site {
    test::TemporaryFolder folder;
    Archive archive{folder.path()};
    directory::Document document = test::make_network(4).document;
    base::Seconds length = document.parameters.epoch_length;
    Reach reach{length};
    base::SeededRandom random{2};
    base::NodeId bad = test::named(document, "mix-2-1").identity;
    std::set<base::NodeId> described;

    Site() {
        for (const auto& relay : document.relays)
            described.insert(relay.identity);
        archive.keep_document(document.epoch, directory::to_text(document));
    }
    base::Wall now() const { return document.valid_from + base::Seconds{1}; }
    bool look() {
        return reach.look(
            archive, [this](base::Epoch) { return described; }, now());
    }
    /// The next epoch's document is here, with the bad relay or without it.
    void turn(bool listed) {
        auto next = document;
        next.epoch = next.epoch.next();
        next.valid_from += length;
        next.valid_until += length;
        document = next;
        if (!listed)
            std::erase_if(next.relays, [&](const auto& relay) { return relay.identity == bad; });
        archive.keep_document(next.epoch, directory::to_text(next));
        look();
    }
    /// A sweep in which the bad relay loses this share.
    void sweep(double share) {
        auto& losses = reach.losses();
        losses.begin_sweep();
        const auto any = [&](const char* one, const char* other) {
            return test::named(document, random.below(2) == 0 ? one : other).identity;
        };
        for (int i = 0; i < 400; ++i) {
            const auto gateway = any("gateway-1", "gateway-2");
            const auto mix = any("mix-2-1", "mix-2-2");
            const bool returned = mix != bad || random.unit() >= share;
            losses.record(
                {gateway, any("mix-1-1", "mix-1-2"), mix, any("mix-3-1", "mix-3-2"), gateway},
                returned);
        }
        swept();
    }
    void swept() { reach.swept(document, reach.losses().stated(document), now()); }
    void sweeps(double share) {
        for (int i = 0; i < 3; ++i)
            sweep(share);
    }
    bool stated() const { return reach.stated().contains(bad); }
};

}  // namespace

TEST_CASE(
    "reach: a relay that loses packets is stated and told, until a sweep shows that it does not") {
    Site site;
    site.look();
    CHECK(site.reach.document(site.now()) != nullptr);
    CHECK(site.reach.document(site.document.valid_until) == nullptr);
    site.sweep(0.5);
    site.sweep(0.5);
    CHECK_FALSE(site.look());
    site.sweep(0.5);
    CHECK(site.look());
    CHECK(site.reach.stated() == std::set{site.bad});
    const auto remark = site.reach.remark(site.bad);
    CHECK(remark.find("; but the relay loses ") == 0);
    CHECK(remark.find(" loops of this authority through it, since ") != std::string::npos);
    CHECK(site.reach.remark(site.random.id<base::NodeId>()).empty());
    site.sweep(0);
    CHECK(site.look());
    CHECK_FALSE(site.stated());
    CHECK(site.reach.remark(site.bad).empty());
}

TEST_CASE("reach: a relay that was left out for losing packets begins anew after 12 epochs") {
    Site site;
    site.look();
    site.sweeps(0.5);
    site.look();
    REQUIRE(site.stated());
    // No loop passes it any more, and that proves nothing.
    site.turn(false);
    for (std::uint32_t epoch = 1; epoch < core::epochs_unlisted; ++epoch) {
        CAPTURE(epoch);
        site.swept();
        site.turn(false);
        CHECK(site.stated());
    }
    site.turn(false);
    CHECK_FALSE(site.stated());
    site.turn(true);
    site.swept();
    site.look();
    CHECK_FALSE(site.stated());
}

TEST_CASE("reach: one that lost packets and was switched off begins anew") {
    Site site;
    site.look();
    site.sweeps(0.5);
    site.look();
    site.turn(false);
    REQUIRE(site.stated());
    site.described.erase(site.bad);
    site.turn(false);
    CHECK_FALSE(site.stated());
}
