#include "client/protocol/destination.hpp"

#include <algorithm>

#include "sphinx/base/address.hpp"
#include "sphinx/base/host_name.hpp"

namespace nightjar::client::protocol {

namespace {

bool is_localhost(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    std::string lower{name};
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return lower == "localhost" || lower.ends_with(".localhost");
}

}  // namespace

std::optional<Destination> destination_of(std::string_view text) {
    if (const auto literal = base::parse_literal(text))
        return Destination{literal->text, literal->is_public};
    if (!base::is_host_name(text)) return std::nullopt;
    return Destination{std::string{text}, !is_localhost(text)};
}

Destination destination_of(const base::IpAddress& address) {
    const auto literal = base::literal(address);
    return {literal.text, literal.is_public};
}

}  // namespace nightjar::client::protocol
