// The lines that documents and descriptors are made of: `name value`, one fact per line, each in
// its one place (docs/directory.md). Shared by the two parsers of this folder only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sphinx/base/bytes.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

inline constexpr std::size_t fact_size_max = 1024;  // of one line, without its line feed
inline constexpr std::size_t word_size_max = 32;

/// [a-z0-9-], not empty, at most 32.
bool is_word(std::string_view text);
/// Printable ASCII without a space at either end or two in a row, not empty, at most 512.
bool is_phrase(std::string_view text);
/// As a recommended version: [a-z0-9.+-], not empty, at most 32.
bool is_version(std::string_view text);

/// Reads from a text that must outlive it. Like base::Reader it fails for good at the first fault:
/// from then on every read yields an empty value, so a parser checks once, at its end.
class FactReader {
 public:
    /// Checks size, characters and line lengths of the whole text first.
    FactReader(std::string_view text, std::size_t size_max);

    bool ok() const { return reason_.empty(); }
    /// Precondition: not ok().
    ParseError error() const { return {line_, reason_}; }
    /// Only the first call counts. The place is the fact read last.
    void fail(const std::string& reason);

    /// True if the next line is this fact.
    bool next_is(std::string_view name) const;
    /// The value of the next line, which must be this fact.
    std::string_view take(std::string_view name);
    /// Fails unless every line was taken.
    void finish();

    /// take() and convert.
    void literal(std::string_view name, std::string_view value);
    std::string word(std::string_view name);
    std::uint64_t number(std::string_view name, std::uint64_t min, std::uint64_t max);
    template <class Id>
    Id id(std::string_view name) {
        return hex<Id>(take(name));
    }
    /// From a part of a value; zeros are no key and no signature.
    template <class Id>
    Id hex(std::string_view text) {
        Id id;
        into(id.bytes, text);
        return id;
    }
    void into(base::ByteSpan out, std::string_view text);

    /// What was read so far, in bytes, and the text of the lines up to here.
    std::string_view consumed() const { return text_.substr(0, at_); }

 private:
    std::string_view line() const;  // the next one, without its line feed; empty at the end

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t line_ = 0;
    std::string reason_;
};

/// Appends "name value\n".
void put_fact(std::string& text, std::string_view name, std::string_view value);
void put_fact(std::string& text, std::string_view name, std::uint64_t value);

}  // namespace nightjar::directory
