#include "client/protocol/isolation_rules.hpp"

#include <cassert>

namespace nightjar::client::protocol {

namespace {

constexpr std::string_view reserved_prefix = "<nightjar";
constexpr char credentials_version = 1;  // RFC 1929's

}  // namespace

core::IsolationKey isolation_key(const Rules& rules, std::optional<std::string_view> credentials) {
    if (!rules.by_credentials) credentials.reset();
    if (!rules.user && !credentials && !rules.by_listener) return {};
    core::IsolationKey key = rules.listener + '\0';
    if (rules.user) key += std::to_string(*rules.user);
    key += '\0';
    if (credentials) key += *credentials;
    return key;
}

std::string credentials_text(std::string_view user, std::string_view password) {
    assert(user.size() <= 255 && password.size() <= 255);
    std::string text{credentials_version, static_cast<char>(user.size())};
    text += user;
    text += static_cast<char>(password.size());
    text += password;
    return text;
}

bool is_reserved_user(std::string_view user) {
    return user.starts_with(reserved_prefix);
}

}  // namespace nightjar::client::protocol
