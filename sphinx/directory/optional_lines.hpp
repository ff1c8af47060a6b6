// Lines that a later version of the programs may add to a descriptor or document, and that a
// program which does not know them takes, keeps and passes on as they are (docs/directory.md,
// "Optional lines"). So versions N and N+1 run in one network.
//
// No rule may depend on such a line: programs that know it and programs that do not must take the
// same texts and build the same documents.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nightjar::directory {

class FieldReader;

struct OptionalLine {
    std::string name;   // a word; the line's own name is `optional.` and this
    std::string value;  // a phrase (fields.hpp)
    bool operator==(const OptionalLine&) const = default;
};
/// Sorted by name, each name once.
using OptionalLines = std::vector<OptionalLine>;

/// What such lines may cost everyone who holds a document.
struct OptionalBounds {
    std::size_t lines;  // at most
    std::size_t bytes;  // of all of them together, with their line feeds
};
inline constexpr OptionalBounds optional_of_relay{4, 256};
inline constexpr OptionalBounds optional_of_document{8, 1024};

/// Reads all lines that follow and begin with `prefix`: "optional." or "relay.optional.".
OptionalLines take_optional(FieldReader& reader, std::string_view prefix, OptionalBounds bounds);
void put_optional(std::string& text, std::string_view prefix, const OptionalLines& lines);

void sort(OptionalLines& lines);
/// The value of the line with this name; empty: there is none.
std::string_view value_of(const OptionalLines& lines, std::string_view name);
/// The version of the program that a relay says it runs: a claim. Empty if it says none, or
/// something that is not a version: such a line is ignored, because an older program takes it.
std::string_view version_in(const OptionalLines& relay);

}  // namespace nightjar::directory
