// What authority.yaml says beside what a new network has.
#include "relay/authority/settings.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "sphinx/directory/announcement.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority;

namespace {

struct Folder {
    test::TemporaryFolder home;
    std::filesystem::path path = home.path() / "authority";

    Folder() {
        init_network(path, {"example", {"127.0.0.1", 8443}, std::nullopt, base::Seconds{3600}});
    }
    void add(const std::string& lines) {
        std::ofstream{path / "authority.yaml", std::ios::app} << lines;
    }
    std::string fault() const {
        try {
            load_settings(path);
        } catch (const node::process::ConfigError& error) {
            return error.what();
        }
        return {};
    }
};

}  // namespace

TEST_CASE("authority.yaml: parameters of a later epoch hold from that epoch on") {
    Folder folder;
    CHECK_FALSE(load_settings(folder.path).terms.change);
    CHECK(load_settings(folder.path).terms.parameters.exit_room == 1000);
    folder.add(
        "from_epoch: 500000\nfrom_epoch_parameters: {relay_loops: 20, exit_room: "
        "1}\n");
    const auto settings = load_settings(folder.path);
    REQUIRE(settings.terms.change);
    auto changed = settings.terms.parameters;
    changed.relay_loops = {20'000};
    CHECK(settings.terms.document_of({499'999}).parameters == settings.terms.parameters);
    CHECK(settings.terms.document_of({500'000}).parameters == changed);
    CHECK(settings.terms.document_of({500'001}).parameters == changed);
    // The documents before it announce it.
    const directory::Announcement said{{500'000}, directory::parameters_hash(changed)};
    CHECK(directory::announcement_in(settings.terms.document_of({499'976}).optional) == said);
    CHECK(settings.terms.document_of({499'975}).optional.empty());
    CHECK(settings.terms.document_of({500'000}).optional.empty());
}

TEST_CASE("authority.yaml: a new authority measures relays by loops, an older one does as it did") {
    Folder folder;
    CHECK(load_settings(folder.path).loops);
    const auto file = folder.path / "authority.yaml";
    std::ifstream in{file};
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    const auto at = text.find("loops: true");
    REQUIRE(at != std::string::npos);
    text.erase(at, text.find('\n', at) + 1 - at);
    std::ofstream{file} << text;
    CHECK_FALSE(load_settings(folder.path).loops);
}

TEST_CASE("authority.yaml: a change needs room for its announcement, which no operator writes") {
    Folder own;
    own.add("optional: [{name: parameters-from, value: \"1\"}]\n");
    CHECK(own.fault().find("an authority writes this line itself") != std::string::npos);
    Folder full;
    std::string lines = "optional: [";
    for (char name = 'a'; name < 'i'; ++name)
        lines += std::string{"{name: "} + name + ", value: \"1\"}" + (name < 'h' ? ", " : "]\n");
    full.add(lines);
    CHECK(full.fault().empty());
    full.add("from_epoch: 500000\nfrom_epoch_parameters: {relay_loops: 20}\n");
    CHECK(full.fault().find("cannot be announced: more than 8") != std::string::npos);
}

TEST_CASE("authority.yaml: what follows from an epoch's number cannot change with one") {
    for (const auto* parameters : {"{epoch_length: 2h}", "{lab: true}"}) {
        CAPTURE(parameters);
        Folder folder;
        folder.add(std::string{"from_epoch: 500000\nfrom_epoch_parameters: "} + parameters + "\n");
        CHECK(folder.fault().find("`epoch_length` and `lab` cannot change") != std::string::npos);
    }
    Folder without;
    without.add("from_epoch_parameters: {relay_loops: 20, exit_room: 1}\n");
    CHECK(without.fault().find("from_epoch_parameters") != std::string::npos);
}

TEST_CASE(
    "authority.yaml: parameters that no document may have are refused long before their epoch") {
    for (const auto* parameters :
         {"{mean_delay: 300ms}", "{main_slots: 10, replies: 30}", "{session_grid: 7s}"}) {
        CAPTURE(parameters);
        Folder folder;
        folder.add(std::string{"from_epoch: 500000\nfrom_epoch_parameters: "} + parameters + "\n");
        CHECK(folder.fault().find("no document may have them") != std::string::npos);
    }
}
