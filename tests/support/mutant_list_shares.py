"""Mutants of what makes strangers share a relay: places, rates and times of links."""
from mutant_list import CORE, SYSTEM, mutant

SHARES = "sphinx/base/prefix_shares.cpp"
RATES = "sphinx/base/prefix_rates.cpp"
LISTENER = "sphinx/node/link/listener.cpp"
ONE_OF_N = "prefix shares: one of N users has at most k/N of the places, whatever it does"
HEAVIEST = "prefix shares: a full pool takes from the heaviest prefix, the newcomer's included"
STUCK = "link: an end whose bytes do not leave ends in its time, one whose bytes leave lives"

MUTANTS = [
    # --- sphinx/base/prefix_shares ---
    mutant("v6-source-is-a-64-only", SHARES,
           "return {prefix_of(plain, 48), prefix_of(plain, 56), prefix_of(plain, 64)};",
           "return {prefix_of(plain, 64)};", CORE, ONE_OF_N),
    mutant("v4-source-is-one-address", SHARES, "return {prefix_of(plain, 24), prefix_of(plain, 32)};",
           "return {prefix_of(plain, 32)};", CORE, ONE_OF_N),
    mutant("mapped-address-counts-as-v6", SHARES, "if (!mapped.contains(address)) return address;",
           "return address;", CORE, "prefix shares: an address is counted by its prefixes"),
    mutant("lightest-prefix-loses", SHARES, "branch->by_held.rbegin()->second;", "branch->by_held.begin()->second;",
           CORE, HEAVIEST),
    mutant("first-of-equals-loses", SHARES, "equals[random_.below(equals.size())];", "equals.front();",
           CORE, "prefix shares: of equally heavy prefixes any may lose, so no address is safe by rank"),
    mutant("newest-holder-loses", SHARES, "branch->holders[random_.below(branch->holders.size())];",
           "branch->holders.back();", CORE,
           "prefix shares: the victim of the heaviest prefix is drawn, the newcomer among them"),
    mutant("one-place-too-many", SHARES, "if (size() <= places_) return std::nullopt;",
           "if (size() <= places_ + 1) return std::nullopt;", CORE, HEAVIEST),
    # --- sphinx/base/prefix_rates ---
    mutant("reconnecting-fills-the-bucket", RATES, "std::min(used(*cell, now) + spend.part, 1.0)", "spend.part",
           CORE, "prefix rates: an address has its burst, then its rate"),
    mutant("network-has-the-rate-of-one-address", RATES, "prefix.prefix == 24 || prefix.prefix == 48 ? 4 : 1;", "1;",
           CORE, "prefix rates: all addresses of a prefix share a rate of their own"),
    mutant("one-busy-cell-refuses", RATES, "std::all_of(spend.found", "std::any_of(spend.found",
           CORE, "prefix rates: hundreds of busy prefixes hinder hardly any other"),
    # --- sphinx/node/link ---
    mutant("stuck-write-lives", "sphinx/node/link/link.cpp",
           "if (writing_ && time - writing_since_ >= stuck_) return end(LinkError::stuck);", "", SYSTEM, STUCK),
    mutant("age-of-a-write-counts-from-the-last-one", "sphinx/node/link/link.cpp", "    writing_since_ = now();\n", "",
           SYSTEM, STUCK),
    mutant("kernel-takes-megabytes", "relay/io/links.cpp",
           "link.bound_unsent(backlog_max(links.signed_.document->parameters) * cell::cell_size);", "",
           SYSTEM, "links: a client that reads nothing holds few cells, and loses its link in time"),
    mutant("silence-has-the-handshakes-time", "sphinx/node/link/link_handshake.cpp",
           "start + std::min(limits.first_message, limits.handshake)", "start + limits.handshake",
           SYSTEM, "listener: silence ends after its own deadline, and speaking gets the longer one"),
    mutant("speaking-keeps-the-deadline-of-silence", "sphinx/node/link/link_handshake.cpp",
           "link->arm_deadline(whole_deadline);", "",
           SYSTEM, "listener: silence ends after its own deadline, and speaking gets the longer one"),
    mutant("silent-loser-keeps-its-socket", LISTENER, "tasks_.cancel(found->second);", "(void)found;",
           SYSTEM, "listener: a full pool takes from the source that has most, not from others"),
    mutant("spoken-stays-among-the-silent", LISTENER,
           "        pools_.silent.leave(number_);\n        return listener_.take_place(pools_.speaking",
           "        return listener_.take_place(pools_.speaking",
           SYSTEM, "listener: a peer that has spoken loses no place to silent ones"),
    mutant("relays-among-strangers", LISTENER, "auto& pools = known ? relays_ : strangers_;",
           "auto& pools = strangers_;",
           SYSTEM, "listener: a listed relay's address has places that no stranger takes"),
    mutant("no-rate-of-a-source", LISTENER, "if (!free && !rates_.take(", "if (false && !rates_.take(",
           SYSTEM, "listener: a source that connects too often is closed at once; loopback is exempt"),
    mutant("loopback-has-a-rate", LISTENER, "(from.is_loopback() && !listener_limits_.limit_loopback)",
           "false",
           SYSTEM, "listener: a source that connects too often is closed at once; loopback is exempt"),
]
