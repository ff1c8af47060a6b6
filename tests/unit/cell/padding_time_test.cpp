#include "sphinx/cell/padding_time.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace nightjar;
using namespace std::chrono_literals;

TEST_CASE("padding says a time in its first eight bytes, and nothing else") {
    const base::Wall time{1'764'000'000'123ms};
    auto padding = cell::padding_that_says(time);
    const base::ByteArray<8> says{0, 0, 0x01, 0x9a, 0xb6, 0x97, 0xe8, 0x7b};
    CHECK(padding->kind() == cell::Kind::padding);
    CHECK(padding->epoch() == 0);
    CHECK(std::ranges::equal(padding->body().first(8), says));
    CHECK(std::ranges::all_of(padding->body().subspan(8), [](auto byte) { return byte == 0; }));
    CHECK((cell::time_in(*padding) == time));
    // Padding without a time, as relays send it to each other.
    CHECK(!cell::time_in(cell::Cell{}));
}

TEST_CASE("padding with a time that no clock reads, or with more than a time, says none") {
    struct Row {
        const char* what;
        std::size_t at;
        std::uint8_t byte;
    };
    for (const auto& row :
         {Row{"the year 10889", 2, 0xff}, Row{"far beyond", 0, 0x80}, Row{"a byte behind it", 8, 1},
          Row{"at the end", cell::body_size - 1, 1}}) {
        INFO(row.what);
        auto padding = cell::padding_that_says(base::Wall{1'764'000'000'123ms});
        padding->body()[row.at] = row.byte;
        CHECK(!cell::time_in(*padding));
    }
    auto packet = cell::Cell::boxed_packet(0);
    packet->body()[7] = 1;
    CHECK(!cell::time_in(*packet));
    CHECK(!cell::time_in(cell::Cell::control(packet->body())));
}
