#include "sphinx/directory/fields.hpp"

#include <algorithm>
#include <charconv>

namespace nightjar::directory {

namespace {

constexpr std::size_t phrase_size_max = 512;

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

std::string quoted(std::string_view text) {
    return "'" + std::string{text.substr(0, 64)} + "'";
}

/// Describes the error in a character; nullptr if a document may contain it.
const char* fault_of(char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '\r') return "a carriage return";
    if (byte == 0) return "a NUL";
    if (byte >= 0x80) return "a character outside ASCII";
    if ((byte < 0x20 && byte != '\n') || byte == 0x7f) return "a control character";
    return nullptr;
}

}  // namespace

bool is_word(std::string_view text) {
    return !text.empty() && text.size() <= word_size_max &&
           std::all_of(text.begin(), text.end(), is_word_character);
}

bool is_phrase(std::string_view text) {
    return !text.empty() && text.size() <= phrase_size_max && text.front() != ' ' &&
           text.back() != ' ' && text.find("  ") == std::string_view::npos &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool is_version(std::string_view text) {
    return !text.empty() && text.size() <= word_size_max &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return is_word_character(c) || c == '.' || c == '+'; });
}

FieldReader::FieldReader(std::string_view text, std::size_t size_max) : text_{text} {
    if (text.size() > size_max) {
        fail("larger than " + std::to_string(size_max) + " bytes");
        return;
    }
    std::size_t start = 0;
    for (std::size_t at = 0; at < text.size() && ok(); ++at) {
        if (at == start) ++line_;
        if (const auto* fault = fault_of(text[at])) fail(fault);
        if (at - start > fact_size_max) fail("a line longer than 1024 bytes");
        if (text[at] == '\n') start = at + 1;
    }
    if (ok() && start != text.size()) fail("the last line has no line feed");
    if (ok()) line_ = 0;
}

void FieldReader::fail(const std::string& reason) {
    if (ok()) reason_ = reason;
    at_ = text_.size();
}

std::string_view FieldReader::line() const {
    const auto rest = text_.substr(at_);
    return rest.substr(0, rest.find('\n'));
}

bool FieldReader::next_is(std::string_view name) const {
    const auto next = line();
    return ok() && next.starts_with(name) && next.substr(name.size()).starts_with(' ');
}

std::string_view FieldReader::take(std::string_view name) {
    if (!ok()) return {};
    if (at_ == text_.size()) return fail("ends before '" + std::string{name} + "'"), "";
    const auto next = line();
    const bool expected = next_is(name);
    ++line_;
    if (!expected) {
        fail(quoted(next.substr(0, next.find(' '))) + " where '" + std::string{name} + "' belongs");
        return {};
    }
    at_ += next.size() + 1;
    return next.substr(name.size() + 1);
}

bool FieldReader::next_begins(std::string_view prefix) const {
    return ok() && line().starts_with(prefix);
}

std::pair<std::string_view, std::string_view> FieldReader::take_named(std::string_view prefix) {
    const auto next = line();
    const auto space = next.find(' ');
    if (space == next.npos) {
        ++line_;
        fail(quoted(next) + " has no value");
        return {};
    }
    const auto name = next.substr(0, space);
    return {name.substr(prefix.size()), take(name)};
}

void FieldReader::finish() {
    if (!ok() || at_ == text_.size()) return;
    const auto next = line();
    ++line_;
    fail(quoted(next.substr(0, next.find(' '))) + " is unknown or out of place");
}

void FieldReader::literal(std::string_view name, std::string_view value) {
    const auto found = take(name);
    if (ok() && found != value)
        fail("'" + std::string{name} + "' is " + quoted(found) + ", not " + quoted(value));
}

std::string FieldReader::word(std::string_view name) {
    const auto value = take(name);
    if (ok() && !is_word(value)) fail("not a word of at most 32 of [a-z0-9-]");
    return ok() ? std::string{value} : std::string{};
}

std::uint64_t FieldReader::number(std::string_view name, std::uint64_t min, std::uint64_t max) {
    const auto value = take(name);
    std::uint64_t number = min;
    const auto* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, number);
    const bool canonical = error == std::errc{} && stop == end && value == std::to_string(number);
    if (ok() && !canonical) fail("not a whole number in its shortest form");
    if (ok() && (number < min || number > max))
        fail("not between " + std::to_string(min) + " and " + std::to_string(max));
    return ok() ? number : min;
}

void FieldReader::into(base::ByteSpan out, std::string_view text) {
    if (!ok()) return;
    const auto bytes = base::from_hex(text);
    if (!bytes || bytes->size() != out.size())
        return fail("not " + std::to_string(2 * out.size()) + " lower-case hexadecimal digits");
    if (std::all_of(bytes->begin(), bytes->end(), [](auto byte) { return byte == 0; }))
        return fail("all zeros");
    std::copy(bytes->begin(), bytes->end(), out.begin());
}

void put_field(std::string& text, std::string_view name, std::string_view value) {
    text.append(name).append(" ").append(value).append("\n");
}

void put_field(std::string& text, std::string_view name, std::uint64_t value) {
    put_field(text, name, std::string_view{std::to_string(value)});
}

}  // namespace nightjar::directory
