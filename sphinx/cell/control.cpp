#include "sphinx/cell/control.hpp"

#include <algorithm>
#include <cassert>

#include "sphinx/base/codec.hpp"

namespace nightjar::cell {

namespace {

// The first byte of a control message (docs/link.md shows the layouts).
enum class Type : std::uint8_t { hello = 1, document_request = 2, document_part = 3 };

using Decoded = base::Result<Control, ControlError>;

void write(base::Writer& out, const Hello& hello) {
    out.u8(static_cast<std::uint8_t>(Type::hello));
    out.u16(hello.version);
    out.bytes(hello.network.bytes);
    out.u8(static_cast<std::uint8_t>(hello.role));
}

void write(base::Writer& out, const DocumentRequest& request) {
    out.u8(static_cast<std::uint8_t>(Type::document_request));
    out.u32(request.have.value);
}

// A part has no length field: its total and offset determine its length. So each part has exactly
// one encoding, and no two lengths can disagree.
std::size_t part_length(std::uint32_t total, std::uint32_t offset) {
    return std::min<std::size_t>(document_part_size, total - offset);
}

bool fits_total(std::uint32_t total, std::uint32_t offset) {
    return total <= document_size_max && offset < total && offset % document_part_size == 0;
}

void write(base::Writer& out, const DocumentPart& part) {
    assert(fits_total(part.total, part.offset));
    assert(part.bytes.size() == part_length(part.total, part.offset));
    out.u8(static_cast<std::uint8_t>(Type::document_part));
    out.u32(part.epoch.value);
    out.u32(part.total);
    out.u32(part.offset);
    out.bytes(part.bytes);
}

Decoded read_hello(base::Reader& in) {
    Hello hello;
    hello.version = in.u16();
    in.into(hello.network.bytes);
    const std::uint8_t role = in.u8();
    if (hello.version == 0) return base::Fail{ControlError::bad_value};
    if (role != static_cast<std::uint8_t>(LinkRole::client) &&
        role != static_cast<std::uint8_t>(LinkRole::relay))
        return base::Fail{ControlError::bad_value};
    hello.role = static_cast<LinkRole>(role);
    return Control{hello};
}

Decoded read_part(base::Reader& in) {
    DocumentPart part;
    part.epoch.value = in.u32();
    part.total = in.u32();
    part.offset = in.u32();
    if (!fits_total(part.total, part.offset)) return base::Fail{ControlError::bad_length};
    const base::ByteView bytes = in.bytes(part_length(part.total, part.offset));
    part.bytes.assign(bytes.begin(), bytes.end());
    return Control{std::move(part)};
}

Decoded read_message(base::Reader& in) {
    switch (static_cast<Type>(in.u8())) {
        case Type::hello:
            return read_hello(in);
        case Type::document_request:
            return Control{DocumentRequest{base::Epoch{in.u32()}}};
        case Type::document_part:
            return read_part(in);
    }
    return base::Fail{ControlError::unknown_type};
}

static_assert(1 + 4 + 4 + 4 + document_part_size <= body_size, "a whole part fits a cell");

}  // namespace

const char* to_string(ControlError error) {
    switch (error) {
        case ControlError::unknown_type:
            return "unknown-type";
        case ControlError::bad_length:
            return "bad-length";
        case ControlError::bad_value:
            return "bad-value";
        case ControlError::not_zero:
            return "not-zero";
    }
    return "?";
}

Cell encode(const Control& control) {
    base::ByteArray<body_size> body{};
    base::Writer out{body};
    std::visit([&out](const auto& message) { write(out, message); }, control);
    assert(out.ok());
    return Cell::control(base::ByteView{body}.first(out.written()));
}

base::Result<Control, ControlError> decode(const Cell& cell) {
    assert(cell.kind() == Kind::control);
    if (cell.epoch() != 0) return base::Fail{ControlError::not_zero};
    base::Reader in{cell.body()};
    Decoded message = read_message(in);
    if (!message) return message;
    // A cell is longer than every message, so the read above cannot have run past its end.
    assert(in.ok());
    const base::ByteView rest = in.bytes(in.remaining());
    if (std::any_of(rest.begin(), rest.end(), [](std::uint8_t byte) { return byte != 0; }))
        return base::Fail{ControlError::not_zero};
    return message;
}

}  // namespace nightjar::cell
