// A release's manifest: what is taken is written back as the same text.
#include "relay/operation/manifest.hpp"

#include "sphinx/base/bytes.hpp"
#include "tests/fuzz/depth.hpp"

namespace {

using nightjar::fuzz::require;

nightjar::fuzz::Depth taken{"a manifest"};
nightjar::fuzz::Depth several{"a manifest of several programs"};
nightjar::fuzz::Depth found{"a manifest with a relay"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace nightjar::relay::operation;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto manifest = parse_manifest(text);
    if (!manifest) {
        require(!manifest.error().empty() && manifest.error().size() < 256);
        return 0;
    }
    taken.reach();
    if (manifest->size() > 1) several.reach();
    std::string again;
    for (const auto& packed : *manifest) {
        again += nightjar::base::to_hex(packed.hash) + "  " + packed.path + "\n";
        if (find_build(*manifest, "nightjar-relay", packed.hash) != nullptr) found.reach();
    }
    require(again == text);
    return 0;
}
