"""Mutants of open admission: places by prefix, what a value may hold, what an authority takes."""
from mutant_list import CORE, mutant

PLACES = "relay/authority/core/open_places.cpp"
LISTING = "relay/authority/core/listing.cpp"
BUILDER = "relay/authority/core/builder.cpp"
RULES = "relay/authority/core/document_rules.cpp"
OFFERS = "relay/authority/core/offers.cpp"
PREFIX = "open places: the prefix is an IPv4 /24 or an IPv6 /48, and one for all addresses"
BOUNDS = "open places: so many for each prefix and in all, and who came first keeps its place"
JOINS = "open places: a stranger joins as an operator of its own, if admission is open"
FULL = "open places: a value with more strangers than places is not valid"
FREE = "open places: a proposer chooses who gets a free place, and takes none away"
EXPELLED = "open places: a relay that more than half of the lists expel stays out"
ANEW = "open places: a stranger that is missing once begins anew, so the roster stays small"
THIEF = "open places: a stranger takes no key or address from an admitted relay"
STANDING = "listing: who is expelled or cannot be reached, and one encoding for each statement"
FILLED = "offers: strangers fill no more than the places of new ones, and once for each epoch"

MUTANTS = [
    mutant("open-prefix-of-a-host", PLACES, "v4_bytes = 3;", "v4_bytes = 4;", CORE, PREFIX),
    mutant("open-prefix-of-a-customer", PLACES, "v6_bytes = 6;", "v6_bytes = 7;", CORE, PREFIX),
    mutant("open-relay-in-two-prefixes", PLACES, "if (prefix && *prefix != its) return std::nullopt;", "", CORE, PREFIX),
    mutant("open-without-a-bound-in-all", PLACES, "taken_ >= bounds_.relays ||", "", CORE, BOUNDS),
    mutant("open-without-a-bound-of-a-prefix", PLACES, "|| here >= bounds_.per_prefix)", ")", CORE, BOUNDS),
    mutant("open-newcomer-takes-a-place", PLACES, "std::tie(a.since, a.identity) < std::tie(b.since, b.identity)",
           "a.identity < b.identity", CORE, BOUNDS),
    mutant("open-places-take-admitted-ones", PLACES, "bounds.relays = std::min(", "bounds.relays = std::max(", CORE,
           "open places: a value has room for so many relays, and the admitted ones come first"),
    mutant("open-relays-are-one-operator", BUILDER, 'relay.operator_name = candidate.open ? "" :',
           'relay.operator_name = candidate.open ? "stranger" :', CORE, JOINS),
    mutant("open-value-without-a-bound", RULES,
           "return is_admitted(outcome.admitted, relay) || placed.contains(relay);",
           "return is_admitted(outcome.admitted, relay) || bounds.open();", CORE, FULL),
    mutant("open-place-is-taken-away", RULES, "!lacks_open(*follows) &&", "", CORE, FREE),
    mutant("open-newcomers-are-insisted-on", RULES, "offered.claim && find(before_.roster, identity) != nullptr",
           "offered.claim", CORE, FREE),
    mutant("open-expelled-by-half", LISTING, "return 2 * entry.second <= lists.size();",
           "return 2 * entry.second < lists.size();", CORE, STANDING),
    mutant("open-expelled-is-forgotten", LISTING, "if (each.standing == Standing::expelled) ++expelled[each.identity];",
           "", CORE, EXPELLED),
    mutant("open-roster-grows", BUILDER,
           "if (!described.contains(record.identity) && admitted_.contains(record.identity) &&",
           "if (!described.contains(record.identity) &&", CORE, ANEW),
    mutant("open-relay-takes-an-address", BUILDER, "candidate.open = admitted == admitted_.end();",
           "candidate.open = admitted == admitted_.end() && relay.addresses.empty();", CORE, THIEF),
    mutant("open-offers-without-a-bound", OFFERS, "return places.take(*prefix) ?",
           "return places.take(*prefix) || !relay.addresses.empty() ?", CORE, FILLED),
    mutant("open-newcomers-fill-old-places", OFFERS, "(find(roster, other) != nullptr) == known)",
           "((find(roster, other) != nullptr) == known || !relay.addresses.empty()))", CORE, FILLED),
    mutant("open-descriptor-again-and-again", OFFERS,
           "if (held != descriptors_.end() && counts(relay)) return {};", "", CORE, FILLED),
    mutant("strangers-are-waited-for", OFFERS,
           "return each.standing != Standing::admitted || descriptors_.contains(each.identity);",
           "return descriptors_.contains(each.identity);", CORE, FILLED),
]
