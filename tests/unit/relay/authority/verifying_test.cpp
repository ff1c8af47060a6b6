// Row 38 of the table of faults: what `nightjar-authority verify` says of documents in files.
#include "relay/authority/verifying.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/networks.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority;
using node::process::ExitCode;

namespace {

/// Four authorities. A document needs the signatures of three.
struct Site {
    /// A document signed by these authorities.
    std::filesystem::path file(const std::string& name, std::vector<std::size_t> signers,
                               std::uint32_t capacity, std::uint32_t epoch = 500'000) {
        auto document = network.document;
        document.epoch.value = epoch;
        document.relays.front().capacity = capacity;
        document.signatures.clear();
        for (const auto signer : signers)
            directory::sign(document, network.authorities[signer]);
        return write(name, directory::to_text(document));
    }
    std::filesystem::path write(const std::string& name, const std::string& text) const {
        std::ofstream{folder.path() / name, std::ios::binary} << text;
        return folder.path() / name;
    }
    Verdict verify(const std::vector<std::filesystem::path>& files) const {
        return relay::authority::verify(files, network.anchors);
    }

    test::TemporaryFolder folder;
    test::SignedNetwork network = test::make_network(1, {.authorities = 4});
};

}  // namespace

TEST_CASE("verify, faults 38: two valid documents of one epoch, and who signed both") {
    Site site;
    const auto verdict = site.verify({site.file("a", {0, 1, 2}, 1), site.file("b", {1, 2, 3}, 2),
                                      site.file("c", {1, 2, 3}, 3, 500'001)});
    for (const auto& one : verdict.documents) {
        CHECK(one.fault == "");
        CHECK(one.signers.size() == 3);
    }
    REQUIRE(verdict.conflicts.size() == 1);
    CHECK(verdict.conflicts[0].first == 0);
    CHECK(verdict.conflicts[0].second == 1);
    CHECK(verdict.conflicts[0].authorities.size() == 2);
    CHECK(exit_code(verdict) == ExitCode::failure);
    const auto text = to_text(verdict);
    for (const auto& authority : verdict.conflicts[0].authorities)
        CHECK(text.find("signed both: " + base::to_hex(authority.bytes)) != text.npos);
    const auto json = nlohmann::json::parse(to_json(verdict));
    CHECK(json["documents"].size() == 3);
    CHECK(json["conflicts"][0]["signed_both"].size() == 2);
}

TEST_CASE("verify: documents that agree are valid, one with fewer signatures is named") {
    Site site;
    const auto good = site.file("a", {0, 1, 2}, 1);
    const auto same = site.file("b", {1, 2, 3}, 1);
    const auto other = site.file("c", {0, 1, 2}, 7, 500'001);
    CHECK(exit_code(site.verify({good, same, other})) == ExitCode::ok);

    const auto few = site.verify({good, site.file("d", {0, 1}, 1)});
    CHECK(few.documents[0].fault == "");
    CHECK(few.documents[1].fault != "");
    CHECK(exit_code(few) == ExitCode::config);
    CHECK(to_text(few).find("NOT VALID") != std::string::npos);
}

TEST_CASE("verify: only good signatures of the network's authorities are proof") {
    Site site;
    const auto good = site.file("a", {0, 1, 2}, 1);
    // Another statement of the same epoch under the signatures of the first.
    auto copied = site.verify({good}).documents[0].document;
    copied.relays.front().capacity = 9;
    const auto forged = site.verify({good, site.write("b", directory::to_text(copied))});
    CHECK(forged.conflicts.empty());
    CHECK(exit_code(forged) == ExitCode::config);
    CHECK(to_text(forged).find("the signature is bad") != std::string::npos);

    const auto strangers = test::make_network(2, {.authorities = 4});
    copied.signatures.clear();
    for (const auto& seed : strangers.authorities)
        directory::sign(copied, seed);
    const auto strange = site.verify({good, site.write("c", directory::to_text(copied))});
    CHECK(strange.conflicts.empty());
    CHECK(to_text(strange).find("no authority of this network") != std::string::npos);

    const auto nothing = site.verify({site.write("d", "nightjar-document 2\n"), good});
    CHECK(nothing.documents[0].fault.starts_with("line 1"));
    CHECK(exit_code(nothing) == ExitCode::config);
    CHECK_THROWS_AS(site.verify({site.folder.path() / "none"}), std::system_error);
    const auto large = site.write("e", std::string(directory::document_text_max + 5, 'x'));
    CHECK(site.verify({large}).documents[0].fault != "");
}
