// Strict UTF-8 (RFC 3629), and the characters that a text for people must not contain.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace nightjar::node::config {

/// Returns the character at `at` and advances `at` past it. Returns nullopt if the bytes are not
/// UTF-8 (overlong forms, surrogates and values over U+10FFFF included). Precondition: at <
/// text.size().
std::optional<char32_t> next_character(std::string_view text, std::size_t& at);

/// Describes why a character is forbidden; nullptr if it is allowed. Forbidden are controls other
/// than line feed and tab (so NUL and carriage return), byte order marks, line separators, and
/// every character that changes the writing direction, because a reader would see another text than
/// the program.
const char* forbidden_character(char32_t character);

}  // namespace nightjar::node::config
