"""Mutants of how a client shares out its slots (client/core/slot_shares), and of fillers."""
from mutant_list import CORE, mutant

MUTANTS = [
    mutant("no-spare-slots", "client/core/slot_shares.hpp", "spare_share = 1.0 / 16;", "spare_share = 0;",
           CORE, "slot shares: sessions get slots by their weights, and one in sixteen is spare"),
    mutant("sessions-keep-a-beat", "client/core/slot_shares.hpp", "request_spread = 1.0 / 3;",
           "request_spread = 0;",
           CORE, "slot shares: a session's packets come at moments that nothing else predicts"),
    mutant("lost-slots-are-made-up", "client/core/slot_shares.cpp", "slots_in_a_row * gap);", "5500 * gap);",
           CORE, "slot shares: time without slots is not made up"),
    mutant("new-sessions-begin-in-step", "client/core/slot_shares.cpp",
           "request.waited = request.asks_at * random_.unit();", "request.waited = request.asks_at;",
           CORE, "slot shares: a session that comes later does not begin in step with one that is there"),
    mutant("filler-counts-as-malformed", "relay/core/exit_sessions.cpp", "if (is_filler(message)) return;",
           "if (is_filler(message) && message.empty()) return;",
           CORE, "a filler leaves nothing at an exit, and counts as no fault"),
]
