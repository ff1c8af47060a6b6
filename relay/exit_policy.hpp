// Where an exit connects to (docs/operating.md): Tor's grammar, applied to the resolved address.
//
//   accept|reject|accept6|reject6 ADDR[/BITS][:PORT|:FROM-TO|:*]
//   ADDR: an IPv4 address, [IPv6 address], * (both), *4, *6, private
//
// The first rule that matches wins; what none matches is rejected, so no rules at all is no exit.
// Before any rule, and whatever the rules say: addresses that are not on the public internet, that
// hide another one inside (mapped, 6to4, NAT64, Teredo), and the relay's own. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "relay/ip_address.hpp"
#include "sphinx/base/result.hpp"

namespace nightjar::relay {

struct IpEndpoint {
    IpAddress address;
    std::uint16_t port = 0;
    auto operator<=>(const IpEndpoint&) const = default;
};

struct ExitRule {
    bool accept = false;
    std::vector<IpNetwork> networks;
    std::uint16_t port_from = 1;
    std::uint16_t port_to = 65535;

    /// The reason, for the operator, if the text is no rule.
    static base::Result<ExitRule, std::string> parse(std::string_view text);
    bool matches(const IpEndpoint& target) const;
};

struct ExitPolicyOptions {
    std::vector<IpEndpoint> own;  // never a target
    /// 127.0.0.0/8 and ::1 are then left to the rules; the relay's own ports stay refused. Only for
    /// networks whose signed document says lab: the caller checks that.
    bool allow_loopback = false;
};

class ExitPolicy {
 public:
    /// Rejects everything.
    ExitPolicy() = default;
    ExitPolicy(std::vector<ExitRule> rules, ExitPolicyOptions options)
        : rules_{std::move(rules)}, options_{std::move(options)} {}

    /// `target` is what a socket would connect to, never a name.
    bool allows(const IpEndpoint& target) const;
    bool is_exit() const;

 private:
    std::vector<ExitRule> rules_;
    ExitPolicyOptions options_;
};

/// Not a public unicast address, or one that carries another inside.
bool is_forbidden_target(const IpAddress& address);

/// What the descriptor tells clients: "accept 80,443,8000-8080", the ports that some rule accepts
/// for any address at all before one rejects them for all; empty if there are none.
std::string policy_summary(std::span<const ExitRule> rules);

}  // namespace nightjar::relay
