// How authorities that found a network learn each other's keys.
#include "relay/authority/introduction.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority;
namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& file) {
    std::ifstream stream{file};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

/// Some authorities' folders.
struct Founders {
    explicit Founders(int count) {
        for (int i = 0; i < count; ++i) {
            NewNetwork network;
            network.name = "test";
            network.authorities = 4;
            network.listen = {"192.0.2." + std::to_string(1 + i), 8443};
            init_network(folder(i), network);
            files.push_back(folder(i) / "introduction");
        }
    }
    fs::path folder(int i) const { return temporary.path() / std::to_string(i); }
    std::string error(int by) const {
        try {
            static_cast<void>(assemble(folder(by), files));
        } catch (const node::process::ConfigError& refusal) {
            return refusal.what();
        }
        return {};
    }
    test::TemporaryFolder temporary;
    std::vector<fs::path> files;
};

bool contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("introduction: four authorities make the same anchors, whose id they compare") {
    const Founders founders{4};
    const auto id = assemble(founders.folder(0), founders.files);
    for (int i = 1; i < 4; ++i)
        CHECK(assemble(founders.folder(i), founders.files) == id);
    const auto network = node::config::load_anchors_file(founders.folder(2) / "network.yaml");
    CHECK(network.anchors.authorities.size() == 4);
    CHECK(network.services.size() == 4);
    CHECK(network == node::config::load_anchors_file(founders.folder(3) / "network.yaml"));
    CHECK(network.epoch_length == base::Seconds{3600});
}

TEST_CASE("introduction: authorities compare a change of parameters before they begin") {
    const Founders founders{4};
    const auto configure = [&](int which, const char* loops) {
        std::ofstream{founders.folder(which) / "authority.yaml", std::ios::app}
            << "from_epoch: 900000\nfrom_epoch_parameters: {relay_loops: " << loops << "}\n";
        write_introduction(founders.folder(which));
    };
    configure(0, "20");
    CHECK(contains(founders.error(1), "or a change of parameters"));
    for (int i = 1; i < 4; ++i)
        configure(i, i == 3 ? "21" : "20");
    CHECK(contains(founders.error(0), "3/introduction: its parameters or recommended"));
    CHECK(contains(founders.error(3), "or a change of parameters"));
}

TEST_CASE("introduction: the form has one text, and what was changed is refused") {
    const Founders founders{1};
    const auto text = read(founders.files[0]);
    const auto parsed = parse_introduction(text);
    REQUIRE(parsed);
    const auto seed = node::files::read_key(founders.folder(0) / "authority.key",
                                            node::files::KeyKind::authority);
    CHECK(to_text(*parsed, seed) == text);
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto changed = text;
        changed[i] ^= 1;
        CHECK_FALSE(parse_introduction(changed));
    }
    CHECK_FALSE(parse_introduction(text + "more 1\n"));
    auto other = *parsed;
    other.authorities = 1;
    CHECK_FALSE(parse_introduction(to_text(other, seed)));
    other.authorities = 65;
    CHECK_FALSE(parse_introduction(to_text(other, seed)));
}

TEST_CASE("introduction: what does not fit is named before there is a network") {
    Founders founders{4};
    const auto last = founders.files.back();
    founders.files.pop_back();
    CHECK(contains(founders.error(0), "these are 3 authorities"));
    founders.files.push_back(founders.files[1]);
    CHECK(contains(founders.error(0), "same key or address"));
    founders.files.back() = last;
    CHECK(founders.error(0).empty());
    const auto settings = founders.folder(3) / "authority.yaml";
    const auto text = read(settings);
    std::ofstream{settings, std::ios::app} << "  mean_delay: 60ms\n";
    write_introduction(founders.folder(3));
    CHECK(contains(founders.error(0), "its parameters or recommended versions differ"));
    auto changed = text;
    changed.replace(changed.find("authorities: 4"), 14, "authorities: 5");
    std::ofstream{settings} << changed;
    write_introduction(founders.folder(3));
    CHECK(contains(founders.error(0), "it counts 5 authorities"));
    founders.files.back() = founders.folder(3) / "none";
    CHECK(contains(founders.error(0), "No such file or directory"));
}
