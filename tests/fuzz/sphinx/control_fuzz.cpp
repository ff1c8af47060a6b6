// Any cell: refused, or decoded to a message or a time that encodes to the same cell. One bit
// changed never gives the same message.
#include "sphinx/cell/control.hpp"
#include "sphinx/cell/padding_time.hpp"

#include <algorithm>
#include <cstdlib>

#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;

namespace {

fuzz::Depth messages[] = {fuzz::Depth{"a HELLO"}, fuzz::Depth{"a request for the document"},
                          fuzz::Depth{"a part of the document"}};
fuzz::Depth time_in_padding{"padding that says a time"};
fuzz::Depth still_sound{"a message that is another one with a bit changed"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2 || size > 2 + cell::body_size) return 0;
    const std::size_t bit = (std::size_t{data[0]} << 8 | data[1]) % (cell::body_size * 8);
    cell::Cell cell = cell::Cell::control({data + 2, size - 2});
    const auto parsed = cell::Cell::parse(cell.bytes());
    require(parsed && std::ranges::equal(parsed->bytes(), cell.bytes()));
    cell::Cell padding;
    std::copy(cell.body().begin(), cell.body().end(), padding.body().begin());
    if (const auto time = cell::time_in(padding)) {
        time_in_padding.reach();
        require(std::ranges::equal(cell::padding_that_says(*time)->bytes(), padding.bytes()));
    }
    const auto message = cell::decode(cell);
    if (!message) return 0;
    messages[message->index()].reach();
    require(std::ranges::equal(cell::encode(*message).bytes(), cell.bytes()));

    cell.body()[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    const auto changed = cell::decode(cell);
    require(!changed || !(*changed == *message));
    if (changed) still_sound.reach();
    return 0;
}
