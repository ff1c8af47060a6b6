"""Mutants of the moments at which clients' packets enter their gateway: one small fault for each rule."""
from mutant_list import CORE, SIMULATION, mutant

EXCHANGE = ("entry gate: two clients exchange the moments of their cells, and no cell that leaves the gateway "
            "changes")
EXITS = "two clients exchange their exits: their links carry the same, and exits' totals do"
REFUSED = "entry gate: a packet that is refused takes no moment"

MUTANTS = [
    mutant("delay-counts-from-a-client's-arrival", "relay/core/pipeline.cpp",
           "work.from_client ? ingress_.enter(work.client, work.arrived) : work.arrived;", "work.arrived;", CORE, EXCHANGE),
    mutant("replayed-packet-takes-a-moment", "relay/core/pipeline.cpp",
           "    if (!seen->insert(work.outcome->replay_tag)) return counters_.drop(DropReason::replayed);\n",
           "    if (!seen->insert(work.outcome->replay_tag)) {\n"
           "        ingress_.enter(work.client, work.arrived);\n"
           "        return counters_.drop(DropReason::replayed);\n    }\n", CORE, REFUSED),
    mutant("misrouted-packet-takes-a-moment", "relay/core/pipeline.cpp",
           "    if (!may_send_to(forward.next)) return",
           "    if (!may_send_to(forward.next)) ingress_.enter(work.client, work.arrived);\n"
           "    if (!may_send_to(forward.next)) return", CORE, REFUSED),
    mutant("each-packet-at-the-next-moment", "relay/core/entry_gate.cpp", "if (moment < arrived ||",
           "if (moment != arrived ||", CORE,
           "entry gate: phase, jitter and the line's delays up to the margin change no moment"),
    mutant("moments-without-a-draw", "relay/core/entry_gate.cpp", "gaps(2 + draw, gap)", "gaps(2.5 + 0 * draw, gap)", CORE,
           "entry gate: a packet waits for the margin and a uniform share of one more gap"),
    mutant("gate-without-a-margin", "relay/core/entry_gate.cpp", "/ base::to_seconds(gap) + margin;",
           "/ base::to_seconds(gap);", CORE,
           "entry gate: a packet waits for the margin and a uniform share of one more gap"),
    mutant("burst-delays-later-packets", "relay/core/entry_gate.cpp", " || moment > arrived + gaps(longest, gap)", "",
           CORE, "entry gate: a burst shares moments, and delays no later packet"),
    mutant("late-packet-moves-the-moments", "relay/core/entry_gate.cpp",
           "moment = last_ + static_cast<std::int64_t>(std::ceil(behind)) * gap;",
           "static_cast<void>(behind), moment = arrived + gaps(margin, gap);", CORE,
           "entry gate: every moment is a whole number of gaps after the first"),
    mutant("gate-keeps-the-first-gap", "relay/core/ingress.cpp",
           "found->second.gate.enter(arrived, slot_gap(document_->parameters))",
           "found->second.gate.enter(arrived, slot_gap({}))", CORE,
           "entry gate: a gateway follows the gap of a newer document"),
    # --- two clients exchange their exits ---
    mutant("pace-changes-when-a-packet-comes", "relay/core/reply_pace.cpp", "std::clamp(second, now, now + notice_max)",
           "std::min(second, now + base::Seconds{2})", SIMULATION, EXITS),
    mutant("downlink-only-when-replies-come", "relay/core/mailbox.cpp", "if (mailbox.credit < 1) return;",
           "if (mailbox.credit < 1 || mailbox.queue.empty()) return;", SIMULATION, EXITS),
]
