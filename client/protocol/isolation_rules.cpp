#include "client/protocol/isolation_rules.hpp"

#include <cassert>

#include "client/core/identity.hpp"

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

KeyWords words_of(const core::IsolationKey& key) {
    KeyWords words;
    auto credentials = core::Identity::given(key);
    const auto first = credentials.find('\0');
    const auto second = first == key.npos ? first : credentials.find('\0', first + 1);
    if (second == key.npos) return words;
    words.listener = credentials.substr(0, first);
    words.uid = credentials.substr(first + 1, second - first - 1);
    credentials.remove_prefix(second + 1);
    const auto take = [&](std::size_t count) {
        const auto taken = credentials.substr(0, count);
        credentials.remove_prefix(taken.size());
        return taken;
    };
    const auto take_text = [&] {
        const auto size = take(1);
        return take(size.empty() ? 0 : static_cast<unsigned char>(size[0]));
    };
    if (credentials.starts_with(credentials_version)) {
        take(1);
        words.name = take_text();
        take_text();  // the password
    } else if (credentials.starts_with(no_credentials)) {
        take(no_credentials.size());
    }
    if (credentials.starts_with(isolation_field))
        words.name = credentials.substr(isolation_field.size());
    return words;
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
