"""Mutants of how a relay builds its loops: one small fault for each rule."""
from mutant_list import CORE, mutant

COVER = "relay/core/cover.cpp"
TOGETHER = "cover: loops are built some in one call, and never within a tick"

MUTANTS = [
    mutant("loops-built-within-ticks", COVER, "        if (ahead_.empty()) draw_ahead(now, wall);\n",
           "        if (wants_to_build()) draw_ahead(now, wall);\n", CORE, TOGETHER),
    mutant("loops-share-their-secrets", COVER, ".randomness = &randomness.back()", ".randomness = &randomness.front()",
           CORE, TOGETHER),
    mutant("loop-outlives-its-epoch", COVER, "slot.built->epoch != epoch_to_build_for(wall)", "false", CORE,
           "cover: a loop that was built ahead is never sent in another epoch"),
    mutant("moment-without-loop-lost", COVER, "if (!slot.built || slot.built->epoch", "if (slot.built && slot.built->epoch",
           CORE, "cover: a document that lists the relay serves the loops already drawn"),
    mutant("all-four-in-one-moment", COVER, "        last_drawn_ += random_.exponential(mean_gap);\n        ahead_",
           "        if (&loop == drawn.data()) last_drawn_ += built_together * random_.exponential(mean_gap);\n        ahead_",
           CORE, "cover: a loop's moment does not show its place among those built with it"),
]
