#include "sphinx/stream/header.hpp"

#include <doctest/doctest.h>

#include "sphinx/base/random.hpp"

using namespace nightjar;
using stream::Acks;
using stream::DownHeader;
using stream::HeaderError;
using stream::UpHeader;

namespace {

Acks some_acks(base::Random& random, stream::PacketNumber largest) {
    Acks acks;
    acks.largest = largest;
    for (std::size_t i = 0; i < stream::ack_window && i + 1 < largest; ++i)
        acks.below[i] = random.below(2) == 1;
    return acks;
}

UpHeader some_up(base::Random& random) {
    UpHeader header;
    header.session = random.id<base::SessionId>();
    header.surb_count = static_cast<std::uint8_t>(random.below(stream::surbs_max + 1));
    header.surb_epoch = static_cast<std::uint8_t>(random.below(256));
    header.number = 1 + static_cast<std::uint32_t>(random.below(0xffffffff));
    header.schedule = {static_cast<std::uint32_t>(random.u64()),
                       static_cast<std::uint32_t>(random.below(1u << 24)),
                       static_cast<std::uint32_t>(random.u64()) | 1,
                       static_cast<std::uint32_t>(random.below(1u << 24)),
                       static_cast<std::uint8_t>(random.below(30)),
                       static_cast<std::uint8_t>(random.below(30))};
    header.acks = some_acks(random, static_cast<std::uint32_t>(random.below(400)));
    return header;
}

}  // namespace

TEST_CASE("headers read back as they were written, whatever their values") {
    base::SeededRandom random{1};
    for (int i = 0; i < 500; ++i) {
        base::Bytes message(stream::message_size);
        const auto up = some_up(random);
        encode(up, message);
        const auto read_up = stream::decode_up(message);
        REQUIRE(read_up.has_value());
        CHECK(*read_up == up);

        DownHeader down;
        down.number = up.number;
        down.incarnation = static_cast<std::uint32_t>(random.u64() | 1);
        down.stock = static_cast<std::uint16_t>(random.u64());
        down.acks = up.acks;
        encode(down, message);
        const auto read_down = stream::decode_down(message);
        REQUIRE(read_down.has_value());
        CHECK(*read_down == down);
    }
}

TEST_CASE("the bytes of a header stand where docs/stream.md says") {
    UpHeader up;
    up.session.bytes.fill(0xaa);
    up.surb_count = 4;
    up.surb_epoch = 0x17;
    up.number = 0x01020304;
    up.schedule = {5, 45'000, 1'800'003'600, 40'500, 0, 3};
    up.acks.largest = 300;
    up.acks.below[0] = true;
    up.acks.below[9] = true;
    base::Bytes message(stream::message_size);
    encode(up, message);
    CHECK(base::to_hex(base::ByteView{message}.first(stream::up_header_size)) ==
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "0417"
          "01020304"
          "000000050000afc86b49e01003009e34"
          "0000012c"
          "0102000000000000000000000000000000000000");

    const DownHeader down{
        .number = 0x01020304, .incarnation = 0x0a0b0c0d, .stock = 0x0102, .acks = up.acks};
    encode(down, message);
    CHECK(base::to_hex(base::ByteView{message}.first(stream::down_header_size)) ==
          "01020304"
          "0a0b0c0d"
          "0102"
          "0000012c"
          "0102000000000000000000000000000000000000");
}

TEST_CASE("a message of any other length has no header") {
    base::SeededRandom random{2};
    base::Bytes message(stream::message_size + 8);
    encode(some_up(random), message);
    for (std::size_t size = 0; size <= message.size(); ++size) {
        const auto cut = base::ByteView{message}.first(size);
        const bool whole = size == stream::message_size;
        CHECK(stream::decode_up(cut).has_value() == whole);
        if (whole) continue;
        CHECK(stream::decode_up(cut).error() == HeaderError::bad_length);
        CHECK(stream::decode_down(cut).error() == HeaderError::bad_length);
    }
}

TEST_CASE("each rule of a header is checked") {
    base::SeededRandom random{3};
    auto header = some_up(random);
    header.acks = some_acks(random, 5);
    base::Bytes sound(stream::message_size);
    encode(header, sound);
    struct Row {
        const char* what;
        std::size_t at;
        std::uint8_t value;
        HeaderError error;
    };
    const Row rows[]{
        {"one SURB too many", 16, stream::surbs_max + 1, HeaderError::too_many_surbs},
        {"a bit for packet 0", 42, 0x10, HeaderError::bad_value},
        {"a bit far below packet 0", 61, 0x80, HeaderError::bad_value},
        {"a rank beyond the frame", 26, 30, HeaderError::bad_value},
        {"a next rank beyond the frame", 34, 30, HeaderError::bad_value},
    };
    for (const auto& row : rows) {
        auto message = sound;
        message[row.at] = row.value;
        INFO(row.what);
        REQUIRE_FALSE(stream::decode_up(message).has_value());
        CHECK(stream::decode_up(message).error() == row.error);
    }
    header.schedule = {.sequence = 5, .pace_milli = 45'000, .first_rank = 29};
    auto unchanged = sound;
    encode(header, unchanged);
    CHECK(stream::decode_up(unchanged).has_value());
    unchanged[34] = 1;
    CHECK_FALSE(stream::decode_up(unchanged).has_value());
    auto no_session = sound;
    std::fill_n(no_session.begin(), 16, std::uint8_t{0});
    CHECK_FALSE(stream::decode_up(no_session).has_value());
    auto no_number = sound;
    std::fill_n(no_number.begin() + 18, 4, std::uint8_t{0});
    CHECK_FALSE(stream::decode_up(no_number).has_value());
    CHECK_FALSE(stream::decode_down(base::Bytes(stream::message_size)).has_value());
    auto no_change = sound;
    std::fill_n(no_change.begin() + 30, 4, std::uint8_t{0});
    CHECK_FALSE(stream::decode_up(no_change).has_value());
    std::fill_n(no_change.begin() + 34, 4, std::uint8_t{0});
    CHECK(stream::decode_up(no_change).has_value());
    encode(DownHeader{.number = 1, .incarnation = 1, .stock = 0, .acks = {}}, sound);
    CHECK(stream::decode_down(sound).has_value());
    for (const std::size_t at : {3, 7}) {
        auto zero = sound;
        zero[at] = 0;
        REQUIRE_FALSE(stream::decode_down(zero).has_value());
        CHECK(stream::decode_down(zero).error() == HeaderError::bad_value);
    }
}

TEST_CASE("SURBs and frames share what is behind the header") {
    base::Bytes message(stream::message_size);
    UpHeader header;
    for (std::uint8_t n = 0; n <= stream::surbs_max; ++n) {
        header.surb_count = n;
        CHECK(stream::frames_of(header, message).size() == stream::up_room(n));
        for (std::uint8_t i = 0; i < n; ++i) {
            CHECK(surb_of(header, message, i).data() ==
                  message.data() + stream::up_header_size + i * stream::surb_size);
        }
    }
    CHECK(stream::up_room(4) == 402);
    CHECK(stream::up_room(5) == 6);
    CHECK(stream::down_room == 2014);
}
