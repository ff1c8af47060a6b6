#include "sphinx/stream/frame.hpp"

#include <doctest/doctest.h>

#include <iterator>
#include <string>
#include <type_traits>
#include <vector>

using namespace nightjar;
using stream::CheckedFrames;
using stream::Frame;
using stream::FrameType;
using stream::Side;

namespace {

Frame make(FrameType type, stream::StreamId id, std::uint64_t value, base::ByteView bytes = {}) {
    Frame frame;
    frame.type = type;
    frame.stream = id;
    frame.value = value;
    frame.bytes = bytes;
    if (type == FrameType::open) frame.port = 443;
    return frame;
}

bool well_formed(Side receiver, const std::string& hex) {
    const auto bytes = *base::from_hex(hex);
    return CheckedFrames::parse(receiver, bytes).has_value();
}

}  // namespace

TEST_CASE("a varint takes the shortest of 1, 2, 4 and 8 bytes, and no other encoding is read") {
    struct Row {
        std::uint64_t value;
        const char* hex;
    };
    const Row rows[]{{0, "00"},
                     {63, "3f"},
                     {64, "4040"},
                     {16383, "7fff"},
                     {16384, "80004000"},
                     {(1U << 30) - 1, "bfffffff"},
                     {1U << 30, "c000000040000000"},
                     {stream::varint_max, "ffffffffffffffff"}};
    for (const auto& row : rows) {
        base::Bytes bytes(stream::varint_size(row.value));
        base::Writer writer{bytes};
        stream::write_varint(writer, row.value);
        CHECK(base::to_hex(bytes) == row.hex);
        base::Reader reader{bytes};
        CHECK(stream::read_varint(reader) == row.value);
        CHECK(reader.finished());
        base::Reader cut{base::ByteView{bytes}.first(bytes.size() - 1)};
        CHECK_FALSE(stream::read_varint(cut).has_value());
    }
    for (const auto* longer : {"4000", "403f", "80000000", "80003fff", "c000000000000000"}) {
        const auto bytes = *base::from_hex(longer);
        base::Reader reader{bytes};
        CHECK_FALSE(stream::read_varint(reader).has_value());
    }
}

TEST_CASE("every frame reads back, takes the size that it says, and fits nowhere smaller") {
    const auto host = base::as_bytes("example.org");
    const base::Bytes data(700, 0x5a);
    const base::Bytes token(stream::join_token_size, 0xa5);
    const std::pair<Side, Frame> rows[]{
        {Side::exit, make(FrameType::ping, 0, 0x0123456789abcdef)},
        {Side::client, make(FrameType::pong, 0, 7)},
        {Side::exit, make(FrameType::open, 1, 0, host)},
        {Side::exit, make(FrameType::resolve, 300, 0, host)},
        {Side::client, make(FrameType::accept, 77, 0)},
        {Side::exit, make(FrameType::data, 300, 1U << 31, data)},
        {Side::client, make(FrameType::data, 0xffffffff, stream::varint_max - 700, data)},
        {Side::client, make(FrameType::fin, 3, 0)},
        {Side::exit, make(FrameType::reset, 3, 0)},
        {Side::client, make(FrameType::reset, 300, stream::varint_max)},
        {Side::exit, make(FrameType::stop, 3, 0)},
        {Side::exit, make(FrameType::window, 9, 1 << 20)},
        {Side::exit, make(FrameType::join, 0, 0, token)},
        {Side::client, make(FrameType::joined, 0, 1)},
        {Side::client, make(FrameType::joined, 0, 0)},
    };
    for (const auto& [receiver, frame] : rows) {
        base::Bytes bytes(stream::frame_size(frame) + 3);
        base::Writer tight{base::ByteSpan{bytes}.first(stream::frame_size(frame) - 1)};
        CHECK_FALSE(stream::write_frame(tight, frame));
        CHECK(tight.written() == 0);
        base::Writer writer{bytes};
        CHECK(stream::write_frame(writer, frame));
        CHECK(writer.written() == stream::frame_size(frame));

        const auto checked = CheckedFrames::parse(receiver, bytes);
        REQUIRE(checked.has_value());
        CHECK(checked->receiver() == receiver);
        REQUIRE(std::distance(checked->begin(), checked->end()) == 1);
        const auto& read = *checked->begin();
        CHECK(read.type == frame.type);
        CHECK(read.stream == frame.stream);
        CHECK(read.value == frame.value);
        CHECK(read.port == frame.port);
        CHECK(std::equal(read.bytes.begin(), read.bytes.end(), frame.bytes.begin(),
                         frame.bytes.end()));

        // A frame cut anywhere is malformed, unless nothing is left of it.
        for (std::size_t size = 1; size < stream::frame_size(frame); ++size) {
            const auto cut = base::ByteView{bytes}.first(size);
            CHECK_FALSE(CheckedFrames::parse(receiver, cut).has_value());
        }
    }
}

