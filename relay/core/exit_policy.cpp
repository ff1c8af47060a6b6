#include "relay/core/exit_policy.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "sphinx/base/address.hpp"

namespace nightjar::relay::core {

namespace {

base::IpNetwork network(const char* address, int prefix) {
    return {base::IpAddress::parse(address).value(), prefix};
}

/// IPv6 addresses that stand for another address, public or not: a connection to one may reach an
/// address that the rules never saw. Addresses outside 2000::/3 are not public in any case.
const std::vector<base::IpNetwork>& wrapping_networks() {
    static const std::vector<base::IpNetwork> list{
        network("::", 96),              // compatible
        network("::ffff:0.0.0.0", 96),  // mapped
        network("64:ff9b::", 96),       // NAT64
        network("2001::", 32),          // Teredo
        network("2002::", 16),          // 6to4
    };
    return list;
}

/// Public addresses at which a cloud serves its own hosts. Azure's wire server hands out the goal
/// state and certificates of the host that asks (learn.microsoft.com, "What is IP address
/// 168.63.129.16?").
const base::IpNetwork azure_agent = network("168.63.129.16", 32);

/// RFC 5214, section 6.1: the interface identifier 0000:5efe or 0200:5efe, and an IPv4 address.
bool is_isatap(const base::IpAddress& address) {
    const auto* id = address.bytes.data() + 8;
    return address.v6 && (id[0] & 0xfd) == 0 && id[1] == 0 && id[2] == 0x5e && id[3] == 0xfe;
}

/// The networks that `private` means in a rule, as in Tor.
const std::vector<base::IpNetwork>& private_networks() {
    static const std::vector<base::IpNetwork> list{
        network("0.0.0.0", 8),      network("169.254.0.0", 16), network("127.0.0.0", 8),
        network("192.168.0.0", 16), network("10.0.0.0", 8),     network("172.16.0.0", 12),
        network("fc00::", 7),       network("fe80::", 10),      network("fec0::", 10),
        network("ff00::", 8),       network("::", 127),
    };
    return list;
}

const base::IpNetwork all_v4{base::IpAddress{}, 0};
const base::IpNetwork all_v6{base::IpAddress{true, {}}, 0};

std::optional<int> number(std::string_view text, int max) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return {};
    if (value < 0 || value > max) return std::nullopt;
    return value;
}

bool parse_ports(std::string_view text, ExitRule& rule) {
    if (text == "*") return true;
    const auto dash = text.find('-');
    const auto from = number(text.substr(0, dash), 65535);
    const auto to = dash == std::string_view::npos ? from : number(text.substr(dash + 1), 65535);
    if (!from || !to || *from < 1 || *from > *to) return false;
    rule.port_from = static_cast<std::uint16_t>(*from);
    rule.port_to = static_cast<std::uint16_t>(*to);
    return true;
}

/// Parses the address part of a rule, without the port: a keyword, or ADDR[/BITS].
std::optional<std::vector<base::IpNetwork>> parse_networks(std::string_view text) {
    if (text == "*") return std::vector{all_v4, all_v6};
    if (text == "*4") return std::vector{all_v4};
    if (text == "*6") return std::vector{all_v6};
    if (text == "private") return private_networks();
    const auto slash = text.find('/');
    auto address_text = text.substr(0, slash);
    const bool bracketed = address_text.starts_with('[') && address_text.ends_with(']');
    if (bracketed) address_text = address_text.substr(1, address_text.size() - 2);
    const auto address = base::IpAddress::parse(address_text);
    if (!address || address->v6 != bracketed) return std::nullopt;
    auto prefix = std::optional{address->bits()};
    if (slash != std::string_view::npos) prefix = number(text.substr(slash + 1), address->bits());
    if (!prefix) return std::nullopt;
    return std::vector{base::IpNetwork{*address, *prefix}};
}

/// The index of the colon before the port; npos if there is none.
std::size_t port_colon(std::string_view text) {
    const auto bracket = text.find(']');
    return text.find(':', bracket == std::string_view::npos ? 0 : bracket);
}

}  // namespace

