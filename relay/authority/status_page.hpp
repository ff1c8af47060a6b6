// `status.html`: what an authority shows everyone about its network, a page for a browser. It is
// made with each document, from that document and what the authority knows beside it. Pure.
#pragma once

#include <string>
#include <vector>

#include "relay/authority/core/builder.hpp"
#include "relay/authority/core/reachability.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::authority {

/// What the document does not say.
struct StatusRecord {
    std::vector<base::NodeId> authorities;  // of the network: all
    std::vector<std::string> left_out;      // a sentence for each relay that is not in the document
    base::Wall made{};
    const core::Reachability* tries = nullptr;  // this authority's; nullptr: it has none
    /// Configured for a later epoch; nullopt: nothing changes.
    std::optional<core::ParameterChange> change = {};
};

std::string status_page(const directory::Document& document, const StatusRecord& record);

/// What the page reckons with: one core with AVX2 (docs/performance.md).
inline constexpr double relay_packets_per_second = 30'000;
/// How many clients the network carries by its rates, if each relay can pass so many packets a
/// second (docs/network.md, "The status page"). 0: not even the loops of the relays fit.
std::uint64_t clients_carried(const directory::Document& document, double packets_per_second);

}  // namespace nightjar::relay::authority
