// Row 40 of the table of faults: what decompresses to much more than it may.
#include "sphinx/directory/gzip.hpp"

#include <doctest/doctest.h>

using namespace nightjar::directory;

TEST_CASE("gzip: texts of all sizes come back, and equal ones give equal bytes") {
    std::string text;
    for (const std::size_t size : {0, 1, 1000, 65'535, 65'536, 65'537, 1'000'000}) {
        while (text.size() < size)
            text += std::to_string(text.size() * 7919) + "\n";
        text.resize(size);
        const auto packed = gzip(text);
        CHECK(gzip(text) == packed);
        CHECK(gunzip(packed, size).value() == text);
        if (size > 0) CHECK_FALSE(gunzip(packed, size - 1));
    }
}

TEST_CASE("gzip, faults 40: a bomb costs its bound, and what is cut or long is refused") {
    constexpr std::size_t bound = 1024 * 1024;
    const auto bomb = gzip(std::string(100 * bound, 'x'));  // a thousandth of that
    CHECK(bomb.size() < bound);
    CHECK_FALSE(gunzip(bomb, bound));
    const auto good = gzip("hello hello hello hello\n");
    for (std::size_t size = 0; size < good.size(); ++size)
        CHECK_FALSE(gunzip(good.substr(0, size), bound));
    for (std::size_t at = 0; at < good.size(); ++at) {
        auto changed = good;
        changed[at] = static_cast<char>(changed[at] ^ 0x55);
        const auto text = gunzip(changed, bound);
        // A time, a flag or a system that nothing depends on stands in bytes 4 to 9.
        CHECK((!text || (at >= 4 && at < 10)));
    }
    CHECK_FALSE(gunzip(good + "x", bound));
    CHECK_FALSE(gunzip(good + good, bound));
    CHECK_FALSE(gunzip("", bound));
    CHECK_FALSE(gunzip("hello\n", bound));
}
