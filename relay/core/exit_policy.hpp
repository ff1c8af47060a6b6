// Decides which targets an exit may connect to (docs/operating.md). The rules use Tor's grammar and
// apply to the resolved address.
//
//   accept|reject|accept6|reject6 ADDR[/BITS][:PORT|:FROM-TO|:*]
//   ADDR: an IPv4 address, [IPv6 address], * (both), *4, *6, private
//
// The first rule that matches decides. A target that matches no rule is rejected, so a policy
// without rules is no exit. Three kinds of address are rejected before any rule: addresses that are
// not on the public internet, addresses that contain another one (mapped, 6to4, NAT64, Teredo), and
// the relay's own. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sphinx/base/ip.hpp"
#include "sphinx/base/result.hpp"

namespace nightjar::relay::core {

struct ExitRule {
    bool accept = false;
    std::vector<base::IpNetwork> networks;
    std::uint16_t port_from = 1;
    std::uint16_t port_to = 65535;

    /// If the text is not a rule, the error is a reason for the operator.
    static base::Result<ExitRule, std::string> parse(std::string_view text);
    bool matches(const base::IpEndpoint& target) const;
};

struct ExitPolicyOptions {
    std::vector<base::IpEndpoint> own;  // the relay's own addresses: always rejected
    /// If true, the rules decide about 127.0.0.0/8 and ::1; the relay's own ports stay rejected.
    /// Allowed only in networks whose signed document says lab; the caller checks that.
    bool allow_loopback = false;
};

class ExitPolicy {
 public:
    /// A policy that rejects everything.
    ExitPolicy() = default;
    ExitPolicy(std::vector<ExitRule> rules, ExitPolicyOptions options)
        : rules_{std::move(rules)}, options_{std::move(options)} {}

    /// `target` is the resolved address that a socket would connect to, never a name.
    bool allows(const base::IpEndpoint& target) const;
    /// True if a lookup may tell a client this address: this is an exit, and the address is none
    /// that is rejected before any rule.
    bool may_name(const base::IpAddress& address) const;
    bool is_exit() const;

 private:
    std::vector<ExitRule> rules_;
    ExitPolicyOptions options_;
};

/// True if the address is not a public unicast address, or contains another address.
bool is_forbidden_target(const base::IpAddress& address);

/// The policy's summary in the descriptor: "accept 80,443,8000-8080". It lists the ports that some
/// rule accepts for at least one address before another rule rejects them for all addresses. Empty
/// if there are none.
std::string policy_summary(std::span<const ExitRule> rules);

}  // namespace nightjar::relay::core
