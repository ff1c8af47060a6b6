// Any text: refused with a line and a reason, or the one text of the document that it stands for.
// The same for descriptors, which the target signs itself: a fuzzer cannot. A text is also taken as
// the steps of a diff, and as two texts between which a diff is made.
#include "sphinx/directory/document.hpp"

#include <algorithm>
#include <cstdlib>

#include "sphinx/directory/descriptor.hpp"
#include "sphinx/directory/diff.hpp"
#include "sphinx/directory/lint.hpp"
#include "sphinx/directory/signature.hpp"
#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using namespace nightjar::directory;

namespace {

fuzz::Depth parsed{"a document that parses"};
fuzz::Depth reordered{"a document with relays to sort"};
fuzz::Depth sound{"a document that an authority signs"};
fuzz::Depth described{"a descriptor that parses"};
fuzz::Depth signed_by_relay{"a descriptor with its own signature"};
fuzz::Depth applied{"a diff with good steps"};
fuzz::Depth bounded{"a diff with steps beyond the end"};
fuzz::Depth two_texts{"a diff between two texts"};

/// A rule of problems(), and words of its sentence. The rules for parameters out of bounds, for
/// keys that are used twice and for relays that cannot be listed are left out: a document that
/// breaks one of them does not parse.
struct Rule {
    std::string_view words;
    fuzz::Depth depth{words};
};
Rule rules[] = {{"down is "},
                {"mean_delay is more than 250 ms"},
                {"gaps of the slots long"},
                {"gaps of the replies long"},
                {"replies are more than twice main_slots"},
                {"epoch_length is shorter"},
                {"session_lifetime is not a multiple"},
                {"session_grid does not divide"},
                {"fixed_hops is greater than the number of layers"},
                {"not valid from its epoch's start"},
                {"there is no mix"},
                {" has no mix"},
                {"fewer than two gateways"},
                {"no gateway is an exit"},
                {" has another relay's address "},
                {" has two positions: "},
                {"no client has an exit"},
                {"loops alone keep only "},
                {"mixing_interval is longer than mean_delay"},
                {"fewer than mixing_keep packets"}};

void require_reason(const ParseError& error) {
    require(!error.reason.empty() && error.reason.size() < 256);
}

constexpr std::string_view older =
    "nightjar-document 2\nnetwork x\nepoch 7\nrelay a\nrelay.address 192.0.2.1:1\nrelay.mix-key 1\n"
    "relay.next-mix-key 2\nrelay b\nrelay.mix-key 3\nrelay.name b\nrelay.next-mix-key 4\n";

void try_steps(std::string_view steps) {
    static const auto whole = make_diff(older, "");
    static const auto head = whole.substr(0, whole.find("drop "));
    const auto made = apply_diff(older, head + std::string{steps});
    require(!made || made->empty());  // its hash is that of nothing
    if (made) return;
    const auto& reason = made.error().reason;
    require(!reason.empty() && reason.size() < 256);
    if (reason == "not what it should give") applied.reach();
    if (reason == "beyond the end") bounded.reach();
}

/// A text as a document's has only printable lines; what a diff adds must be such lines.
bool printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); });
}

void try_texts(std::string_view text) {
    const auto half = text.find("\n\n");
    if (half == text.npos || !printable(text) || text.back() != '\n') return;
    const auto first = text.substr(0, half + 1), second = text.substr(half + 2);
    if (second.empty()) return;
    const auto diff = make_diff(first, second);
    const auto made = apply_diff(first, diff);
    // A line of more than 1,020 bytes does not fit into a step.
    if (made) {
        require(*made == second);
        two_texts.reach();
    } else {
        require(made.error().reason.find("longer") != std::string::npos);
    }
}

/// The keys of the descriptors in the corpus, as in docs/directory.md.
base::Secret<32> seed(std::uint8_t byte) {
    base::Secret<32> bytes;
    std::fill_n(bytes.data(), bytes.size(), byte);
    return bytes;
}

void try_descriptor(std::string_view text) {
    const auto descriptor = parse_descriptor(text);
    if (!descriptor) return require_reason(descriptor.error());
    signed_by_relay.reach();
    auto changed = std::string{text};
    // Within the signature: what comes before it has other reasons to be refused as well.
    changed[changed.size() - 2] ^= 1;
    require(!parse_descriptor(changed));
}

void try_signed_descriptor(std::string_view text) {
    const auto end = text.rfind("link-proof ");
    if (end == text.npos) return;
    const auto identity = seed(0x01), link = seed(0x11), mix = seed(0x21), next_mix = seed(0x31);
    const DescriptorKeys keys{identity, link, mix, next_mix};
    const auto made = sign_descriptor(std::string{text.substr(0, end)}, keys);
    const auto descriptor = parse_descriptor(made);
    if (!descriptor) return require_reason(descriptor.error());
    described.reach();
    require(make_descriptor(*descriptor, keys) == made);
}

template <class List>
void reverse(List& list) {
    std::reverse(list.begin(), list.end());
}

void require_sorted(const Document& document) {
    auto other = document;
    reverse(other.recommended_versions);
    reverse(other.signatures);
    reverse(other.relays);
    for (auto& relay : other.relays)
        reverse(relay.addresses);
    for (auto& relay : other.relays)
        reverse(relay.optional);
    reverse(other.optional);
    sort(other);
    require(other == document);
    if (document.relays.size() > 1) reordered.reach();
}

void try_problems(const Document& document) {
    if (document.relays.size() >= 64) return;  // quadratic
    const auto found = lint(document);
    if (found.empty()) sound.reach();
    for (const auto& problem : found)
        for (auto& rule : rules)
            if (problem.find(rule.words) != problem.npos) rule.depth.reach();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    try_descriptor(text);
    if (text.starts_with("nightjar-descriptor")) try_signed_descriptor(text);
    try_steps(text);
    if (!text.empty()) try_texts(text);

    const auto document = parse(text);
    if (!document) {
        require_reason(document.error());
        return 0;
    }
    parsed.reach();
    require(to_text(*document) == text);
    require(text.starts_with(signed_text(*document)));
    require_sorted(*document);
    try_problems(*document);
    return 0;
}
