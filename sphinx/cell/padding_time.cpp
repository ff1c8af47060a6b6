#include "sphinx/cell/padding_time.hpp"

#include <algorithm>
#include <cassert>

#include "sphinx/base/codec.hpp"

namespace nightjar::cell {
namespace {

constexpr std::uint64_t latest = 253'402'300'800'000;  // milliseconds to the year 10000

}  // namespace

CellBox padding_that_says(base::Wall time) {
    assert(time.time_since_epoch().count() > 0);
    auto padding = std::make_unique<Cell>();
    base::Writer out{padding->body()};
    out.u64(static_cast<std::uint64_t>(time.time_since_epoch().count()));
    return padding;
}

std::optional<base::Wall> time_in(const Cell& cell) {
    if (cell.kind() != Kind::padding) return std::nullopt;
    base::Reader in{cell.body()};
    const auto time = in.u64();
    if (time == 0 || time >= latest) return std::nullopt;
    const auto rest = in.bytes(in.remaining());
    if (std::any_of(rest.begin(), rest.end(), [](std::uint8_t byte) { return byte != 0; }))
        return std::nullopt;
    return base::Wall{base::Milliseconds{static_cast<std::int64_t>(time)}};
}

}  // namespace nightjar::cell
