// Row 38 of the table of faults: two valid documents of one epoch are kept as proof.
#include "sphinx/node/config/evidence.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "tests/support/networks.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using node::config::Evidence;
namespace fs = std::filesystem;

namespace {

directory::Document changed(directory::Document document, std::uint32_t epoch, std::uint32_t by) {
    document.epoch.value = epoch;
    document.relays.front().capacity += by;
    return document;
}

std::string read(const fs::path& file) {
    std::ifstream stream{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

std::size_t files_in(const fs::path& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator{folder}, {}));
}

struct Site {
    test::TemporaryFolder temporary;
    fs::path folder = temporary.path() / "evidence";
    directory::Document first = test::make_network(1).document;
};

}  // namespace

TEST_CASE("evidence, faults 38: two documents of one epoch are kept, each under its own name") {
    Site site;
    Evidence evidence{site.folder};
    CHECK_FALSE(evidence.compare(site.first, site.first));
    auto others_signed_it = site.first;
    others_signed_it.signatures.clear();
    CHECK_FALSE(evidence.compare(site.first, others_signed_it));
    CHECK_FALSE(evidence.compare(site.first, changed(site.first, site.first.epoch.value + 1, 1)));
    CHECK(files_in(site.folder) == 0);
    CHECK_FALSE(evidence.facts().epoch);

    const auto second = changed(site.first, site.first.epoch.value, 1);
    const auto alarm = evidence.compare(site.first, second);
    REQUIRE(alarm);
    CHECK(alarm->find(std::to_string(site.first.epoch.value)) != alarm->npos);
    CHECK(alarm->find(site.folder.string()) != alarm->npos);
    std::set<std::string> texts;
    for (const auto& entry : fs::directory_iterator{site.folder}) {
        CHECK(Evidence::is_name(entry.path().filename()));
        texts.insert(read(entry.path()));
    }
    CHECK(texts == std::set{directory::to_text(site.first), directory::to_text(second)});
    CHECK_FALSE(evidence.compare(site.first, second));  // said already
    CHECK(evidence.facts().documents == 2);
    CHECK(evidence.facts().epoch == site.first.epoch);

    const auto again = Evidence{site.folder}.facts();  // after a restart
    CHECK(again.documents == 2);
    CHECK(again.epoch == site.first.epoch);
}

TEST_CASE("evidence, faults 38: what is kept has a bound, and nothing replaces it") {
    Site site;
    Evidence evidence{site.folder};
    std::set<std::string> kept;
    for (std::uint32_t n = 0; n < Evidence::documents_max; ++n) {
        const auto held = changed(site.first, n, 1), other = changed(site.first, n, 2);
        const auto alarm = evidence.compare(held, other);
        REQUIRE(alarm);
        CHECK((alarm->find("is full") == alarm->npos) == (n < Evidence::documents_max / 2));
    }
    CHECK(files_in(site.folder) == Evidence::documents_max);
    CHECK(evidence.facts().documents == Evidence::documents_max);
    for (const auto& entry : fs::directory_iterator{site.folder})
        CHECK(directory::parse(read(entry.path()))->epoch.value < Evidence::documents_max / 2);
    // It still says that the newest epoch has a conflict.
    CHECK(evidence.facts().epoch == base::Epoch{Evidence::documents_max - 1});

    std::ofstream{site.folder / "document.x"} << "not ours";
    std::ofstream{site.folder / ".document.7.ab.Xy12Zk"} << "a write that was interrupted";
    CHECK(Evidence{site.folder}.facts().documents == Evidence::documents_max);
}

TEST_CASE("evidence: where nothing can be written the alarm is raised nevertheless") {
    Site site;
    std::ofstream{site.folder} << "a file in the place of the folder";
    Evidence evidence{site.folder};
    const auto alarm = evidence.compare(site.first, changed(site.first, site.first.epoch.value, 1));
    REQUIRE(alarm);
    CHECK(alarm->find("not both could be kept") != alarm->npos);
    CHECK(evidence.facts().documents == 0);
    CHECK(evidence.facts().epoch == site.first.epoch);
}