base::Result<ExitRule, std::string> ExitRule::parse(std::string_view text) {
    const std::string quoted = "'" + std::string{text} + "'";
    const auto space = text.find(' ');
    const auto verb = text.substr(0, space);
    if (verb != "accept" && verb != "reject" && verb != "accept6" && verb != "reject6") {
        return base::Fail{quoted + " must begin with accept, reject, accept6 or reject6"};
    }
    if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
        return base::Fail{quoted + " must be one word, one space and one address pattern"};
    }
    const auto pattern = text.substr(space + 1);
    ExitRule rule;
    rule.accept = verb.starts_with("accept");
    const auto colon = port_colon(pattern);
    auto networks = parse_networks(pattern.substr(0, colon));
    if (!networks) {
        return base::Fail{quoted +
                          " has no address: ADDR[/BITS], [IPv6][/BITS], *, *4, *6 or "
                          "private"};
    }
    if (colon != std::string_view::npos && !parse_ports(pattern.substr(colon + 1), rule)) {
        return base::Fail{quoted + " has no port: 1 to 65535, FROM-TO or *"};
    }
    rule.networks = std::move(*networks);
    if (verb.ends_with('6')) {
        std::erase_if(rule.networks, [](const base::IpNetwork& one) { return !one.address.v6; });
        if (rule.networks.empty()) {
            return base::Fail{quoted + " is a rule for IPv6 but names an IPv4 address"};
        }
    }
    return rule;
}

bool ExitRule::matches(const base::IpEndpoint& target) const {
    if (target.port < port_from || target.port > port_to) return false;
    return std::any_of(networks.begin(), networks.end(),
                       [&](const base::IpNetwork& one) { return one.contains(target.address); });
}

bool is_forbidden_target(const base::IpAddress& address) {
    const auto& wrapping = wrapping_networks();
    return !base::is_public(address) || azure_agent.contains(address) || is_isatap(address) ||
           std::any_of(wrapping.begin(), wrapping.end(),
                       [&](const base::IpNetwork& one) { return one.contains(address); });
}

bool ExitPolicy::allows(const base::IpEndpoint& target) const {
    if (target.port == 0) return false;
    const bool lab_loopback = options_.allow_loopback && target.address.is_loopback();
    if (!lab_loopback && is_forbidden_target(target.address)) return false;
    if (is_own(target, lab_loopback)) return false;
    for (const auto& rule : rules_)
        if (rule.matches(target)) return rule.accept;
    return false;
}

bool ExitPolicy::is_own(const base::IpEndpoint& target, bool lab_loopback) const {
    const auto& servers = options_.servers;
    if (std::find(servers.begin(), servers.end(), target) != servers.end()) return true;
    for (const auto& own : options_.own) {
        // On the loopback of a lab all nodes share one address, so only the relay's own port is its
        // own.
        if (own.address == target.address && (!lab_loopback || own.port == target.port)) {
            return true;
        }
    }
    return !lab_loopback &&
           std::any_of(options_.host.begin(), options_.host.end(),
                       [&](const base::IpNetwork& one) { return one.contains(target.address); });
}

bool ExitPolicy::may_name(const base::IpAddress& address) const {
    const bool lab_loopback = options_.allow_loopback && address.is_loopback();
    return is_exit() && (lab_loopback || !is_forbidden_target(address));
}

bool ExitPolicy::is_exit() const {
    return std::any_of(rules_.begin(), rules_.end(),
                       [](const ExitRule& rule) { return rule.accept; });
}

std::string policy_summary(std::span<const ExitRule> rules) {
    // Of each port: whether it is accepted, or else which families are rejected whole.
    enum : std::uint8_t { v4 = 1, v6 = 2, accepted = 4 };
    std::vector<std::uint8_t> ports(65536, 0);
    for (const auto& rule : rules) {
        unsigned named = 0;
        unsigned whole = 0;
        for (const auto& one : rule.networks) {
            named |= one.address.v6 ? v6 : v4;
            if (one.prefix == 0) whole |= one.address.v6 ? v6 : v4;
        }
        for (int port = rule.port_from; port <= rule.port_to; ++port) {
            auto& state = ports[static_cast<std::size_t>(port)];
            if (state == accepted) continue;
            if (!rule.accept) state = static_cast<std::uint8_t>(state | whole);
            if (rule.accept && (named & ~static_cast<unsigned>(state)) != 0) state = accepted;
        }
    }
    std::string text;
    for (std::size_t from = 1; from < ports.size(); ++from) {
        if (ports[from] != accepted) continue;
        auto to = from;
        while (to + 1 < ports.size() && ports[to + 1] == accepted)
            ++to;
        text += text.empty() ? "accept " : ",";
        text += std::to_string(from);
        if (to > from) text += "-" + std::to_string(to);
        from = to;
    }
    return text;
}

}  // namespace nightjar::relay::core
