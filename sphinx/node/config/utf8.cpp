#include "sphinx/node/config/utf8.hpp"

#include <algorithm>
#include <array>

namespace nightjar::node::config {

namespace {

struct Form {
    unsigned char mask, mark;  // for the first byte
    std::size_t length;
    char32_t min;  // a smaller value would be overlong
};
constexpr std::array<Form, 4> forms{
    {{0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}}};

}  // namespace

std::optional<char32_t> next_character(std::string_view text, std::size_t& at) {
    const auto first = static_cast<unsigned char>(text[at]);
    const auto* form = std::find_if(forms.begin(), forms.end(), [first](const Form& candidate) {
        return (first & candidate.mask) == candidate.mark;
    });
    if (form == forms.end() || text.size() - at < form->length) return std::nullopt;
    char32_t value = first & static_cast<unsigned char>(~form->mask);
    for (std::size_t i = 1; i < form->length; ++i) {
        const auto byte = static_cast<unsigned char>(text[at + i]);
        if ((byte & 0xc0) != 0x80) return std::nullopt;
        value = value << 6 | (byte & 0x3f);
    }
    if (value < form->min || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return std::nullopt;
    at += form->length;
    return value;
}

const char* forbidden_character(char32_t c) {
    if (c == '\n' || c == '\t') return nullptr;
    if (c == '\r') return "a carriage return (lines end in a line feed alone)";
    if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) return "a control character";
    if (c == 0xfeff || c == 0xfffe || c == 0xffff) return "a byte order mark";
    if (c == 0x2028 || c == 0x2029) return "a line separator that editors do not show";
    const bool turns = c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
                       (c >= 0x2066 && c <= 0x2069);
    return turns ? "a character that changes the writing direction" : nullptr;
}

}  // namespace nightjar::node::config
