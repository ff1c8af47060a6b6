// Any text: refused with a line and a reason, or the one text of the document that it stands for.
// The same for descriptors, none of which a fuzzer can sign.
#include "sphinx/directory/document.hpp"

#include <cstdlib>

#include "sphinx/directory/descriptor.hpp"
#include "sphinx/directory/problems.hpp"

using namespace nightjar::directory;

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

void require_reason(const ParseError& error) {
    require(!error.reason.empty() && error.reason.size() < 256);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto descriptor = parse_descriptor(text);
    if (!descriptor) require_reason(descriptor.error());

    auto document = parse(text);
    if (!document) {
        require_reason(document.error());
        return 0;
    }
    require(to_text(*document) == text);
    require(text.starts_with(signed_text(*document)));
    const auto before = *document;
    sort(*document);
    require(*document == before);
    if (document->relays.size() < 64) problems(*document);
    return 0;
}
