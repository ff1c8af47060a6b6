// One of several authorities over its state directory: what it writes when relays, or strangers,
// send it descriptors.
#include "relay/authority/member.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "relay/authority/introduction.hpp"
#include "sphinx/directory/quorum.hpp"
#include "sphinx/directory/statement.hpp"
#include "sphinx/node/files/key_file.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/networks.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority;
namespace fs = std::filesystem;

namespace {

constexpr base::Epoch epoch{500'000};
const core::Moment now{base::Wall{base::Seconds{1'800'000'300}}, {}};  // in that epoch

/// The first of four authorities. The others list a relay that it does not list.
struct OneOfFour {
    OneOfFour() {
        std::vector<fs::path> introductions;
        for (int i = 0; i < 4; ++i) {
            NewNetwork made;
            made.name = "test";
            made.authorities = 4;
            made.listen = {"192.0.2." + std::to_string(1 + i), 8443};
            init_network(folder(i), made);
            introductions.push_back(folder(i) / "introduction");
        }
        assemble(folder(0), introductions);
        const auto network = node::config::load_anchors_file(folder(0) / "network.yaml");
        member.emplace(folder(0), load_settings(folder(0)), network, now);
        keys.name_in(relay);
        relay.addresses = {{"192.0.2.100", 1000}};
        const auto list = core::encode(core::Admissions{{relay.identity, "operator", "", 1}});
        const auto council = core::Council::of(network.anchors);
        core::Bundle said;
        for (int i = 1; i < 4; ++i) {
            const auto seed =
                node::files::read_key(folder(i) / "authority.key", node::files::KeyKind::authority);
            said.emplace_back(core::SentListing{
                epoch, core::make_listing(council, epoch, 1, core::value_id(list), seed)});
        }
        member->take_bundle(std::string{base::as_text(core::encode(said))}, now);
        member->take_object(std::string{base::as_text(list)}, now);
    }
    fs::path folder(int i) const { return temporary.path() / std::to_string(i); }
    fs::path file() const {
        return folder(0) / "descriptors" /
               (std::to_string(epoch.value) + "-" + base::to_hex(relay.identity.bytes));
    }
    std::string made_at(base::Seconds after) const {
        return keys.describe(relay, epoch, now.wall + after);
    }
    unsigned post(const std::string& text) {
        return member->answer({"POST", "/descriptor", text, ""}, now).status;
    }

    test::TemporaryFolder temporary;
    base::SeededRandom random{1};
    test::RelayKeys keys{random};
    directory::Relay relay = test::random_relay(random, 1);
    std::optional<Member> member;

    void write_list(const std::string& text) {
        std::ofstream{folder(0) / "admitted"} << text;
        fs::last_write_time(folder(0) / "admitted",
                            fs::file_time_type::clock::now() + base::Seconds{++lists});
    }
    /// A document that lists the relay, and two others of its layer.
    directory::Document document() {
        directory::Document made;
        made.epoch = epoch;
        made.relays = {relay, test::random_relay(random, 1), test::random_relay(random, 1)};
        directory::sort(made);
        return made;
    }
    /// What tries of the relay say, while that document is valid.
    void fail() {
        auto& tries = member->tries();
        tries.list(document(), {}, now.wall, random);
        for (int i = 0; i < 6; ++i)
            tries.tried(relay.identity, false, now.wall);
    }
    int lists = 0;
};

std::string read(const fs::path& file) {
    std::ifstream stream{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

}  // namespace

TEST_CASE("member: a descriptor that is here already, or an older one, is not written") {
    OneOfFour site;
    const auto older = site.made_at(base::Seconds{1});
    const auto newer = site.made_at(base::Seconds{2});
    CHECK(site.post(older) == 200);
    CHECK(read(site.file()) == older);
    CHECK(site.post(newer) == 200);
    CHECK(read(site.file()) == newer);
    fs::remove(site.file());
    CHECK(site.post(newer) == 200);
    CHECK(site.post(older) == 200);
    CHECK_FALSE(fs::exists(site.file()));
}

TEST_CASE("member: of the hashes of descriptors in a bundle the first of each epoch counts") {
    OneOfFour site;
    core::Bundle said;
    for (const auto of : {epoch, epoch.next()})
        for (int i = 0; i < 3; ++i)
            said.emplace_back(core::DescriptorsHash{of, site.random.id<core::ValueId>()});
    const auto wants =
        site.member->take_bundle(std::string{base::as_text(core::encode(said))}, now).descriptors;
    REQUIRE(wants.size() == 2);
    CHECK(core::BundleItem{wants[0]} == said[0]);
    CHECK(core::BundleItem{wants[1]} == said[3]);
}

TEST_CASE("member, faults 38: another document of an epoch, signed by a quorum, is kept as proof") {
    OneOfFour site;
    auto document = test::make_network(1).document;
    document.network = "test";
    document.epoch = epoch;
    const auto text_by = [&](std::vector<int> signers, std::uint32_t capacity) {
        document.relays.front().capacity = capacity;
        document.signatures.clear();
        for (const auto i : signers)
            directory::sign(document, node::files::read_key(site.folder(i) / "authority.key",
                                                            node::files::KeyKind::authority));
        return directory::to_text(document);
    };
    const auto kept = [&] {
        return std::distance(fs::directory_iterator{site.folder(0) / "evidence"}, {});
    };
    CHECK_FALSE(site.member->comparison(std::nullopt));  // it has no document yet
    const auto ours = text_by({0, 1, 2}, 1);
    Archive{site.folder(0)}.keep_document(epoch, ours);
    const auto network = node::config::load_anchors_file(site.folder(0) / "network.yaml");
    site.member.emplace(site.folder(0), load_settings(site.folder(0)), network, now);

    const auto asked = site.member->comparison(std::nullopt);
    REQUIRE(asked);
    CHECK_FALSE(site.member->comparison(epoch));
    CHECK(asked->request.target == "/document/500000");
    CHECK(site.member->answer(asked->request, now).status == 304);

    site.member->take_document("another", text_by({1, 2, 3}, 1));  // the same statement
    site.member->take_document("another", text_by({2, 3}, 2));     // signed by too few
    site.member->take_document("another", "nightjar-document 2\n");
    CHECK(kept() == 0);
    const auto other = text_by({1, 2, 3}, 2);
    site.member->take_document("another", other);
    CHECK(kept() == 2);
    // The first one stays.
    CHECK(site.member->answer({"GET", "/document/500000", "", ""}, now).body == ours);
    auto request = asked->request;
    request.if_none_match = directory::etag(epoch, directory::signed_part(other));
    CHECK(site.member->answer(request, now).status == 200);
}

TEST_CASE("member: a document that is gone from the disk ends no comparison with others") {
    OneOfFour site;
    auto document = test::make_network(1).document;
    document.epoch = epoch;
    Archive{site.folder(0)}.keep_document(epoch, directory::to_text(document));
    const auto network = node::config::load_anchors_file(site.folder(0) / "network.yaml");
    site.member.emplace(site.folder(0), load_settings(site.folder(0)), network, now);
    REQUIRE(site.member->comparison(std::nullopt));
    fs::remove(site.folder(0) / "documents" / std::to_string(epoch.value));
    CHECK_FALSE(site.member->comparison(std::nullopt));
    site.member->tick(now);
}

TEST_CASE("member: a list that cannot be read does not stop what it finds about relays") {
    OneOfFour site;
    admit(site.folder(0) / "admitted", {site.relay.identity, "operator", "", 1});
    site.member->tick(now);
    const auto states = [&](bool unreachable) {
        const auto list =
            core::encode(core::Admissions{{site.relay.identity, "operator", "", 1, unreachable}});
        const auto target = "/agreement/object/" + base::to_hex(core::value_id(list).bytes);
        return site.member->answer({"GET", target, "", ""}, now).status == 200;
    };
    CHECK_FALSE(states(true));
    site.write_list("nonsense\n");
    site.fail();
    site.member->tick(now);
    CHECK(states(true));
}

TEST_CASE("member: a descriptor that others hand on moves a relay only if it counts") {
    OneOfFour site;
    site.fail();
    site.member->tick(now);
    auto without = site.document();
    std::erase_if(without.relays,
                  [&](const auto& each) { return each.identity == site.relay.identity; });
    auto& tries = site.member->tries();
    tries.list(without, {site.relay.identity}, now.wall, site.random);
    const auto lost = std::set{site.relay.identity};
    REQUIRE(tries.stated() == lost);
    auto elsewhere = site.relay;
    elsewhere.addresses = {{"192.0.2.101", 1000}};
    const auto hand_on = [&](base::Epoch of, base::Epoch at) {
        const core::Bundle sent{core::SentDescriptor{site.keys.describe(elsewhere, of)}};
        site.member->take_descriptors(
            {at, core::descriptors_hash(sent)},
            std::string{base::as_text(core::encode(sent, core::descriptors_size_max))}, now);
    };
    hand_on({epoch.value + 7}, epoch);
    hand_on({epoch.value + 7}, {epoch.value + 7});
    CHECK(tries.stated() == lost);
    hand_on(epoch, epoch);
    CHECK(tries.stated().empty());
}
