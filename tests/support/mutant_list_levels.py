"""Mutants of the cover that fills what an exit gets and sends to its levels."""
from mutant_list import CORE, mutant

LEVEL = "relay/core/exit_level.cpp"
STAYS = "an exit gets and sends as much as its levels say, whichever sessions come and go"

MUTANTS = [
    mutant("level-without-a-draw", LEVEL, "return mean * (0.5 + random_.unit());", "return mean;", CORE,
           "the room above what an exit gets is drawn from half to one and a half of the mean"),
    mutant("levels-follow-each-session", LEVEL, "if (period != period_ || (full_minute && overflows()))",
           "if (period != period_ || pace > 0)", CORE, STAYS),
    mutant("level-drawn-during-handovers", LEVEL,
           "(network_time - std::min(settled, lifetime / 2)) / lifetime", "network_time / lifetime", CORE,
           "levels are drawn once in a lifetime, two minutes after the common handover"),
    mutant("drop-cover-beside-the-loops", LEVEL, "levels_.sent - rates.sent - loops", "levels_.sent - rates.sent", CORE,
           STAYS),
    mutant("cover-by-a-clock", LEVEL, "process.left += gap())", "process.left += 1)", CORE,
           "cover is a Poisson process, so its next packet cannot be predicted"),
    mutant("stall-is-a-time-without-packets", LEVEL, "        bin_ends_ += passed;\n", "", CORE,
           "after a stall no cover is made up, and the stall is not a time without packets"),
    mutant("level-due-before-it-is", LEVEL, " + std::chrono::microseconds{1};", ";", CORE,
           "the next call is due before the next packet of cover, and never too late to count"),
    mutant("exit-above-its-level-for-an-hour", LEVEL, "return got > levels_.got || sent > levels_.sent;",
           "return got > levels_.got && sent > levels_.sent;", CORE,
           "where more comes or leaves than a level, both are drawn anew at the next minute"),
    mutant("drop-cover-that-comes-home", "relay/core/cover.cpp", "directory::reply_route(*document_, *self, *other, {}, random_);",
           "directory::relay_loop_route(*document_, *self, random_);", CORE,
           "cover: an exit's drop cover ends at another exit and never at home"),
]
