"""Mutants of a relay's watch over its loops and of its answer to withheld packets: one small fault for each rule."""
from mutant_list import CORE, UNIT, mutant

WATCH = "relay/core/loop_watch.cpp"
COVER = "relay/core/cover.cpp"
PIPELINE = "relay/core/pipeline.cpp"
LAWS = "relay/core/mix_laws.cpp"
EACH = "loop watch: each kind of attack is noticed within its time"
DOWN = "loop watch: a relay that is down is no attack on this one"
FOLLOWS = "loop watch: what is late follows the links, and no attacker moves it"
LASTS = "loop watch: the answer outlasts the attack by two minutes"
NEWER = "loop watch: a document that is newer forgets no loss"
LONGER = "loop watch: a relay that answers holds twice as long, none above the cap"
MODIFIED = "cover: a loop that comes back changed or late is an attack, and counts once"
DROP = "pipeline: while a relay answers it makes drop cover"
LONGER_STAY = "pipeline: while a relay answers, packets stay twice as long"
BATCH = "pipeline: by a law that releases packets together a loop leaves in a release"

MUTANTS = [
    mutant("late-loops-not-tested", WATCH, "withheld_ = late || lost || few_lost;", "withheld_ = lost || few_lost;",
           CORE, EACH),
    mutant("attack-that-pauses-not-tested", WATCH, "withheld_ = late || lost || few_lost;", "withheld_ = late || lost;",
           CORE, "loop watch: an attack that pauses is noticed by its sum"),
    mutant("relay-that-is-down-is-an-attack", WATCH, "late = late && relay.without.late.alarmed();", "", CORE, DOWN),
    mutant("relay-that-is-down-is-an-attack-by-losses", WATCH, "lost = lost && relay.without.lost.alarmed();", "",
           CORE, DOWN),
    mutant("relay-left-out-is-not", WATCH, "seen_.late - passed.late", "seen_.late", CORE, DOWN),
    mutant("answer-of-one-minute", WATCH, "answers_until_ = now + answer_lasts;", "answers_until_ = now + answer_lasts / 2;",
           CORE, LASTS),
    mutant("answer-without-end", WATCH, "if (answers_until_ && now >= *answers_until_) answers_until_.reset();", "",
           CORE, EACH),
    mutant("late-by-the-median", WATCH, "constexpr double quick_share = 0.05;", "constexpr double quick_share = 0.5;",
           CORE, FOLLOWS),
    mutant("old-times-never-forgotten", WATCH, "times_.last = std::exchange(times_.now, {});", "", CORE, FOLLOWS),
    mutant("no-room-for-links", WATCH, "links + held_long_ + room", "held_long_ + room", CORE, FOLLOWS),
    mutant("times-of-another-law-kept", WATCH, "        times_ = {};\n", "", CORE, NEWER),
    mutant("new-document-forgets-losses", WATCH, "listed.insert(std::move(known));",
           "listed.emplace(relay.identity, ByRelay{});", CORE, NEWER),
    mutant("longer-than-the-cap", WATCH, "return std::min(answer_stretch * delay, parameters.delay_cap());",
           "return std::min(answer_stretch * delay, 2 * parameters.delay_cap());", CORE, LONGER),
    mutant("tagged-loop-has-come-back", PIPELINE, "message && message->empty()", "message || !message", CORE,
           "pipeline: the payload of a relay's own loop is checked"),
    mutant("modified-loop-is-no-loss", COVER, "        watch_.lost(way);\n        ++counters_.loops_modified;",
           "        ++counters_.loops_modified;", CORE, MODIFIED),
    mutant("late-loop-counts-twice", COVER, "watch_.returned(way, arrived - sent, late);",
           "watch_.returned(way, arrived - sent, false);", CORE, MODIFIED),
    mutant("no-drop-cover", COVER, "if (!runs() || !watch_.answers())", "if (runs() || !watch_.answers())", CORE, DROP),
    mutant("drop-cover-comes-home", COVER, "    route->erase(gateway + 1, route->end());\n", "", CORE, DROP),
    mutant("drop-cover-in-a-burst", COVER, "drop_cover_due_ = std::max(*drop_cover_due_, now - lateness_max);", "",
           CORE, DROP),
    mutant("drop-cover-out-of-the-mix", PIPELINE, "into_mix({std::move(loop.cell), ToRelay{loop.first_hop}, ingress_.own_source(),\n                  now - half_tick, own_delay()});",
           "outgoing_.push_back({loop.first_hop, std::move(loop.cell)});", CORE, BATCH),
    mutant("answer-holds-no-longer", PIPELINE, "if (answers()) packet.delay = kept_longer(", "if (false) packet.delay = kept_longer(",
           CORE, LONGER_STAY),
    mutant("pool-keeps-no-longer", PIPELINE, "    mix_->keep_longer(answers());\n", "", CORE,
           "pipeline: while a relay answers, a timed pool keeps twice as long"),
    mutant("drop-cover-is-misrouted", "relay/core/delivery.cpp", "if (zero && final.destination.is_zero()) return Nowhere{};", "",
           CORE, "delivery: where a packet ends is decided by its last block alone"),
    mutant("exact-time-of-an-attack-published", "relay/operation/metrics.cpp",
           "std::chrono::floor<std::chrono::hours>(facts.fixed.loops.withheld_at)", "facts.fixed.loops.withheld_at",
           UNIT, "metrics: of withheld packets only the hour is shown"),
]
