"""Mutants of open admission: places by prefix, what a value may hold, what an authority takes."""
from mutant_list import CORE, UNIT, mutant

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
HELD = "offers: a text that is here is known without being read again, and no other one is"
ADMITTED = "relay/authority/admitted.cpp"
AUTHORITY = "relay/authority/authority.cpp"
DOOR = "relay/authority/door.cpp"
MEMBER = "relay/authority/member.cpp"
REGISTRY = "relay/authority/registry.cpp"
AT_THE_DOOR = "open admission: a stranger sends from the prefix of its addresses, or is refused"
KEPT = "open admission: a prefix has so many places, all have so many, and old ones stay"
OUT = "open admission: who is expelled stays out, also if it was never listed"
ONE_OF_SEVERAL = "open admission: one of several takes a stranger from its own prefix only"

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
    mutant("open-newcomers-are-insisted-on", RULES, "offered.claim && find(before_.roster, identity) != nullptr &&",
           "offered.claim &&", CORE, FREE),
    mutant("open-expelled-by-half", LISTING, "return 2 * entry.second <= lists.size();",
           "return 2 * entry.second < lists.size();", CORE, STANDING),
    mutant("open-expelled-is-forgotten", LISTING, "if (each.standing == Standing::expelled) ++expelled[each.identity];",
           "", CORE, EXPELLED),
    mutant("open-roster-grows", BUILDER,
           "if (!described.contains(record.identity) && admitted_.contains(record.identity) &&",
           "if (!described.contains(record.identity) &&", CORE, ANEW),
    mutant("open-relay-takes-an-address", BUILDER,
           "return std::tie(a.open, a.record.since, a.relay.identity, b.made, a.text) <\n                   "
           "std::tie(b.open, b.record.since, b.relay.identity, a.made, b.text);",
           "return std::tie(a.record.since, a.relay.identity, b.made, a.text) <\n                   "
           "std::tie(b.record.since, b.relay.identity, a.made, b.text);", CORE, THIEF),
    mutant("open-offers-without-a-bound", OFFERS, "return places.take(*prefix) ?",
           "return places.take(*prefix) || !relay.addresses.empty() ?", CORE, FILLED),
    mutant("open-places-of-the-roster-by-arrival", OFFERS, "if (find(roster, relay.identity) != nullptr) return {};", "", CORE, FILLED),
    mutant("open-newcomers-wait-for-the-roster", OFFERS, "if (!admits(other) && find(roster, other) == nullptr)", "if (!admits(other))",
           CORE, FILLED),
    mutant("open-descriptor-again-and-again", OFFERS,
           "if (held != descriptors_.end() && counts(relay)) {", "if (held != descriptors_.end() && counts(relay) && false) {",
           CORE, FILLED),
    mutant("strangers-are-waited-for", OFFERS,
           "return each.standing != Standing::admitted || descriptors_.contains(each.identity);",
           "return descriptors_.contains(each.identity);", CORE, FILLED),
    mutant("value-of-known-names", RULES, "if (held != descriptors_.end() && held->second.read->text == text) {",
           "if (held != descriptors_.end()) {", CORE, "document rules: a proposer can invent nothing"),
    mutant("held-by-name", OFFERS, "counts(*relay) && held->second->text == descriptor;", "counts(*relay);", CORE, HELD),
    mutant("held-and-expelled", OFFERS, "held != descriptors_.end() && counts(*relay) && held->second->text",
           "held != descriptors_.end() && held->second->text", CORE, HELD),
    mutant("open-crowd-stops-the-network", RULES, "return closed.fault.empty() ? std::move(closed) : std::move(draft);",
           "return closed.fault.empty() ? std::move(draft) : std::move(closed);", CORE,
           "open places: strangers that crowd the layers do not keep a document from being signed"),
    mutant("open-crowd-stops-one-authority", AUTHORITY, "if (!strangers && !settings_.open.open()) break;",
           "if (!strangers) break;", UNIT,
           "open admission: strangers that crowd a layer do not keep a document from being signed"),
    mutant("open-from-anywhere", DOOR, "if (*prefix != core::open_prefix(from))", "if (from == base::IpAddress{})", UNIT,
           AT_THE_DOOR),
    mutant("open-without-a-door", REGISTRY, "if (auto fault = door_fault(relay, *from); !fault.empty())",
           "if (auto fault = door_fault(relay, *from); relay.addresses.empty())", UNIT,
           "open admission: a relay that no operator admitted is listed, as an operator of its own"),
    mutant("open-registry-without-a-bound", REGISTRY,
           "if (places.take(core::open_prefix(relay).value())) return std::nullopt;", "return std::nullopt;", UNIT, KEPT),
    mutant("open-newcomers-hold-all", REGISTRY, "!lists(other) && is_old(held.relay, descriptor.epoch) == old)",
           "!lists(other) && (is_old(held.relay, descriptor.epoch) == old || !relay.addresses.empty()))", UNIT, KEPT),
    mutant("open-relay-is-old-wherever-it-moves", REGISTRY,
           "core::open_prefix(held->second.relay) == core::open_prefix(stranger);", "!stranger.addresses.empty();", UNIT,
           "open admission: a relay that moves to another prefix takes no old place there"),
    mutant("open-newcomers-come-first", REGISTRY, "is_old(descriptor.relay, epoch) ? base::Epoch{} : epoch}", "epoch}", UNIT, KEPT),
    mutant("open-descriptor-is-replaced", REGISTRY, "if (mine != entries.end() && !lists(relay.identity))",
           "if (mine != entries.end() && expelled_.contains(relay.identity))", UNIT,
           "open admission: the first descriptor of an epoch counts, and may come again"),
    mutant("open-expelled-comes-again", REGISTRY, "if (expelled_.contains(relay.identity))",
           "if (!open_.open() && expelled_.contains(relay.identity))", UNIT, OUT),
    mutant("open-expelled-is-not-written", ADMITTED, "admit(file, {identity, {}, {}, 1, true});",
           "admit(file, {identity, \"o\", {}, 1, false});", UNIT, OUT),
    mutant("open-strangers-delay-a-document", AUTHORITY, "if (taken->first && registry_.lists(taken->identity))",
           "if (taken->first)", UNIT, "open admission: strangers do not delay a document that waits for admitted relays"),
    mutant("open-terms-are-not-compared", "relay/authority/introduction.cpp",
           'directory::put_field(text, "open-relays", settings.open.relays);', "", UNIT,
           "open admission: authorities that differ in it do not found a network together"),
    mutant("open-member-without-a-door", MEMBER, "? core::Driver::Strangers::taken", "|| from ? core::Driver::Strangers::taken",
           UNIT, ONE_OF_SEVERAL),
]
