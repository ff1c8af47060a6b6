"""Mutants of an authority's status page, and of how it tries to reach relays."""
from mutant_list import CORE, SYSTEM, UNIT, mutant

LOOK = "sphinx/node/page/page.cpp"
PAGE = "relay/authority/status_page.cpp"
REACH = "relay/authority/core/reachability.cpp"
FIVE = "reachability: five failures of six with the last one among them, and no fewer"
MOMENTS = "reachability: each relay is tried once in each part of an epoch, at a drawn moment"
ANEW = "reachability: a relay that was left out is tried on for some epochs, then begins anew"
ALONE = "authority: a relay that it cannot reach is told so, and is not in the next document"
REMARK = "doctor: a relay that an authority cannot reach is bad, although it takes descriptors"
MOVED = "reachability: a relay that was left out begins anew where a new descriptor says"
VERSION = "driver: values of another version are removed, and one that needs them says so"
OFF = "reachability: the failures of a relay that was off are forgotten"
KEY = "prober: a relay is reached if an address of it answers with its key"
LEFT_OUT = "authority: with each document it writes a page, which says what is left out and why"
LOAD = "network's page: clients that the network carries, by its busiest relay"

MUTANTS = [
    mutant("page-cells-with-markup", LOOK, "escaped(value.text)", "value.text", UNIT, "page: every text in every place is escaped"),
    mutant("page-shows-empty-facts", LOOK, "if (!fact.value.text.empty())", "if (!fact.name.empty())", UNIT,
           "page: what is not there is not shown"),
    mutant("page-without-colours", LOOK, 'return "wait";', 'return "good";', UNIT,
           "page: each part that is opened is closed, a state has its colour"),
    mutant("page-all-have-signed", PAGE, "return signature.authority == authority;", "return signature.authority == authority || !authority.is_zero();",
           UNIT, "network's page: which authorities signed, and which did not"),
    mutant("page-load-by-number-only", PAGE, "std::max(even, relay->capacity / whole)", "std::min(even, relay->capacity / whole)",
           UNIT, LOAD),
    mutant("page-load-without-loops", PAGE, "packets_per_second - loops * even", "packets_per_second - 0 * loops * even", UNIT, LOAD),
    mutant("page-a-lab-protects", PAGE, "if (law.lab) words", "if (false) words", UNIT,
           "network's page: the law in words, each law of mixing, and that a lab protects nothing"),
    mutant("page-names-none-left-out", PAGE, "if (!record.left_out.empty())", "if (record.left_out.size() > 99)", UNIT, LEFT_OUT),
    mutant("page-forgets-refusals", "relay/authority/registry.cpp", "refused->second.epoch == document.epoch", "false", UNIT, LEFT_OUT),
    mutant("page-reached-for-ever", PAGE, 'return *last ? Text{"yes", Mark::good}', 'return last ? Text{"yes", Mark::good}',
           UNIT, "network's page: which relays this authority reaches"),
    # --- reachability ---
    mutant("unreachable-after-four", REACH, "failures >= static_cast<std::ptrdiff_t>(failures_needed)",
           "failures + 1 >= static_cast<std::ptrdiff_t>(failures_needed)", CORE, FIVE),
    mutant("unreachable-although-the-last-reached", REACH, "&& !entry.tries.back();", "&& !entry.tries.empty();", CORE, FIVE),
    mutant("unreachable-since-the-last-failure", REACH, "(entry.tries.empty() || entry.tries.back())", "true", CORE, FIVE),
    mutant("own-network-blames-all-relays", REACH, "&& 2 * failed[entry.position] <= all[entry.position])", "&& !all.empty())",
           CORE, "reachability: an authority that reaches less than half of all relays states nothing"),
    mutant("tries-at-one-moment", REACH, "random.below(count)", "(random.below(count) * 0)", CORE, MOMENTS),
    mutant("tries-twice-in-a-part", REACH, "entry.next = drawn(now - into + part(), random);", "entry.next = drawn(now - into, random);",
           CORE, MOMENTS),
    mutant("tries-starve", REACH, "at->second.next < due->second.next", "at->first < due->first", CORE,
           "reachability: the relay that has waited longest is tried first"),
    mutant("tries-end-when-a-clock-is-put-back", REACH, "entry.next > now + 2 * part()", "entry.next > now + 999 * part()", CORE,
           "reachability: after a pause no try is made up for, and a clock put back stops none"),
    mutant("left-out-for-ever", REACH, "document.epoch.value >= entry.unlisted.value + epochs_unlisted);", "entry.tries.empty());", CORE, ANEW),
    mutant("left-out-and-forgotten-at-once", REACH, "(!is_unreachable(entry) ||", "(is_unreachable(entry) ||", CORE, ANEW),
    mutant("fewer-than-a-quorum-keep-out", "relay/authority/core/listing.cpp", "unreachable[identity] >= quorum",
           "unreachable[identity] + 1 >= quorum", CORE, "listing: a relay is unreachable when a quorum of lists say so"),
    mutant("list-with-another-mark", "relay/authority/core/listing.cpp", "|| unreachable > 1)", "|| unreachable > 2)", CORE,
           "listing: a list has one encoding, and each rule of it refuses"),
    mutant("unreachable-are-listed", "relay/authority/core/builder.cpp", "if (admitted->second->unreachable)",
           "if (admitted->second->unreachable && descriptor.relay.addresses.empty())", CORE,
           "document rules: a relay that a quorum cannot reach is left out, and keeps its record"),
    mutant("no-document-rather-than-unreachable", "relay/authority/core/document_rules.cpp", "each.unreachable = false;",
           "each.unreachable = each.capacity > 0;", CORE,
           "document rules: relays that cannot be reached are listed if no document could be else"),
    mutant("alone-no-document-rather-than-unreachable", "relay/authority/authority.cpp",
           "if (registry_.states_unreachable() &&", "if (!registry_.states_unreachable() &&", UNIT,
           "authority: without the relays that it cannot reach there would be no document"),
    mutant("alone-lists-unreachable", "relay/authority/authority.cpp", "if (reach_.look(archive_, described, now)) registry_",
           "if (reach_.look(archive_, described, now) && started_ > now) registry_", UNIT, ALONE),
    mutant("relay-is-not-told", "relay/authority/authority.cpp", '" is here" + reach_.remark(taken->identity)', '" is here"',
           UNIT, ALONE),
    mutant("prober-takes-any-key", "relay/authority/prober.cpp", "reached = bool{link};",
           "reached = bool{link} || link.error() == node::link::LinkError::handshake;", SYSTEM, KEY),
    mutant("prober-tries-one-address", "relay/authority/prober.cpp", "if (reached) break;", "break;", SYSTEM, KEY),
    mutant("prober-dials-private-addresses", "relay/authority/prober.cpp", "(lab || base::is_public(*address))",
           "(lab || address->bits() > 0)", SYSTEM, "prober: outside a laboratory it dials no address that is not public"),
    mutant("doctor-remark-of-a-refusal", "relay/doctor/network_rules.cpp", "*accepted != true ||", "", UNIT, REMARK),
    mutant("doctor-silent-about-reach", "relay/doctor/network_rules.cpp", "if (!relay->remark.empty())", 'if (relay->remark == "none")',
           UNIT, REMARK),
    mutant("relay-is-not-told-what-a-restart-costs", "relay/authority/reach.cpp", '"cost "', '"take "', UNIT, ALONE),
    mutant("page-calls-relays-of-others-silent", "relay/authority/registry.cpp", "described.contains(said.identity) ||",
           "described.size() > 99 ||", UNIT, "registry: a relay that gave another authority its descriptor is not said to be silent"),
    mutant("member-finds-nothing-with-a-wrong-list", "relay/authority/member.cpp", "now.wall) && list_known_) state();",
           "now.wall) && !list_known_) state();", UNIT, "member: a list that cannot be read does not stop what it finds about relays"),
    mutant("authority-finds-nothing-with-a-wrong-list", "relay/authority/authority.cpp", "        if (reach_.look(archive_, described, now))",
           "        read_list();\n        if (reach_.look(archive_, described, now))", UNIT,
           "authority: a list that cannot be read does not stop what it finds about relays"),
    mutant("member-hears-what-does-not-count", "relay/authority/member.cpp", "for (const auto& item : driver_.descriptors(its.epoch))",
           "for (const auto& item : *bundle)", UNIT, "member: a descriptor that others hand on moves a relay only if it counts"),
    mutant("driver-keeps-values-of-another-version", "relay/authority/core/driver_chain.cpp",
           "else\n            setup_.disk->remove(name);", "", CORE, VERSION),
    mutant("driver-silent-about-missing-values", "relay/authority/core/driver_chain.cpp",
           "if (epoch < current)\n            note(", "if (epoch.value == 0)\n            note(", CORE, VERSION),
    mutant("prober-comes-as-a-client", "relay/authority/prober.cpp", "options_.network, cell::LinkRole::relay};",
           "options_.network, cell::LinkRole::client};", SYSTEM, "prober: a try takes no client's place at a gateway"),
    mutant("authority-handshakes-as-a-stranger", "relay/io/links.cpp", "auto known = options_.authorities;",
           "std::set<base::IpAddress> known;", SYSTEM, "links: an authority's handshakes have the places of listed relays"),
    mutant("pages-diff-larger-than-its-document", "relay/authority/pages.cpp", "if (diff.size() < pages.document.text.size())",
           "if (!diff.empty())", UNIT, "authority: a diff that is not smaller than its document is not served"),
    mutant("contact-gives-up-without-a-diff", "relay/operation/authority_contact.cpp", "if (diff && diff->status == 200)",
           "if (!diff) co_return std::string{};\n        if (diff->status == 200)", SYSTEM,
           "authority contact: the next document comes as a diff, or whole if that is of no use"),
    mutant("own-network-counts-all-positions-as-one", REACH, "entry.position = {relay.role, relay.layer};", "entry.position = {};", CORE,
           "reachability: of a position that it reaches less than half of, an authority states none"),
    mutant("relay-that-was-off-stays-out", REACH, "!described.contains(identity) ||", "described.size() > 99 ||", CORE, OFF),
    mutant("reach-moved-relay-stays-out", REACH, "!= target) entries_.erase", "== Target{}) entries_.erase", CORE, MOVED),
    mutant("reach-same-descriptor-begins-anew", REACH, "!= target) entries_.erase", "!= Target{}) entries_.erase", CORE, MOVED),
    mutant("reach-failures-move-with-a-relay", REACH, "if (entry.target != target) entry.tries.clear();", "", CORE,
           "reachability: what was found at an address does not count for another one"),
    mutant("reach-listed-relay-moves-itself", REACH, "&& !found->second.listed;", "&& found->second.next != base::Wall{};", CORE, MOVED),
]
