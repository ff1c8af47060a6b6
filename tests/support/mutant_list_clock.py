"""Mutants of network time: what gateways' padding says, and which clients go by it."""
from mutant_list import CORE, UNIT, mutant

PADDING = "sphinx/cell/padding_time.cpp"
CORRECTION = "client/core/clock_correction.cpp"
SAYS_NONE = "padding with a time that no clock reads, or with more than a time, says none"
WITHIN = "a host whose clock is not synchronised goes by its gateway's within a second"
OWN = "a synchronised host goes by its own clock, whatever its gateway says"
FAR = "a gateway that says nothing, or is more than a minute off, is not followed"
HELD = "cells that are held up do not move the time"
DRIFT = "the time follows a clock that drifts, and a gateway moves it no faster than that"
LOST = "a host that loses its source of time is right but for drift, so no gateway sets it"
WAS_SET = "where the host's clock is set its gateway's time is found anew"
SLOW = "a line that holds up all cells at first does not set the time, if no exit was told by it"
SETTLED = "a client's time is found anew until its first session is announced, and then settled"
ANNOUNCES = "a client whose clock is off announces changes when all others do, by its gateway's time"

MUTANTS = [
    # --- sphinx/cell/padding_time ---
    mutant("time-of-any-year-in-padding", PADDING, "if (time == 0 || time >= latest) return std::nullopt;",
           "if (time == 0 || time >= 2 * latest) return std::nullopt;", CORE, SAYS_NONE),
    mutant("more-than-a-time-in-padding", PADDING, "return byte != 0; }))", "return byte == 255; }))", CORE, SAYS_NONE),
    mutant("time-in-any-cell", PADDING, "if (cell.kind() != Kind::padding) return std::nullopt;",
           "if (cell.kind() == Kind::control) return std::nullopt;", CORE, SAYS_NONE),
    # --- relay/core/mailbox ---
    mutant("padding-says-an-old-time", "relay/core/mailbox.cpp", "cell::padding_that_says(wall)",
           "cell::padding_that_says(std::chrono::floor<base::Seconds>(wall))", CORE,
           "mailbox: padding says the relay's time as it leaves, a delivery none"),
    # --- client/core/clock_correction ---
    mutant("time-of-the-slowest-cell", CORRECTION, "std::max(ahead_, ahead)", "std::min(ahead_, ahead)", CORE, HELD),
    mutant("time-of-the-latest-cell", CORRECTION, "window_from_ ? std::max(ahead_, ahead) : ahead;", "ahead;", CORE, HELD),
    mutant("synchronised-host-follows-its-gateway", CORRECTION,
           "if (!synchronised_.value_or(true) && ahead_ <= most", "if (ahead_ <= most", CORE, OWN),
    mutant("gateway-far-ahead-is-followed", CORRECTION, "ahead_ <= most && ", "", CORE, FAR),
    mutant("gateway-far-behind-is-followed", CORRECTION, " && ahead_ >= -most", "", CORE, FAR),
    mutant("gateway-moves-the-time-at-will", CORRECTION,
           "found_ && settled_ ? std::clamp(move, -drift, drift)", "found_ && settled_ ? std::max(move, -drift)", CORE, DRIFT),
    mutant("drift-without-a-link-stays", CORRECTION, "(now - right_at_) / drift_divisor",
           "std::min<base::Nanoseconds>(now - right_at_, window) / drift_divisor", CORE,
           "what a clock has drifted by while there was no link is made up for at once"),
    mutant("time-is-found-anew-in-each-window", CORRECTION, "    found_ = true;\n", "", CORE, DRIFT),
    mutant("lost-source-lets-the-gateway-set-the-clock", CORRECTION, "found_ = synchronised_.value_or(false);",
           "found_ = false;", CORE, LOST),
    mutant("lost-source-settles-nothing", CORRECTION, "settled_ = settled_ || found_;", "", CORE, LOST),
    mutant("slow-first-second-sets-the-time", CORRECTION, "(!settled_ && ahead_ > correction_)", "false", CORE, SLOW),
    mutant("drift-alone-mends-a-slow-start", CORRECTION, "found_ && settled_ ?", "found_ ?", CORE, SLOW),
    mutant("exit-is-told-and-the-time-still-moves", "client/core/core_sessions.cpp",
           "        correction.told();", "        static_cast<void>(correction);", CORE, SETTLED),
    mutant("time-settled-before-an-exit-is-told", "client/core/core_sessions.cpp", "of.phase > Phase::waiting;",
           "of.phase >= Phase::waiting;", CORE, SETTLED),
    mutant("status-hides-a-time-that-is-off", "client/operation/status_text.cpp", "if (off >= 1) {", "if (off >= 10) {", UNIT,
           "status: the text says which clock the client goes by"),
    mutant("first-time-counts-as-known", CORRECTION, "found_ = synchronised_.value_or(false);",
           "found_ = synchronised_.value_or(true);", CORE, WITHIN),
    mutant("correction-outlives-its-cause", CORRECTION, "        correction_ = {};\n", "",
           CORE, LOST),
    mutant("clock-that-was-set-goes-unseen", CORRECTION, "if (moved < set_by && moved > -set_by) return;", "return;",
           CORE, WAS_SET),
    # --- where it takes effect ---
    mutant("correction-changes-no-packet", "client/core/core.cpp",
           "    network.move(correction.value() - corrected_by);\n", "", CORE, ANNOUNCES),
    mutant("first-session-keeps-its-wrong-moment", "client/core/session_plan.cpp",
           "        first_change_ = next_first_change(now);\n    else", "        first_change_ = std::max(*first_change_, now);\n    else",
           CORE, "a first session follows network time that is found after connecting"),
    mutant("first-session-keeps-its-part-of-a-second", "client/core/session_plan.cpp", "        *first_change_ -= moved;",
           "        *first_change_ -= 0 * moved;", CORE,
           "a first session follows network time that is found after connecting"),
]
