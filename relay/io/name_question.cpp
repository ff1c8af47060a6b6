#include "relay/io/name_question.hpp"

#include <algorithm>

namespace nightjar::relay::io {

namespace {

constexpr std::size_t header_size = 12;  // RFC 1035, section 4.1.1

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// RFC 1035, section 3.1: each label behind its length, and a zero.
std::string wire_form(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    std::string wire;
    for (std::size_t at = 0; at <= name.size();) {
        const auto dot = std::min(name.find('.', at), name.size());
        wire += static_cast<char>(dot - at);
        wire += name.substr(at, dot - at);
        at = dot + 1;
    }
    wire += '\0';
    return wire;
}

}  // namespace

std::string mixed_case(std::string_view name, base::Random& random) {
    std::string mixed{name};
    for (auto& c : mixed)
        if (is_letter(c) && random.below(2) == 1) c = static_cast<char>(c ^ 0x20);
    return mixed;
}

bool repeats(std::span<const std::uint8_t> message, std::string_view name) {
    const auto wire = wire_form(name);
    if (message.size() < header_size + wire.size()) return false;
    return std::equal(wire.begin(), wire.end(), message.begin() + header_size,
                      [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

std::string reverse_name(const base::IpAddress& address) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string name;
    for (int at = address.bits() / 8 - 1; at >= 0; --at) {
        const auto byte = address.bytes[static_cast<std::size_t>(at)];
        if (!address.v6) {
            name += std::to_string(byte) + ".";
            continue;
        }
        for (const auto digit : {byte & 15, byte >> 4})
            name += {digits[static_cast<std::size_t>(digit)], '.'};
    }
    return name + (address.v6 ? "ip6.arpa" : "in-addr.arpa");
}

}  // namespace nightjar::relay::io
