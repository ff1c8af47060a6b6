#include "sphinx/directory/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace nightjar::directory {

namespace {

/// Parses the text and prints it again: canonical text does not change.
bool is_canonical(int family, const std::string& host) {
    std::array<unsigned char, 16> address{};
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (inet_pton(family, host.c_str(), address.data()) != 1) return false;
    if (inet_ntop(family, address.data(), text.data(), text.size()) == nullptr) return false;
    return host == text.data();
}

bool is_host(const std::string& host) {
    if (host.find('\0') != std::string::npos) return false;
    const bool dots = host.find('.') != std::string::npos;
    const bool colons = host.find(':') != std::string::npos;
    if (dots == colons) return false;  // no address, or IPv4 inside IPv6, a second name for it
    return is_canonical(dots ? AF_INET : AF_INET6, host);
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