TEST_CASE("each rule of a frame makes it malformed") {
    struct Row {
        const char* what;
        Side receiver;
        const char* hex;
        bool ok;
    };
    const Row rows[]{
        {"nothing at all", Side::exit, "", true},
        {"zeros", Side::exit, "000000", true},
        {"a byte behind the end", Side::exit, "000001", false},
        {"an unknown type", Side::exit, "0d", false},
        {"ping to a client", Side::client, "010000000000000001", false},
        {"pong to an exit", Side::exit, "020000000000000001", false},
        {"open", Side::exit, "0301005001610000", true},
        {"open to a client", Side::client, "03010050016100", false},
        {"open of stream 0", Side::exit, "03000050016100", false},
        {"open of port 0", Side::exit, "03010000016100", false},
        {"open without a host", Side::exit, "030100500000", false},
        {"NUL in a host", Side::exit, "0301005003610062", false},
        {"a host longer than the packet", Side::exit, "0301005004616263", false},
        {"resolve", Side::exit, "0a010161", true},
        {"resolve to a client", Side::client, "0a010161", false},
        {"resolve of stream 0", Side::exit, "0a000161", false},
        {"resolve without a host", Side::exit, "0a0100", false},
        {"resolve with a NUL in its host", Side::exit, "0a0103610062", false},
        {"resolve longer than the packet", Side::exit, "0a010261", false},
        {"accept", Side::client, "0401", true},
        {"accept to an exit", Side::exit, "0401", false},
        {"a stream id above 32 bits", Side::client, "04c000000100000000", false},
        {"data", Side::exit, "0501000161", true},
        {"data without bytes", Side::exit, "05010000", false},
        {"data of stream 0", Side::exit, "0500000161", false},
        {"data longer than the packet", Side::exit, "0501000261", false},
        {"data past the last offset", Side::exit, "0501ffffffffffffffff0161", false},
        {"fin", Side::exit, "060105", true},
        {"fin of stream 0", Side::exit, "060005", false},
        {"reset", Side::exit, "07010105", true},
        {"reset without a good offset", Side::exit, "070101", false},
        {"reset for reason 0", Side::exit, "07010005", false},
        {"reset for reason 10", Side::exit, "07010a05", false},
        {"stop", Side::exit, "090101", true},
        {"stop of stream 0", Side::exit, "090001", false},
        {"stop for reason 10", Side::exit, "09010a", false},
        {"join", Side::exit, "0b000102030405060708090a0b0c0d0e0f00000001", true},
        {"join to a client", Side::client, "0b000102030405060708090a0b0c0d0e0f00000001", false},
        {"join without all of its token", Side::exit, "0b000102030405060708090a0b0c0d0e0f000000",
         false},
        {"joined", Side::client, "0c01", true},
        {"joined to an exit", Side::exit, "0c01", false},
        {"joined with an answer that is neither yes nor no", Side::client, "0c02", false},
        {"window", Side::exit, "080105", true},
        {"window of stream 0", Side::exit, "080005", false},
        {"sound frames before a bad one", Side::exit, "05010001610806", false},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        CHECK(well_formed(row.receiver, row.hex) == row.ok);
    }
    std::string longest =
        "030100"
        "50ff";
    for (int i = 0; i < 255; ++i)
        longest += "61";
    CHECK(well_formed(Side::exit, longest));
}

TEST_CASE("checked frames keep the packet's order and are views into its bytes") {
    const auto bytes = *base::from_hex(
        "0501000161"
        "060101"
        "070201"
        "0000");
    const auto checked = CheckedFrames::parse(Side::exit, bytes);
    REQUIRE(checked.has_value());
    const std::vector<Frame> frames{checked->begin(), checked->end()};
    REQUIRE(frames.size() == 3);
    CHECK(frames[0].type == FrameType::data);
    CHECK(frames[0].bytes.data() == bytes.data() + 4);
    CHECK(frames[1].type == FrameType::fin);
    CHECK(frames[2].type == FrameType::reset);
    CHECK(frames[2].stream == 2);
    // Only the checking parser makes one.
    static_assert(!std::is_default_constructible_v<CheckedFrames>);
    static_assert(!std::is_constructible_v<CheckedFrames, Side>);
    static_assert(!std::is_copy_constructible_v<CheckedFrames>);
}
