#include "sphinx/directory/announcement.hpp"

#include <doctest/doctest.h>

using namespace nightjar;
using namespace nightjar::directory;

TEST_CASE("announcement: an epoch and a hash, in one text") {
    Parameters changed;
    changed.relay_loops = {20'000};
    CHECK(parameters_hash(changed) != parameters_hash({}));
    const Announcement made{{500'123}, parameters_hash(changed)};
    const auto line = to_line(made);
    CHECK(line.name == "parameters-from");
    CHECK(line.value == "500123 " + base::to_hex(made.hash));
    CHECK(announcement_in({line}) == made);
    CHECK(announcement_in({{"notice", "1"}, line, {"z", "2"}}) == made);
}

TEST_CASE("announcement: a line that is none is passed over, because older programs take it") {
    const std::string hash(64, 'a');
    CHECK_FALSE(announcement_in({}));
    for (const auto& value : {std::string{"500123"}, "500123" + hash, "500123 " + hash + "0",
                              "500123 " + hash.substr(2), "0500123 " + hash, "4294967296 " + hash,
                              "-1 " + hash, "500123 " + std::string(64, 'A'), "x " + hash,
                              "500123  " + hash, "500123 " + hash + " more"}) {
        CAPTURE(value);
        CHECK_FALSE(announcement_in({{"parameters-from", value}}));
    }
    CHECK(announcement_in({{"parameters-from", "500123 " + hash}}));
}
