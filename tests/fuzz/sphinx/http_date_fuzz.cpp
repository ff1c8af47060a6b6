// What an HTTPS server sends beside the text: the time, which is written back as the same text if
// it is taken, and a body as gzip or zstd, which is within its bound or nothing.
#include "sphinx/node/https/http_date.hpp"

#include <cstdlib>

#include "sphinx/directory/gzip.hpp"
#include "sphinx/node/https/zstd.hpp"
#include "tests/fuzz/depth.hpp"

namespace {

nightjar::fuzz::Depth taken{"a time"};
nightjar::fuzz::Depth refused{"a text of the right length that is no time"};
nightjar::fuzz::Depth whole{"a whole gzip stream"};
nightjar::fuzz::Depth too_long{"a gzip stream that is longer than its bound"};
nightjar::fuzz::Depth whole_frame{"a whole zstd frame"};
nightjar::fuzz::Depth long_frame{"a zstd frame that is longer than its bound"};
nightjar::fuzz::Depth no_frame{"a text that begins as a zstd frame and is none"};

constexpr std::size_t bound = 100'000;

void try_gzip(std::string_view packed) {
    using namespace nightjar::directory;
    const auto text = gunzip(packed, bound);
    if (!text) {
        if (gunzip(packed, 10 * bound)) too_long.reach();
        return;
    }
    whole.reach();
    if (text->size() > bound || gunzip(gzip(*text), bound) != *text) std::abort();
}

void try_zstd(std::string_view packed) {
    using namespace nightjar::node::https;
    const auto text = unzstd(packed, bound);
    if (!text) {
        if (unzstd(packed, 10 * bound))
            long_frame.reach();
        else if (packed.starts_with("\x28\xB5\x2F\xFD"))
            no_frame.reach();
        return;
    }
    whole_frame.reach();
    if (text->size() > bound || unzstd(zstd(*text), bound) != *text) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace nightjar::node::https;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    try_gzip(text);
    try_zstd(text);
    const auto at = parse_http_date(text);
    if (!at) {
        if (size == 29) refused.reach();
        return 0;
    }
    taken.reach();
    if (http_date(*at) != text) std::abort();
    return 0;
}
