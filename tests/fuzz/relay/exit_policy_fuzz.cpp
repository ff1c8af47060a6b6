// Any text as an exit's rules. No rule may make an address a target that is not public, wraps
// another address, or is the relay's own. Without rules nothing is accepted.
#include "relay/core/exit_policy.hpp"

#include <algorithm>
#include <cstdlib>

#include "tests/fuzz/depth.hpp"

using nightjar::fuzz::require;
using namespace nightjar;
using namespace nightjar::base;
using namespace nightjar::relay::core;

namespace {

fuzz::Depth allowed_target{"a target that rules allow"};
fuzz::Depth rejected_target{"a public target that rules reject"};
fuzz::Depth forbidden_target{"a target that no rule can allow"};
fuzz::Depth lab_target{"a target that only a lab's rules allow"};

std::vector<ExitRule> rules_of(std::string_view text) {
    std::vector<ExitRule> rules;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (auto rule = ExitRule::parse(line)) rules.push_back(std::move(*rule));
    }
    return rules;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // The last 19 bytes are the target, the rest are rules.
    if (size < 19) return 0;
    IpEndpoint target;
    target.address.v6 = (data[size - 19] & 1) != 0;
    const auto length = static_cast<std::size_t>(target.address.bits() / 8);
    std::copy_n(data + size - 18, length, target.address.bytes.begin());
    target.port = static_cast<std::uint16_t>(data[size - 2] << 8 | data[size - 1]);

    const auto rules = rules_of(base::as_text({data, size - 19}));
    const IpEndpoint own{IpAddress::parse("9.9.9.9").value(), 9001};
    const bool allowed = ExitPolicy{rules, {{own}, false}}.allows(target);
    if (is_forbidden_target(target.address)) require(!allowed);
    if (allowed) allowed_target.reach();
    if (!rules.empty() && is_forbidden_target(target.address)) forbidden_target.reach();
    if (!rules.empty() && !allowed && target.port != 0 && !is_forbidden_target(target.address) &&
        target.address != own.address)
        rejected_target.reach();
    if (target.address == own.address || target.port == 0 || rules.empty()) require(!allowed);
    if (allowed) require(!policy_summary(rules).empty());
    // A lab opens loopback and nothing else.
    const bool lab = ExitPolicy{rules, {{own}, true}}.allows(target);
    if (!target.address.is_loopback()) require(lab == allowed);
    if (lab && !allowed) lab_target.reach();
    // An address reads back as it was written.
    require(IpAddress::parse(target.address.to_text()) == target.address);
    return 0;
}
