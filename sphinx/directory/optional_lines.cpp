#include "sphinx/directory/optional_lines.hpp"

#include <algorithm>

#include "sphinx/directory/fields.hpp"

namespace nightjar::directory {

OptionalLines take_optional(FieldReader& reader, std::string_view prefix, OptionalBounds bounds) {
    OptionalLines lines;
    std::size_t bytes = 0;
    while (reader.next_begins(prefix)) {
        const auto [name, value] = reader.take_named(prefix);
        bytes += prefix.size() + name.size() + 1 + value.size() + 1;
        if (!is_word(name)) reader.fail("an optional line whose name is not a word");
        if (!is_phrase(value)) reader.fail("not printable ASCII of at most 512, single-spaced");
        if (!lines.empty() && name <= lines.back().name)
            reader.fail("an optional line that is out of order or given twice");
        if (lines.size() == bounds.lines)
            reader.fail("more than " + std::to_string(bounds.lines) + " optional lines");
        if (bytes > bounds.bytes)
            reader.fail("optional lines of more than " + std::to_string(bounds.bytes) + " bytes");
        if (!reader.ok()) return {};
        lines.push_back({std::string{name}, std::string{value}});
    }
    return lines;
}

void put_optional(std::string& text, std::string_view prefix, const OptionalLines& lines) {
    for (const auto& line : lines)
        put_field(text, std::string{prefix} + line.name, line.value);
}

void sort(OptionalLines& lines) {
    std::sort(lines.begin(), lines.end(),
              [](const OptionalLine& a, const OptionalLine& b) { return a.name < b.name; });
}

std::string_view value_of(const OptionalLines& lines, std::string_view name) {
    const auto found = std::find_if(lines.begin(), lines.end(),
                                    [name](const OptionalLine& line) { return line.name == name; });
    return found != lines.end() ? std::string_view{found->value} : std::string_view{};
}

std::string_view version_in(const OptionalLines& relay) {
    const auto value = value_of(relay, "version");
    return is_version(value) ? value : std::string_view{};
}

}  // namespace nightjar::directory
