// The time that an HTTPS server sends: what is taken is written back as the same text.
#include "sphinx/node/https/http_date.hpp"

#include <cstdlib>

#include "tests/fuzz/depth.hpp"

namespace {

nightjar::fuzz::Depth taken{"a time"};
nightjar::fuzz::Depth refused{"a text of the right length that is no time"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace nightjar::node::https;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto at = parse_http_date(text);
    if (!at) {
        if (size == 29) refused.reach();
        return 0;
    }
    taken.reach();
    if (http_date(*at) != text) std::abort();
    return 0;
}
