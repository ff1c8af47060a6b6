#include "sphinx/stream/name_records.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/stream/mux_pair.hpp"

using namespace nightjar;
using namespace nightjar::mux_test;
using stream::NameRecord;

namespace {

base::IpAddress ip(const char* text) {
    return base::IpAddress::parse(text).value();
}

bool well_formed(const std::string& hex) {
    return stream::decode_records(*base::from_hex(hex)).has_value();
}

}  // namespace

TEST_CASE("name records read back, and their bytes are as documented") {
    const std::vector<NameRecord> records{
        {ip("192.0.2.1"), 60}, {ip("2001:db8::1"), 0xffffffff}, {std::string{"a.example"}, 0}};
    const auto bytes = stream::encode(records);
    CHECK(base::to_hex(bytes) ==
          "0000003c04c0000201"
          "ffffffff0620010db8000000000000000000000001"
          "000000000109612e6578616d706c65");
    CHECK(stream::decode_records(bytes) == records);
    for (std::size_t size = 1; size < bytes.size(); ++size) {
        if (size == 9 || size == 9 + 21) continue;  // between two records
        CHECK_FALSE(stream::decode_records(base::ByteView{bytes}.first(size)).has_value());
    }
}

TEST_CASE("each rule of a name record makes the answer malformed") {
    struct Row {
        const char* what;
        const char* hex;
        bool ok;
    };
    for (const auto& row :
         {Row{"an address", "0000000004c0000201", true}, Row{"nothing", "", false},
          Row{"an unknown kind", "0000000005c0000201", false},
          Row{"a name", "0000000001016f", true}, Row{"a name of no byte", "000000000100", false},
          Row{"a name longer than the answer", "0000000001026f", false},
          Row{"a name with a space", "00000000010361206f", false},
          Row{"a name that is an address", "000000000107312e322e332e34", false},
          Row{"an address and a byte", "0000000004c000020100", false}}) {
        INFO(row.what);
        CHECK(well_formed(row.hex) == row.ok);
    }
    std::vector<NameRecord> many(stream::records_max, {ip("192.0.2.1"), 1});
    auto bytes = stream::encode(many);
    CHECK(stream::decode_records(bytes).has_value());
    const base::Bytes one(bytes.begin(), bytes.begin() + 9);
    bytes.insert(bytes.end(), one.begin(), one.end());
    CHECK_FALSE(stream::decode_records(bytes).has_value());
    std::vector<NameRecord> longest(stream::records_max, {std::string(63, 'a') + ".b", 1});
    CHECK(stream::encode(longest).size() <= stream::records_bytes_max);
}

TEST_CASE("a stream to port 0 asks for a lookup, and its answer ends both directions") {
    Pair pair;
    const auto id = *pair.client.open({"example.org", 0});
    const auto request = pair.up();
    const auto checked = stream::CheckedFrames::parse(Side::exit, request);
    REQUIRE(checked.has_value());
    CHECK(checked->begin()->type == FrameType::resolve);
    pair.client.lost(pair.ups);  // and it comes again
    CHECK(arrive_at_exit(pair.exit, pair.up()));
    pair.client.acknowledged(pair.ups);
    CHECK(arrive_at_exit(pair.exit, request));
    const auto asked = pair.exit.take_events();
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].kind == Kind::opened);
    CHECK(asked[0].target == stream::Target{"example.org", 0});

    pair.exit.accept(id);
    const auto records = stream::encode(std::vector<NameRecord>{{ip("192.0.2.1"), 60}});
    CHECK(pair.exit.write(id, records) == records.size());
    pair.exit.finish(id);
    pair.exit.reset(id, ResetReason::cancelled);
    pair.exchange();
    std::string answer = read_all(pair.client, id);
    CHECK(base::as_bytes(answer).size() == records.size());
    CHECK(kinds(pair.client) ==
          Kinds{Kind::accepted, Kind::stopped, Kind::readable, Kind::finished});
    for (int i = 0; i < 3; ++i)
        pair.exchange();
    CHECK(pair.exit.idle());
    pair.client.reset(id, ResetReason::cancelled);
    pair.exchange();
    CHECK(pair.client.idle());
}
