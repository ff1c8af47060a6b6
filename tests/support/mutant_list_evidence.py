"""Mutants of two documents of one epoch: who meets them, and what is kept as proof."""
from mutant_list import PROGRAMS, SYSTEM, UNIT, mutant

EVIDENCE = "sphinx/node/config/evidence.cpp"
VERIFYING = "relay/authority/verifying.cpp"
MEMBER = "relay/authority/member.cpp"
KEPT = "evidence, faults 38: two documents of one epoch are kept, each under its own name"
BOUND = "evidence, faults 38: what is kept has a bound, and nothing replaces it"
UNWRITABLE = "evidence: where nothing can be written the alarm is raised nevertheless"
BOTH = "verify, faults 38: two valid documents of one epoch, and who signed both"
PROOF = "verify: only good signatures of the network's authorities are proof"
OTHER = "member, faults 38: another document of an epoch, signed by a quorum, is kept as proof"
RELOAD = ("tests/system/reload_test.py", "Reload.test_two_documents_of_one_epoch_are_a_conflict", PROGRAMS)

MUTANTS = [
    mutant("first-document-is-no-evidence", EVIDENCE, "        keep(held);\n", "", UNIT, KEPT),
    mutant("one-name-for-all-evidence", EVIDENCE, "base::to_hex(base::ByteView{hash}.first(16));",
           "base::to_hex(base::ByteView{hash}.first(0));", UNIT, KEPT),
    mutant("alarm-again-and-again", EVIDENCE, "    if (line == said_) return std::nullopt;\n", "", UNIT, KEPT),
    mutant("evidence-without-bound", EVIDENCE, "if (names_.size() == documents_max)\n        throw",
           "if (names_.size() == documents_max * 2)\n        throw", UNIT, BOUND),
    mutant("no-alarm-on-a-full-disk", EVIDENCE, 'line += std::string{"not both could be kept: "} + error.what();',
           "return static_cast<void>(error), std::nullopt;", UNIT, UNWRITABLE),
    mutant("verify-names-no-authority", VERIFYING, "if (!both.empty()) verdict.conflicts", "if (both.empty()) verdict.conflicts", UNIT, BOTH),
    mutant("verify-says-all-is-well", VERIFYING, "if (!verdict.conflicts.empty()) return node::process::ExitCode::failure;",
           "", UNIT, BOTH),
    mutant("bad-signatures-are-proof", VERIFYING, "one.listed && one.good && other.good", "one.listed && one.good", UNIT, PROOF),
    mutant("document-of-another-authority-unchecked", MEMBER,
           "if (!other || !directory::check(*other, anchors, other->valid_from, other->epoch)) return;",
           "if (!other || anchors.authorities.empty()) return;", UNIT, OTHER),
    mutant("authority-compares-for-ever", MEMBER, "return !compared || *compared < epoch;",
           "return !compared || *compared <= epoch;", UNIT, OTHER),
    mutant("relay-compares-with-no-other", "relay/operation/authority_contact.cpp",
           "if (peers_.size() > 1) co_await compare(*document);", "", SYSTEM,
           "authority contact, faults 38: another authority's document that differs is kept as proof"),
    mutant("relay-keeps-no-evidence", "relay/daemon.cpp",
           "if (const auto alarm = evidence_.compare(held, newer)) log(Level::error, *alarm);", "", *RELOAD),
    mutant("evidence-is-an-unknown-file", "relay/operation/disclosed_files.cpp", "for (const auto& folder : {data, runtime, evidence}) {",
           "for (const auto& folder : {data, runtime}) {", *RELOAD),
    mutant("client-keeps-no-evidence", "client/daemon_documents.cpp", "const auto alarm = evidence_.compare(*document_, **newer);",
           "const std::optional<std::string> alarm;", SYSTEM,
           "client, faults 38: another document of the epoch that it uses is kept as proof"),
    mutant("client-hides-the-alarm", "client/operation/advice.cpp", "if (situation.conflict) {", "if (situation.conflict && !situation.link_is_up) {",
           UNIT, "advice: what is wrong while the link is up, the worst first"),
]
