#include "relay/operation/manifest.hpp"

#include <algorithm>

#include "sphinx/base/bytes.hpp"

namespace nightjar::relay::operation {

namespace {

constexpr std::size_t digits = 2 * directory::BuildHash{}.size();
constexpr std::string_view gap = "  ";

bool is_path(std::string_view text) {
    const auto printable = [](char c) { return c > ' ' && c < '\x7f'; };
    return !text.empty() && text.size() <= manifest_path_max && text.front() != '/' &&
           std::all_of(text.begin(), text.end(), printable);
}

/// Why a line is refused; nullptr if it was appended.
const char* take_line(Manifest& manifest, std::string_view line) {
    if (line.size() < digits + gap.size() || line.substr(digits, gap.size()) != gap)
        return "not a hash, two spaces and a path";
    const auto hash = base::from_hex(line.substr(0, digits));
    if (!hash) return "the hash is not 64 lower-case hexadecimal digits";
    Packed packed;
    std::copy(hash->begin(), hash->end(), packed.hash.begin());
    const auto path = line.substr(digits + gap.size());
    if (!is_path(path)) return "the path is not a relative one of printable ASCII";
    if (!manifest.empty() && path <= manifest.back().path)
        return "a path that is out of order or given twice";
    packed.path = path;
    manifest.push_back(std::move(packed));
    return nullptr;
}

}  // namespace

base::Result<Manifest, std::string> parse_manifest(std::string_view text) {
    if (text.empty()) return base::Fail{std::string{"it is empty"}};
    if (text.size() > manifest_size_max) return base::Fail{std::string{"more than 64 KiB"}};
    if (text.back() != '\n') return base::Fail{std::string{"the last line has no line feed"}};
    Manifest manifest;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        if (const auto* fault = take_line(manifest, text.substr(0, end)))
            return base::Fail{"line " + std::to_string(number) + ": " + fault};
        text.remove_prefix(end + 1);
    }
    return manifest;
}

const Packed* find_build(const Manifest& manifest, std::string_view program,
                         const directory::BuildHash& hash) {
    const auto found = std::ranges::find_if(manifest, [&](const Packed& packed) {
        const std::string_view path{packed.path};
        return packed.hash == hash && path.substr(path.rfind('/') + 1) == program;
    });
    return found == manifest.end() ? nullptr : &*found;
}

}  // namespace nightjar::relay::operation
