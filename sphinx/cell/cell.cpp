#include "sphinx/cell/cell.hpp"

#include <string.h>

#include <algorithm>
#include <array>
#include <new>

#include "sphinx/base/check.hpp"

namespace nightjar::cell {
namespace {

#ifdef NIGHTJAR_SANITIZED
constexpr std::size_t kept_max = 0;  // so that a sanitizer detects use after free
#else
constexpr std::size_t kept_max = 1024;  // 2.4 MB
#endif

// The freed cells of a thread, newest last, because the newest is still in the cache. The array has
// no destructor: a cell may be freed after the thread's Keeper has ended.
thread_local std::array<void*, kept_max + 1> kept;
thread_local std::size_t kept_count = 0;
thread_local bool kept_ended = false;

struct Keeper {
    bool begun = false;

    ~Keeper() {
        kept_ended = true;
        while (kept_count > 0)
            ::operator delete(kept[--kept_count]);
    }
};
thread_local Keeper keeper;

}  // namespace

void* Cell::operator new(std::size_t size) {
    if (size != sizeof(Cell) || kept_count == 0) return ::operator new(size);
    return kept[--kept_count];
}

void Cell::operator delete(void* memory) noexcept {
    if (memory == nullptr) return;
    if (kept_ended || kept_count == kept_max) return ::operator delete(memory);
    ::explicit_bzero(memory, sizeof(Cell));  // a kept cell may not be used again for hours
    keeper.begun = true;  // constructs it, so it is destroyed when the thread ends
    kept[kept_count++] = memory;
}

Cell::Cell() {
    bytes_[0] = static_cast<std::uint8_t>(Kind::padding);
}

Cell Cell::packet(base::ByteView body, std::uint8_t epoch) {
    NIGHTJAR_CHECK(body.size() == body_size);
    Cell cell;
    cell.bytes_[0] = static_cast<std::uint8_t>(Kind::packet);
    cell.bytes_[1] = epoch;
    std::copy(body.begin(), body.end(), cell.bytes_.begin() + 3);
    return cell;
}

std::unique_ptr<Cell> Cell::boxed_packet(std::uint8_t epoch) {
    auto cell = std::make_unique<Cell>();
    cell->bytes_[0] = static_cast<std::uint8_t>(Kind::packet);
    cell->bytes_[1] = epoch;
    return cell;
}

Cell Cell::control(base::ByteView message) {
    NIGHTJAR_CHECK(message.size() <= body_size);
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
