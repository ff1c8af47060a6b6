// The only frame on a link (docs/link.md): kind (1 byte), epoch (1), reserved (1), body (2413).
// Every cell is one TLS record of the same length, whatever it carries.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ids.hpp"

namespace nightjar::cell {

inline constexpr std::size_t body_size = 2413;  // one Sphinx packet
inline constexpr std::size_t cell_size = 3 + body_size;
static_assert(cell_size == 2416);

enum class Kind : std::uint8_t {
    packet = 1,   // body: a Sphinx packet, or a delivery (docs/traffic-law.md section 3)
    padding = 2,  // body: zeros
    control = 3,  // body: one control message and zeros (control.hpp)
};

/// A value of fixed size. It is moved between queues in a CellBox, so that it is copied only once.
class Cell {
 public:
    /// A padding cell.
    Cell();

    static Cell packet(base::ByteView body, std::uint8_t epoch);  // precondition: body_size bytes
    /// A packet cell in a box, with a zero body for the caller to fill.
    static std::unique_ptr<Cell> boxed_packet(std::uint8_t epoch);
    static Cell control(base::ByteView message);  // precondition: at most body_size bytes

    Kind kind() const { return static_cast<Kind>(bytes_[0]); }
    std::uint8_t epoch() const { return bytes_[1]; }
    void set_epoch(std::uint8_t epoch) { bytes_[1] = epoch; }
    base::ByteSpan body() { return base::ByteSpan{bytes_}.subspan(3); }
    base::ByteView body() const { return base::ByteView{bytes_}.subspan(3); }
    base::ByteView bytes() const { return bytes_; }

    /// Parses a received cell. Returns nullopt if the length is not cell_size, the kind is unknown
    /// or the reserved byte is not zero; the caller then closes the link.
    static std::optional<Cell> parse(base::ByteView bytes);
    /// Like parse(), but directly into a box; nullptr on error.
    static std::unique_ptr<Cell> parse_boxed(base::ByteView bytes);

    // Each thread keeps some freed cells for reuse: every packet allocates and frees a cell, and
    // glibc's thread cache does not hold blocks of this size.
    static void* operator new(std::size_t size);
    static void operator delete(void* memory) noexcept;

 private:
    base::ByteArray<cell_size> bytes_{};
};

using CellBox = std::unique_ptr<Cell>;

}  // namespace nightjar::cell
