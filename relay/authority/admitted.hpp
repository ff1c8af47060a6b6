// The relays that an authority lists, as its operator says: `nightjar-authority admit` and `expel`
// change the file, and `run` reads it again when it has changed.
//
//     nightjar-admitted 1
//     relay <64 hexadecimal digits: identity>
//     operator alice
//     family birds         (may be absent)
//     capacity 1000000     (at most; this number: what the relay announces)
//     relay ...
//     expelled <64 hexadecimal digits: identity>     (where admission is open)
//
// The order is that of admission. Who is expelled comes after all relays. Parsing is strict and
// bounded, like a document's.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/directory/relay_fields.hpp"

namespace nightjar::relay::authority {

struct Admitted {
    base::NodeId identity;
    std::string operator_name;
    std::string family;                                // empty: none
    std::uint32_t capacity = directory::capacity_max;  // its weight at most
    bool expelled = false;  // it gets no open place; then nothing else is said
    bool operator==(const Admitted&) const = default;
};

using AdmittedList = std::vector<Admitted>;
inline constexpr std::size_t admitted_max = 2000;

std::string to_text(const AdmittedList& list);
base::Result<AdmittedList, directory::ParseError> parse_admitted(std::string_view text);

/// Reads the file; an absent one is an empty list. Throws ConfigError.
AdmittedList load_admitted(const std::filesystem::path& file);

/// Adds the relay at the end, or changes what is said about one that is listed. Returns false if it
/// was listed. Throws ConfigError, std::system_error.
bool admit(const std::filesystem::path& file, const Admitted& relay);
/// `remember`: the relay is kept as expelled, listed or not. Otherwise it returns false if the
/// relay was not listed. Throws ConfigError, std::system_error.
bool expel(const std::filesystem::path& file, const base::NodeId& identity, bool remember = false);

}  // namespace nightjar::relay::authority
