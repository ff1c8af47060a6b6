#include "sphinx/base/codec.hpp"

#include <doctest/doctest.h>

using nightjar::base::ByteArray;
using nightjar::base::Reader;
using nightjar::base::Writer;

TEST_CASE("what a Writer wrote a Reader reads back, big-endian") {
    ByteArray<15> bytes{};
    Writer writer{bytes};
    writer.u8(0x01);
    writer.u16(0x0203);
    writer.u32(0x04050607);
    writer.u64(0x08090a0b0c0d0e0f);
    CHECK(writer.ok());
    for (std::size_t i = 0; i < bytes.size(); ++i)
        CHECK(bytes[i] == i + 1);

    Reader reader{bytes};
    CHECK(reader.u8() == 0x01);
    CHECK(reader.u16() == 0x0203);
    CHECK(reader.u32() == 0x04050607);
    CHECK(reader.u64() == 0x08090a0b0c0d0e0f);
    CHECK(reader.finished());
}

TEST_CASE("a Reader that ran past the end fails for good and yields zeros") {
    const ByteArray<3> bytes{1, 2, 3};
    Reader reader{bytes};
    CHECK(reader.u32() == 0);
    CHECK_FALSE(reader.ok());
    CHECK(reader.u8() == 0);
    CHECK(reader.bytes(1).empty());
    CHECK_FALSE(reader.finished());
}

TEST_CASE("a Writer that ran out of room fails for good and writes nothing more") {
    ByteArray<3> bytes{};
    Writer writer{bytes};
    writer.u16(0xffff);
    writer.u32(0xffffffff);
    writer.u8(0xff);
    CHECK_FALSE(writer.ok());
    CHECK(writer.written() == 2);
    CHECK(bytes[2] == 0);
}
