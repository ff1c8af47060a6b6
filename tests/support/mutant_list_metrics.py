"""Mutants of the metrics' windows, rounding and noise."""
from mutant_list import CORE, PROGRAMS, SYSTEM, UNIT, mutant

LAPLACE = "relay/metrics/discrete_laplace.cpp"
PUBLISH = "relay/metrics/publish.cpp"
WINDOWS = "relay/metrics/windows.cpp"

MUTANTS = [
    # --- relay/metrics/discrete_laplace ---
    mutant("zero-comes-twice-as-often", LAPLACE, "if (negative && size == 0) continue;", "", CORE,
           "discrete laplace: draws have the distribution's frequencies, value by value"),
    mutant("noise-has-no-tail", LAPLACE, "while (bernoulli_exp(1, 1, random))", "while (high < 1 && bernoulli_exp(1, 1, random))",
           CORE, "discrete laplace: draws have the distribution's frequencies, value by value"),
    mutant("coin-falls-the-other-way", LAPLACE, "return k % 2 == 1;", "return k % 2 == 0;", CORE,
           "discrete laplace: a coin of exp(-x) falls as often as it should"),
    mutant("noise-is-never-negative", LAPLACE, "return negative ? -size : size;", "return size;", CORE,
           "discrete laplace: mean and spread at the scale of packets"),
    mutant("low-bits-lost", LAPLACE, "(low + scale.t * high) / scale.s);", "(low + scale.t * high) / scale.s / 2 * 2);",
           CORE, "discrete laplace: mean and spread at the scale of packets"),
    # --- relay/metrics/publish ---
    mutant("one-differs-from-nothing", PUBLISH, "(count / grain.quantum + 1) * grain.quantum", "round_up(count, grain.quantum)",
           CORE, "published window: one packet more changes nothing, dropped or not"),
    mutant("count-is-not-rounded", PUBLISH, "(count / grain.quantum + 1) * grain.quantum", "count", CORE,
           "published window: one packet more changes nothing, dropped or not"),
    mutant("second-draw-for-what-leaves", PUBLISH, "out.packets_out = out.packets_in - std::min(out.packets_in, dropped);",
           "out.packets_out = with_noise(end.packets_in - begin.packets_in, grain(packets, terms.window), random);", CORE,
           "published window: what leaves is derived from what arrives and what is dropped"),
    mutant("rare-reasons-shown", PUBLISH, "if (noised >= reason_least)", "if (noised > 0)", CORE,
           "published window: a rare reason is folded into the others"),
    mutant("folded-reason-keeps-its-draw", PUBLISH, "others += count;", "others += noised;", CORE,
           "published window: the others' count has one draw of its own"),
    mutant("total-since-the-start", PUBLISH, "with_noise(end.packets_in - begin.packets_in, ", "with_noise(end.packets_in, ",
           CORE, "published window: only the window's own counts"),
    mutant("quarter-of-an-hour-with-less-noise", PUBLISH, "if (window >= window_least) return value;",
           "if (window >= standard_window) return value;", CORE,
           "published window: a lab's short window shrinks quantum and noise with itself"),
    # --- relay/metrics/windows ---
    mutant("partial-window-published", WINDOWS, "        if (begin_) {", "        if (!begin_) begin_ = end_ - terms_.window;\n        {",
           CORE, "metrics windows: the first, partial one is not published"),
    mutant("slept-window-published", WINDOWS, "now < end_ || now > end_ + late_max", "now < end_", CORE,
           "metrics windows: a window that the clock has cut is not published"),
    mutant("window-of-any-length", WINDOWS, "while (epoch_length.count() % parts != 0)", "while (false)", CORE,
           "metrics windows: their ends fit the epochs"),
    mutant("small-relay-in-noise", WINDOWS, "length = next_length(*last_, terms_);", "", CORE,
           "metrics windows: a small relay gets longer windows, by what it has published"),
    # --- relay/metrics/open_metrics ---
    mutant("open-metrics-for-everyone", "relay/metrics/open_metrics.cpp", "return open > 0 && open >= ", "return open >= ", CORE,
           "open metrics: only for those who ask for it"),
    mutant("family-keeps-its-suffix", "relay/metrics/open_metrics.cpp", "line.substr(0, name_end - total.size())",
           "line.substr(0, name_end)", CORE, "open metrics: counters' families have no suffix, and the text has an end"),
    # --- relay/operation ---
    mutant("token-of-any-length", "relay/operation/metrics_http.cpp", "given.size() == scheme.size() + token.size()",
           "given.size() >= scheme.size() + token.size()", SYSTEM,
           "metrics listener: without its token every page is refused"),
    mutant("token-not-compared", "relay/operation/metrics_http.cpp",
           "sodium_memcmp(given.data() + scheme.size(), token.data(), token.size()) == 0", "true", SYSTEM,
           "metrics listener: without its token every page is refused"),
    mutant("everyone-may-connect", "relay/operation/metrics_http.cpp", "return allow.empty() ||",
           "return allow.size() < 9 ||", SYSTEM,
           "metrics listener: a connection from an address that is not allowed is closed"),
    mutant("socket-for-all-users", "relay/operation/metrics_http.cpp", "::chmod(file_.c_str(), 0660)", "::chmod(file_.c_str(), 0666)",
           SYSTEM, "metrics listener: a unix socket, for its user and group"),
    mutant("public-metrics-without-a-token", "relay/operation/config.cpp",
           "const bool guarded = proves && !rules.allow.empty();", "const bool guarded = proves || !rules.allow.empty();", UNIT,
           "relay config: each refusal says where, what and how to mend it"),
    mutant("reasons-of-a-window-mixed-up", "relay/operation/metrics.cpp", "facts.window->dropped[i])", "facts.window->dropped[0])", UNIT,
           "metrics: every value of a window has a name of its own"),
    mutant("quarter-of-a-window-outside-a-lab", "relay/operation/startup.cpp",
           "config.metrics_rules.window < metrics::window_least", "config.metrics_rules.window < base::Seconds{1}",
           "tests/system/metrics_windows_test.py", "Windows.test_no_short_window_outside_a_lab", PROGRAMS),
]
