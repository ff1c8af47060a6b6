// Which isolation key an application's request gets. Each listener has its own rules. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "client/core/isolation.hpp"

namespace nightjar::client::protocol {

struct Rules {
    bool private_targets = false;  // lab networks only: allow private and loopback targets
    std::string listener = {};     // its address; a part of every isolation key
    bool by_credentials = true;    // user name and password, or HTTP's isolation field
    /// The user whose program it is, if that isolates: another one than the client's own.
    std::optional<std::uint32_t> user = std::nullopt;
    bool by_listener = false;      // a key also for applications without anything else
    bool extended_errors = false;  // SOCKS replies beyond RFC 1928
};

/// HTTP's isolation field in the credentials: what stands for no user name, and what comes before
/// the field's value.
inline constexpr std::string_view no_credentials = "none";
inline constexpr std::string_view isolation_field{"\0isolation ", 11};

/// `credentials` must be an unambiguous encoding of what the application sent. Empty if nothing
/// isolates: then the stream belongs to the shared session.
core::IsolationKey isolation_key(const Rules& rules, std::optional<std::string_view> credentials);

/// An isolation key for its own user to read: what isolates, without the password.
struct KeyWords {
    std::string name;      // user name or HTTP's isolation field, as it came; may be empty
    std::string listener;  // its address
    std::string uid;       // of another user's program; else empty
};
KeyWords words_of(const core::IsolationKey& key);

/// User name and password as one text, as RFC 1929 sends them. Precondition: each has at most 255
/// bytes.
std::string credentials_text(std::string_view user, std::string_view password);

/// User names with a reserved prefix are refused until an extension is defined. Otherwise an
/// application could request a special isolation and wrongly believe that it was granted.
bool is_reserved_user(std::string_view user);

}  // namespace nightjar::client::protocol
