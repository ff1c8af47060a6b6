#include "sphinx/cell/cell.hpp"

#include <algorithm>
#include <cassert>

namespace nightjar::cell {

Cell::Cell() {
    bytes_[0] = static_cast<std::uint8_t>(Kind::padding);
}

Cell Cell::packet(base::ByteView body, std::uint8_t epoch) {
    assert(body.size() == body_size);
    Cell cell;
    cell.bytes_[0] = static_cast<std::uint8_t>(Kind::packet);
    cell.bytes_[1] = epoch;
    std::copy(body.begin(), body.end(), cell.bytes_.begin() + 3);
    return cell;
}

Cell Cell::control(base::ByteView message) {
    assert(message.size() <= body_size);
    Cell cell;
    cell.bytes_[0] = static_cast<std::uint8_t>(Kind::control);
    std::copy(message.begin(), message.end(), cell.bytes_.begin() + 3);
    return cell;
}

namespace {

bool well_formed(base::ByteView bytes) {
    return bytes.size() == cell_size && bytes[0] >= 1 && bytes[0] <= 3 && bytes[2] == 0;
}

}  // namespace

std::optional<Cell> Cell::parse(base::ByteView bytes) {
    if (!well_formed(bytes)) return std::nullopt;
    Cell cell;
    std::copy(bytes.begin(), bytes.end(), cell.bytes_.begin());
    return cell;
}

std::unique_ptr<Cell> Cell::parse_boxed(base::ByteView bytes) {
    if (!well_formed(bytes)) return nullptr;
    auto cell = std::make_unique<Cell>();
    std::copy(bytes.begin(), bytes.end(), cell->bytes_.begin());
    return cell;
}

}  // namespace nightjar::cell
