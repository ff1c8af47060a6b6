#include "sphinx/directory/endpoint.hpp"

#include <charconv>

#include "sphinx/base/ip.hpp"

namespace nightjar::directory {

namespace {

/// Canonical text does not change when it is parsed and printed again.
bool is_host(const std::string& host) {
    const auto address = base::IpAddress::parse(host);
    if (!address || address->to_text() != host) return false;
    // No IPv4 inside IPv6: that would be a second name for one address.
    return !address->v6 || host.find('.') == std::string::npos;
}

}  // namespace

std::string to_text(const Endpoint& endpoint) {
    const bool v6 = endpoint.host.find(':') != std::string::npos;
    return (v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto host = text.substr(0, colon);
    const auto digits = text.substr(colon + 1);

    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    Endpoint endpoint{std::string{host}, 0};
    if (!is_host(endpoint.host)) return std::nullopt;
    if (bracketed != (host.find(':') != std::string_view::npos)) return std::nullopt;

    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    if (digits != std::to_string(endpoint.port)) return std::nullopt;  // leading zeros
    return endpoint;
}

}  // namespace nightjar::directory
