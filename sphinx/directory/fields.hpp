// The line format of documents and descriptors: `name value`, one field per line, each in its fixed
// place (docs/directory.md). Shared by the two parsers of this folder only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "sphinx/base/bytes.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

inline constexpr std::size_t fact_size_max = 1024;  // bytes per line, without the line feed
inline constexpr std::size_t word_size_max = 32;

/// True for [a-z0-9-], not empty, at most 32 characters.
bool is_word(std::string_view text);
/// True for printable ASCII without a space at either end or two in a row, not empty, at most 512
/// characters.
bool is_phrase(std::string_view text);
/// True for a version: [a-z0-9.+-], not empty, at most 32 characters.
bool is_version(std::string_view text);

/// Reads from a text that must outlive it. After the first error, as in base::Reader, every read
/// returns an empty value, so a parser checks once, at its end.
class FieldReader {
 public:
    /// First checks size, characters and line lengths of the whole text.
    FieldReader(std::string_view text, std::size_t size_max);

    bool ok() const { return reason_.empty(); }
    /// Precondition: not ok().
    ParseError error() const { return {line_, reason_}; }
    /// Records an error at the line read last. Only the first call has an effect.
    void fail(const std::string& reason);

    /// True if the next line has this name.
    bool next_is(std::string_view name) const;
    /// Returns the value of the next line, which must have this name.
    std::string_view take(std::string_view name);
    /// True if the name of the next line begins with this.
    bool next_begins(std::string_view prefix) const;
    /// Returns what follows the prefix in the name of the next line, and its value.
    /// Precondition: next_begins(prefix).
    std::pair<std::string_view, std::string_view> take_named(std::string_view prefix);
    /// Fails unless every line has been read.
    void finish();

    /// These call take() and convert the value.
    void literal(std::string_view name, std::string_view value);
    std::string word(std::string_view name);
    std::uint64_t number(std::string_view name, std::uint64_t min, std::uint64_t max);
    template <class Id>
    Id id(std::string_view name) {
        return hex<Id>(take(name));
    }
    /// Converts a part of a value. All zeros are an error: they are no key and no signature.
    template <class Id>
    Id hex(std::string_view text) {
        Id id;
        into(id.bytes, text);
        return id;
    }
    void into(base::ByteSpan out, std::string_view text);

    /// The text of all lines read so far.
    std::string_view consumed() const { return text_.substr(0, at_); }

 private:
    std::string_view line() const;  // next line without line feed; empty at the end

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t line_ = 0;
    std::string reason_;
};

/// Appends "name value\n".
void put_field(std::string& text, std::string_view name, std::string_view value);
void put_field(std::string& text, std::string_view name, std::uint64_t value);

}  // namespace nightjar::directory
