"""Mutants of how a document is built: shared randomness, layers, what is left out."""
from mutant_list import CORE, mutant

RANDOMNESS = "relay/authority/core/randomness.cpp"
LAYERS = "relay/authority/core/layers.cpp"
RULES = "relay/authority/core/document_rules.cpp"
SIGNATURES = "relay/authority/core/document_signatures.cpp"
VALUE = "relay/authority/core/epoch_value.cpp"
BUILDER = "relay/authority/core/builder.cpp"
OWN = "randomness: a commitment is its authority's, for one network and one epoch"
BALANCE = "layers: each has a third of the capacity to a tenth, through any churn"
STILL = "layers: a balanced network moves no relay, and without randomness new ones wait"
MIDDLE = "layers: the middle has the longest records, and a new relay never begins there"
LATER = "builder: of two relays with one key the later is left out by name, and the rest is built"
SAME = "builder: the same set gives the same bytes, whatever its order"
POSITION = "builder: an operator's relays have one position; its oldest relay's kind stays"
WAITS = "builder: a new mix waits until secrets are revealed that were open when it came"
INVENT = "document rules: a proposer can invent nothing"
INSIST = "document rules: what all have had for long enough cannot be left out, while there is time"
AGREE = "document rules: authorities agree, build the same document, and their signatures pass"
KEPT = "builder: the network chooses a mix's layer, and keeps it"

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
    mutant("middle-overfull", LAYERS, "        empty_middle();\n", "", CORE,
           "layers: when other relays leave, the middle gives its newest back"),
    mutant("wide-band", "relay/authority/core/layers.hpp", "balance_band = 0.1;", "balance_band = 0.2;", CORE, BALANCE),
    # --- builder ---
    mutant("newcomer-takes-a-key", BUILDER,
           "return std::tie(a.open, a.record.since, a.relay.identity, b.made, a.text) <\n                   "
           "std::tie(b.open, b.record.since, b.relay.identity, a.made, b.text);",
           "return std::tie(a.relay.identity, b.made, a.text) <\n                   "
           "std::tie(b.relay.identity, a.made, b.text);", CORE, LATER),
    mutant("older-descriptor-counts", BUILDER,
           "return std::tie(a.open, a.record.since, a.relay.identity, b.made, a.text) <\n                   "
           "std::tie(b.open, b.record.since, b.relay.identity, a.made, b.text);",
           "return std::tie(a.open, a.record.since, a.relay.identity, a.made, a.text) <\n                   "
           "std::tie(b.open, b.record.since, b.relay.identity, b.made, b.text);", CORE,
           "builder: of two descriptors of one relay the newer one is used"),
    mutant("document-by-order", BUILDER, "return std::tie(a.open, a.record.since, a.relay.identity, b.made, a.text) <",
           "return a.record.since != b.record.since && std::tie(a.open, a.record.since, a.relay.identity, b.made, a.text) <",
           CORE, SAME),
    mutant("shared-next-key", BUILDER, '"mix key " + base::to_hex(relay.next_mix_key.bytes)};',
           '"mix key " + base::to_hex(relay.mix_key.bytes)};', CORE, LATER),
    mutant("stranger-is-listed", BUILDER, 'return leave_out(descriptor.relay, why);', "return;", CORE,
           "builder: a relay that is not admitted, and a descriptor of another epoch, are left out"),
    mutant("family-has-two-layers", BUILDER, "for (const bool family : {false, true}) {",
           "for (const bool family : {false}) {", CORE, POSITION),
    mutant("operator-has-two-kinds", BUILDER, "if (role == candidate.relay.role) return {};",
           "if (role == candidate.relay.role || !name.empty()) return {};", CORE, POSITION),
    mutant("relay-chooses-its-layer", BUILDER,
           "relay.layer = relay.role == directory::Role::mix ? candidate.record.layer : 0;",
           "if (candidate.record.layer != 0) relay.layer = candidate.record.layer;", CORE, WAITS),
    mutant("layer-is-not-recorded", BUILDER,
           "built_.roster.push_back({relay.identity, candidate.record.since, epoch_, relay.layer});",
           "built_.roster.push_back({relay.identity, candidate.record.since, epoch_, 0});", CORE, KEPT),
    mutant("record-never-forgotten", BUILDER, "epoch_.value - record.last.value < forgotten_after)", "true)", CORE,
           "builder: a relay that is away for a week keeps its record, then it is forgotten"),
    # --- document_rules, document_signatures, epoch_value ---
    mutant("proposer-leaves-out-any-reveals", RULES,
           "if (value.reveals.size() + faulty < before_.commitments.size())",
           "if (value.reveals.size() + 2 * faulty + 1 < before_.commitments.size())", CORE, INVENT),
    mutant("value-without-a-chain", RULES, "if (value.previous != before_.last)", "if (false)", CORE, INVENT),
    mutant("few-commitments", RULES, "if (value.commitments.size() < council_.quorum)", "if (false)", CORE, INVENT),
    mutant("forged-commitment", RULES, "if (!verifies(commitment, council_, epoch_)) return", "if (commitment.authority.is_zero()) return",
           CORE, INVENT),
    mutant("descriptor-of-any-epoch", RULES,
           'if (descriptor->epoch != epoch_) return "a descriptor is of another epoch";', "",
           CORE, INVENT),
    mutant("unfit-document-is-agreed", RULES, "if (!problems.empty()) return problems.front();", "", CORE,
           "document rules: a network without two gateways gets no document"),
    mutant("new-mix-is-placed-at-once", BUILDER, "if (new_mixes_ == NewMixes::at_once || !candidate.is_new ||",
           "if (new_mixes_ == NewMixes::at_once || candidate.is_new || !candidate.is_new ||", CORE,
           WAITS),
    mutant("waiting-mixes-block-the-chain", RULES, "if (!whole.fault.empty()) return base::Fail{whole.fault};",
           "if (!whole.fault.empty() || !fault.empty()) return base::Fail{fault};", CORE,
           "document rules: when a new mix must fill a layer, one epoch has no document"),
    mutant("proposer-leaves-out-relays", RULES, "        wanted_relays_.push_back(identity);\n",
           "        static_cast<void>(identity);\n", CORE, INSIST),
    mutant("proposer-leaves-out-a-reveal", RULES, "        wanted_reveals_.push_back(authority);\n",
           "        static_cast<void>(authority);\n", CORE, INSIST),
    mutant("authority-never-relents", RULES, "    wanted_relays_.clear();\n", "", CORE, INSIST),
    mutant("two-layers-are-enough", RULES,
           'if (document.layers() < directory::layers_max) return "a layer has no mix";', "", CORE,
           "document rules: when a new mix must fill a layer, one epoch has no document"),
    mutant("stranger-is-proposed", RULES,
           'if (is_admitted(admitted, identity) || placed.contains(identity))',
           "if (is_admitted(admitted, identity) || !offered.text.empty())", CORE,
           "document rules: what is not sound is not kept to propose from"),
    mutant("signature-on-nothing", SIGNATURES, "!directory::verifies(text_, signature))", "text_.empty())", CORE, AGREE),
    mutant("one-signature-counts-twice", SIGNATURES, "return other.authority == signature.authority;",
           "return other.authority < signature.authority && signature.authority < other.authority;", CORE, AGREE),
    mutant("values-in-any-order", VALUE, "if (!(items[i - 1].authority < items[i].authority)) return false;",
           "if (items[i].authority.is_zero()) return false;", CORE,
           "epoch value: the form has one encoding, and each rule of it refuses"),
]
