"""Mutants of how a document is built: shared randomness, layers, what is left out."""
from mutant_list import CORE, mutant

RANDOMNESS = "relay/authority/core/randomness.cpp"
LAYERS = "relay/authority/core/layers.cpp"
BUILDER = "relay/authority/core/builder.cpp"
OWN = "randomness: a commitment is its authority's, for one network and one epoch"
BALANCE = "layers: each has a third of the capacity to a tenth, through any churn"
STILL = "layers: a balanced network moves no relay, and without randomness new ones wait"
MIDDLE = "layers: the middle has the longest records, and a new relay never begins there"
LATER = "builder: of two relays with one key the later is left out by name, and the rest is built"
SAME = "builder: the same set gives the same bytes, whatever its order"
POSITION = "builder: an operator's relays have one position; its oldest relay's kind stays"
KEPT = "builder: the network chooses the layer, keeps it, and without randomness a new mix waits"

MUTANTS = [
    # --- randomness ---
    mutant("commitment-for-every-epoch", RANDOMNESS, 'directory::put_field(text, "epoch", epoch.value);',
           "static_cast<void>(epoch);", CORE, OWN),
    mutant("commitment-of-a-stranger", RANDOMNESS, "return council.index_of(commitment.authority) &&\n           ",
           "return ", CORE, OWN),
    mutant("reveal-unchecked", RANDOMNESS,
           "return reveal.authority == commitment.authority &&\n           hash_of(opening(council, epoch, "
           "reveal.authority, reveal.secret)) == commitment.hash;",
           "static_cast<void>(council), static_cast<void>(epoch);\n    return reveal.authority == commitment.authority;",
           CORE, "randomness: a reveal that opens no commitment counts as missing, and is named"),
    mutant("one-authority-draws-alone", RANDOMNESS, "if (revealed >= council.one_honest())", "if (revealed >= 1)", CORE,
           "randomness: there is none unless one of those that revealed is honest"),
    mutant("randomness-by-order", RANDOMNESS,
           "[](const auto& a, const auto& b) { return a.authority < b.authority; });",
           "[](const auto&, const auto&) { return false; });", CORE,
           "randomness: it follows from all reveals, whatever their order, and from each of them"),
    # --- layers ---
    mutant("middle-of-the-newest", LAYERS, "return std::tie(a.group->since, a.drawn) < std::tie(b.group->since, b.drawn);",
           "return std::tie(b.group->since, a.drawn) < std::tie(a.group->since, b.drawn);", CORE, MIDDLE),
    mutant("new-mix-in-any-layer", LAYERS, "return (entry.drawn[31] & 1) ? 1 : 3;", "return 1 + entry.drawn[31] % 3;",
           CORE, MIDDLE),
    mutant("new-mix-by-its-key", LAYERS, "return (entry.drawn[31] & 1) ? 1 : 3;",
           "return (entry.group->id.bytes[31] & 1) ? 1 : 3;", CORE,
           "layers: where a new relay begins follows from the randomness alone"),
    mutant("layers-drawn-anew", LAYERS, "if (entry.group->layer == 0) entry", "entry", CORE, STILL),
    mutant("outer-layers-unbalanced", LAYERS, "        balance_outer();\n", "", CORE, BALANCE),
    mutant("middle-unfilled", LAYERS, "        fill_middle();\n", "", CORE, BALANCE),
    mutant("middle-overfull", LAYERS, "        empty_middle();\n", "", CORE, BALANCE),
    mutant("wide-band", "relay/authority/core/layers.hpp", "balance_band = 0.1;", "balance_band = 0.2;", CORE, BALANCE),
    # --- builder ---
    mutant("newcomer-takes-a-key", BUILDER,
           "return std::tie(a.record.since, a.relay.identity, a.signature) <\n                   "
           "std::tie(b.record.since, b.relay.identity, b.signature);",
           "return std::tie(a.relay.identity, a.signature) <\n                   "
           "std::tie(b.relay.identity, b.signature);", CORE, LATER),
    mutant("document-by-order", BUILDER, "return std::tie(a.record.since, a.relay.identity, a.signature) <",
           "return a.record.since != b.record.since && std::tie(a.record.since, a.relay.identity, a.signature) <",
           CORE, SAME),
    mutant("shared-next-key", BUILDER, '"mix key " + base::to_hex(relay.next_mix_key.bytes)};', '"mix key"};', CORE, SAME),
    mutant("stranger-is-listed", BUILDER, 'return leave_out(descriptor.relay, "it is not admitted");', "return;", CORE,
           "builder: a relay that is not admitted, and a descriptor of another epoch, are left out"),
    mutant("family-has-two-layers", BUILDER, "for (const bool family : {false, true}) {",
           "for (const bool family : {false}) {", CORE, POSITION),
    mutant("operator-has-two-kinds", BUILDER, "if (role == candidate.relay.role) return {};",
           "if (role == candidate.relay.role || !name.empty()) return {};", CORE, POSITION),
    mutant("relay-chooses-its-layer", BUILDER,
           "relay.layer = relay.role == directory::Role::mix ? candidate.record.layer : 0;",
           "if (candidate.record.layer != 0) relay.layer = candidate.record.layer;", CORE, KEPT),
    mutant("record-never-forgotten", BUILDER, "epoch_.value - record.last.value < forgotten_after)", "true)", CORE,
           "builder: a relay that is away for a week keeps its record, then it is forgotten"),
]
