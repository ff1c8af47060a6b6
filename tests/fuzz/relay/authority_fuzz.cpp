// What an authority parses: descriptors from strangers, and its operator's list of admitted
// relays. Any descriptor is answered with a line, and a refused one changes nothing.
#include <cstdlib>

#include "relay/authority/registry.hpp"
#include "sphinx/directory/signature.hpp"
#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using namespace nightjar::relay::authority;

namespace {

fuzz::Depth listed{"a list of admitted relays"};
fuzz::Depth offered{"a descriptor that is taken"};
fuzz::Depth again{"a descriptor that is here already"};
fuzz::Depth refused{"a descriptor of a relay that is not admitted"};

base::Secret<32> seed(std::uint8_t byte) {
    base::Secret<32> bytes;
    std::fill_n(bytes.data(), bytes.size(), byte);
    return bytes;
}

void try_list(std::string_view text) {
    const auto list = parse_admitted(text);
    if (!list) return require(!list.error().reason.empty());
    listed.reach();
    require(list->size() <= admitted_max);
    require(to_text(*list) == text);
    Registry registry;
    registry.admit(*list);
}

/// The keys of the descriptors in the corpus, as in docs/directory.md.
std::string signed_again(std::string_view text) {
    const auto end = text.rfind("link-proof ");
    if (end == text.npos) return std::string{text};
    const auto identity = seed(0x01), link = seed(0x11), mix = seed(0x21), next_mix = seed(0x31);
    return directory::sign_descriptor(std::string{text.substr(0, end)},
                                      {identity, link, mix, next_mix});
}

void try_descriptor(std::string_view input) {
    const auto text = signed_again(input);
    Registry registry;
    constexpr base::Epoch current{500'000};
    const auto stranger = registry.offer(text, current, {});
    require(!stranger);
    require(stranger.error().status >= 400 && stranger.error().status < 500);
    require(stranger.error().reason.find('\n') == std::string::npos);
    if (stranger.error().status == 403) refused.reach();
    registry.admit({{directory::sign_text("", seed(0x01)).authority, "alice", "", 1}});
    const auto taken = registry.offer(text, current, {});
    if (!taken) return require(!registry.complete(current));
    offered.reach();
    const auto same = registry.offer(text, current, {current, current.next()});
    require(same && !same->fresh);
    again.reach();
    directory::Document document;
    document.epoch = taken->epoch;
    require(registry.build(document).document.relays.size() == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    try_list(text);
    if (text.starts_with("nightjar-descriptor")) try_descriptor(text);
    return 0;
}
