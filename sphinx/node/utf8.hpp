// UTF-8, strictly (RFC 3629), and the characters that have no place in a text for people.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace nightjar::node {

/// The character at `at`, which moves past it. Nothing if the bytes there are no UTF-8 (overlong
/// forms, surrogates and values over U+10FFFF included). Precondition: at < text.size().
std::optional<char32_t> next_character(std::string_view text, std::size_t& at);

/// What is wrong with a character, or nullptr: controls other than line feed and tab (so NUL and
/// carriage return), byte order marks, line separators and everything that turns the direction of
/// writing and so shows a reader another text than the program reads.
const char* forbidden_character(char32_t character);

}  // namespace nightjar::node
