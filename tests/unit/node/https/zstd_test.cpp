// Row 40 of the table of faults: what decompresses to much more than it may, as Zstandard. Frames
// are made by hand where the library makes none like them (RFC 8878, section 3.1).
#include "sphinx/node/https/zstd.hpp"

#include <doctest/doctest.h>

using namespace nightjar::node::https;

namespace {

constexpr std::size_t bound = 1024 * 1024;
constexpr std::string_view hello = "hello\n";

/// The last block of a frame, with six bytes as they are.
std::string last_block() {
    return std::string{"\x31\0\0", 3} + std::string{hello};
}

/// A frame without its size: `descriptor` says which fields are in `header` behind it.
std::string frame(char descriptor, std::string_view header) {
    return std::string{"\x28\xB5\x2F\xFD"} + descriptor + std::string{header} + last_block();
}

}  // namespace

TEST_CASE("zstd: texts of all sizes come back, and equal ones give equal bytes") {
    std::string text;
    for (const std::size_t size : {0, 1, 1000, 65'535, 65'536, 65'537, 1'000'000}) {
        while (text.size() < size)
            text += std::to_string(text.size() * 7919) + "\n";
        text.resize(size);
        const auto packed = zstd(text);
        CHECK(zstd(text) == packed);
        CHECK((unzstd(packed, size).value() == text));
        if (size > 0) CHECK_FALSE(unzstd(packed, size - 1));
    }
}

TEST_CASE("zstd, faults 40: a bomb costs its bound, and what is cut or long is refused") {
    const auto bomb = zstd(std::string(100 * bound, 'x'));
    CHECK(bomb.size() < bound / 10);
    CHECK_FALSE(unzstd(bomb, bound));
    const auto good = zstd("hello hello hello hello\n");
    for (std::size_t size = 0; size < good.size(); ++size)
        CHECK_FALSE(unzstd(good.substr(0, size), bound));
    for (std::size_t at = 0; at < good.size(); ++at) {
        auto changed = good;
        changed[at] = static_cast<char>(changed[at] ^ 0x55);
        CHECK_FALSE(unzstd(changed, bound));
    }
    CHECK_FALSE(unzstd(good + "x", bound));
    CHECK_FALSE(unzstd("", bound));
    CHECK_FALSE(unzstd("hello\n", bound));
}

TEST_CASE("zstd, faults 40: a window above 8 MiB is refused, whatever the frame holds") {
    CHECK(unzstd(frame(0, "\x68"), bound) == hello);  // 2^23
    CHECK_FALSE(unzstd(frame(0, "\x69"), bound));     // and an eighth
    CHECK_FALSE(unzstd(frame(0, "\x88"), bound));     // 2^27, which the library would take
    CHECK_FALSE(unzstd(frame(0, "\xF8"), bound));     // 2^41
    // Its size instead of a window, in eight bytes: 2^40.
    CHECK_FALSE(unzstd(frame('\xE0', {"\0\0\0\0\0\1\0\0", 8}), bound));
}

TEST_CASE("zstd, faults 40: one frame, no dictionary, no older format and nothing skipped") {
    const auto good = frame(0, "\x08");
    const std::string skipped{"\x50\x2A\x4D\x18\2\0\0\0xx", 10};
    CHECK(unzstd(good, bound) == hello);
    CHECK_FALSE(unzstd(good + good, bound));
    CHECK_FALSE(unzstd(skipped, bound));
    CHECK_FALSE(unzstd(skipped + good, bound));
    CHECK_FALSE(unzstd(good + skipped, bound));
    CHECK_FALSE(unzstd(frame(1, "\x08\7"), bound));  // needs the dictionary 7
    CHECK_FALSE(unzstd(frame(8, "\x08"), bound));    // a reserved bit
    // Version 0.7 of the format, of 2016, which Debian's library reads.
    CHECK_FALSE(unzstd({"\x27\xB5\x2F\xFD\x20\6\x40\0\6hello\n\xC0\0\0", 18}, bound));
}
