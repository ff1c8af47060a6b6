// How a relay stands in its network: its clock, its document, its links, its addresses. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "relay/doctor/finding.hpp"
#include "relay/operation/clock_offset.hpp"
#include "relay/operation/config.hpp"
#include "sphinx/base/ip.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::doctor {

/// What one authority says of the time.
struct AuthorityAnswer {
    std::string address;
    operation::AuthorityTime time;
};
struct ClockFacts {
    bool kept = false;            // a program keeps the clock right
    bool jumped = false;          // the running relay does not believe the clock
    std::size_t authorities = 0;  // that the trust anchors name
    std::vector<AuthorityAnswer> answers;
    std::string silence;  // why there is no answer of one of them
};
/// By the median of all answers, so that one authority with a wrong clock is found and not
/// believed.
Finding clock(const ClockFacts& facts);
Finding clock_kept(const ClockFacts& facts);

/// A document that is valid now. `next_is_here`: the next epoch's document waits beside it.
Finding document(const directory::Document& document, base::Wall now, bool next_is_here);

/// Does the document recommend this program's version?
Finding version(const directory::Document& document);

/// What the running relay says of itself: the JSON of `status`. Nothing in it is trusted: what is
/// missing or has another type counts as what a relay without trouble says.
struct Running {
    std::string state;
    std::uint64_t next_relays = 0;
    std::uint64_t next_relays_up = 0;
    std::uint64_t previous_relays_up = 0;
    std::uint64_t descriptors_max = 0;
    std::uint64_t packets_per_second = 0;  // of one worker, in its self-test; 0: not known
    bool memory_locked = true;
    bool reload_ok = true;
    bool loops_missing = false;
    bool answering = false;
    bool replay_filter_full = false;
    bool replay_room_short = false;
    std::string authority;  // what it said last about a descriptor that it did not take
    std::string remark;     // what it found wrong with the relay when it took one
};
/// nullopt: not the JSON of a relay.
std::optional<Running> parse_status(const std::string& json);

/// Its state and what it complains of.
Findings running(const std::optional<Running>& relay);
/// Relays of the layer before dial this one. If their links are here, others reach it: no message
/// is needed, and no stranger learns or triggers anything.
Finding reachable(const std::optional<Running>& relay, const operation::RelayConfig& config,
                  const directory::Document& document);
Finding dials(const std::optional<Running>& relay);

/// `host`: the addresses of this machine.
Finding addresses(const operation::RelayConfig& config, bool lab);
/// `stated`: the addresses of the relay's last descriptor. nullopt: `announce` has no names.
std::optional<Finding> announced_names(const operation::RelayConfig& config,
                                       std::span<const directory::Endpoint> stated);
Finding ipv6(const operation::RelayConfig& config, std::span<const base::IpNetwork> host);

}  // namespace nightjar::relay::doctor
