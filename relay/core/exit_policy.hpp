// Decides which targets an exit may connect to (docs/operating.md). The rules use Tor's grammar and
// apply to the resolved address.
//
//   accept|reject|accept6|reject6 ADDR[/BITS][:PORT|:FROM-TO|:*]
//   ADDR: an IPv4 address, [IPv6 address], * (both), *4, *6, private
//
// The first rule that matches decides. A target that matches no rule is rejected, so a policy
// without rules is no exit. Four kinds of address are rejected before any rule: addresses that are
// not on the public internet, addresses that contain another one (mapped, 6to4, NAT64, Teredo,
// ISATAP), those of a cloud's agent on its hosts, and those of the relay's host and its links: a
// connection to one of them comes from inside, past a firewall. Pure; any thread.
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
    /// The addresses of the host's interfaces, each with the prefix of its link: always rejected.
    std::vector<base::IpNetwork> host{};
    /// Servers that the relay itself uses, such as its name servers: rejected at their ports.
    std::vector<base::IpEndpoint> servers{};
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
    /// Replaces `ExitPolicyOptions::host` and `servers`, which change while the relay runs.
    void use_host(std::vector<base::IpNetwork> host) { options_.host = std::move(host); }
    void use_servers(std::vector<base::IpEndpoint> servers) {
        options_.servers = std::move(servers);
    }
    bool is_exit() const;

 private:
    bool is_own(const base::IpEndpoint& target, bool lab_loopback) const;

    std::vector<ExitRule> rules_;
    ExitPolicyOptions options_;
};

/// True if the address is not a public unicast address, contains another address, or belongs to a
/// cloud's agent.
bool is_forbidden_target(const base::IpAddress& address);

/// The policy's summary in the descriptor: "accept 80,443,8000-8080". It lists the ports that some
/// rule accepts for an address of a family that no earlier rule rejects whole. Empty if there are
/// none.
std::string policy_summary(std::span<const ExitRule> rules);

}  // namespace nightjar::relay::core
