#include "sphinx/cell/control.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace nightjar;
using cell::Cell;
using cell::Control;
using cell::ControlError;
using cell::DocumentPart;
using cell::DocumentRequest;
using cell::Hello;
using cell::LinkRole;

namespace {

base::NetworkId network() {
    base::NetworkId id;
    for (std::size_t i = 0; i < id.bytes.size(); ++i)
        id.bytes[i] = static_cast<std::uint8_t>(0x40 + i);
    return id;
}

DocumentPart part(std::uint32_t total, std::uint32_t offset) {
    DocumentPart made{base::Epoch{0x01020304}, total, offset, {}};
    made.bytes.assign(std::min<std::size_t>(cell::document_part_size, total - offset), 0x5a);
    return made;
}

base::Bytes message(std::initializer_list<base::Bytes> pieces) {
    base::Bytes all;
    for (const base::Bytes& piece : pieces)
        all.insert(all.end(), piece.begin(), piece.end());
    return all;
}

base::Bytes u32(std::uint32_t value) {
    return {static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
            static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

base::Bytes hello_bytes(base::Bytes version, std::uint8_t role) {
    return message({{1}, std::move(version), base::Bytes(32, 0x11), {role}});
}

base::Bytes part_header(std::uint32_t total, std::uint32_t offset) {
    return message({{3}, u32(9), u32(total), u32(offset)});
}

}  // namespace

TEST_CASE("every control message comes back as it was") {
    const Control messages[] = {
        Hello{1, network(), LinkRole::client},
        Hello{1, network(), LinkRole::relay},
        Hello{0xffff, network(), LinkRole::relay},
        DocumentRequest{base::Epoch{0}},
        DocumentRequest{base::Epoch{0xffffffff}},
        part(1, 0),
        part(2047, 0),
        part(2048, 0),
        part(2049, 2048),
        part(5000, 2048),
        part(5000, 4096),
        part(cell::document_size_max, 0),
        part(cell::document_size_max, cell::document_size_max - 2048),
    };
    for (const Control& one : messages) {
        CAPTURE(one.index());
        const Cell encoded = cell::encode(one);
        CHECK(encoded.kind() == cell::Kind::control);
        const auto decoded = cell::decode(encoded);
        REQUIRE(decoded);
        CHECK(*decoded == one);
    }
}

TEST_CASE("HELLO is laid out as docs/link.md says") {
    const Cell encoded = cell::encode(Hello{1, network(), LinkRole::relay});
    base::Bytes expected = message({{3, 0, 0}, {1}, {0, 1}});
    for (const std::uint8_t byte : network().bytes)
        expected.push_back(byte);
    expected.push_back(2);
    expected.resize(cell::cell_size, 0);
    CHECK(base::to_hex(encoded.bytes()) == base::to_hex(expected));
}

TEST_CASE("a control message that breaks a rule is refused by that rule") {
    struct Case {
        const char* rule;
        base::Bytes bytes;
        ControlError error;
    };
    const std::uint32_t too_big = cell::document_size_max + 2048;
    const Case cases[] = {
        {"type 0", {}, ControlError::unknown_type},
        {"type 4", {4}, ControlError::unknown_type},
        {"type 255", {255}, ControlError::unknown_type},
        {"version 0", hello_bytes({0, 0}, 1), ControlError::bad_value},
        {"role 0", hello_bytes({0, 1}, 0), ControlError::bad_value},
        {"role 3", hello_bytes({0, 1}, 3), ControlError::bad_value},
        {"role 255", hello_bytes({0, 1}, 255), ControlError::bad_value},
        {"behind HELLO", message({hello_bytes({0, 1}, 1), {1}}), ControlError::not_zero},
        {"behind a request", message({{2}, u32(5), {0, 0, 1}}), ControlError::not_zero},
        {"a document of nothing", part_header(0, 0), ControlError::bad_length},
        {"too large", part_header(cell::document_size_max + 1, 0), ControlError::bad_length},
        {"far too large", part_header(0xffffffff, 0), ControlError::bad_length},
        {"at the end", part_header(2048, 2048), ControlError::bad_length},
        {"behind the end", part_header(2048, 4096), ControlError::bad_length},
        {"offset beyond all", part_header(too_big, too_big - 2048), ControlError::bad_length},
        {"offset that wraps", part_header(100, 0xfffff800), ControlError::bad_length},
        {"offset between parts", part_header(5000, 1), ControlError::bad_length},
        {"offset one short", part_header(5000, 2047), ControlError::bad_length},
        {"last part too long", message({part_header(2049, 2048), {1, 1}}), ControlError::not_zero},
        {"only part too long", message({part_header(1, 0), {1, 1}}), ControlError::not_zero},
        {"whole part too long", message({part_header(4096, 0), base::Bytes(2049, 1)}),
         ControlError::not_zero},
    };
    for (const Case& one : cases) {
        CAPTURE(one.rule);
        const auto decoded = cell::decode(Cell::control(one.bytes));
        REQUIRE(!decoded);
        CHECK(decoded.error() == one.error);
    }
}

TEST_CASE("the last byte of a control cell counts, and its epoch byte is zero") {
    Cell last = cell::encode(DocumentRequest{base::Epoch{1}});
    last.body().back() = 1;
    const auto refused = cell::decode(last);
    REQUIRE(!refused);
    CHECK(refused.error() == ControlError::not_zero);

    Cell epoch = cell::encode(DocumentRequest{base::Epoch{1}});
    epoch.set_epoch(1);
    const auto also_refused = cell::decode(epoch);
    REQUIRE(!also_refused);
    CHECK(also_refused.error() == ControlError::not_zero);
}

TEST_CASE("each control error has a name of its own") {
    const ControlError errors[] = {ControlError::unknown_type, ControlError::bad_length,
                                   ControlError::bad_value, ControlError::not_zero};
    std::vector<std::string> names;
    for (const ControlError error : errors)
        names.emplace_back(cell::to_string(error));
    CHECK(names == std::vector<std::string>{"unknown-type", "bad-length", "bad-value", "not-zero"});
}
