"""Mutants of what a relay measures of itself: its clock against the authorities', handshakes, what metrics give away."""
from mutant_list import CORE, PROGRAMS, SYSTEM, UNIT, mutant

OFFSET = "relay/operation/clock_offset.cpp"
NETWORK = "relay/doctor/network_rules.cpp"

MUTANTS = [
    mutant("doctor-clock-that-is-behind", OFFSET,
           "if (time.answered < time.said) return time.answered - time.said;", "", UNIT,
           "clock offset: an answer leaves a second open, and the way there"),
    mutant("the-first-authority-is-believed", OFFSET, "std::sort(offsets.begin(), offsets.end());", "", UNIT,
           "clock offset: a minority cannot move the median beyond what others say"),
    mutant("of-two-authorities-the-farther-one", OFFSET, "std::chrono::abs(lower) < std::chrono::abs(upper)",
           "std::chrono::abs(lower) > std::chrono::abs(upper)", UNIT,
           "clock offset: a minority cannot move the median beyond what others say"),
    mutant("a-step-of-the-clock-is-unseen", OFFSET, "const auto stepped = difference - heard->difference;",
           "const auto stepped = 0 * (difference - heard->difference);", UNIT,
           "clock offset: the last answer of each authority counts, with later steps of the clock"),
    mutant("doctor-names-no-outlier", NETWORK, "if (size <= clock_good) continue;", "if (size >= 0 * clock_good) continue;", UNIT,
           "doctor: one authority with a wrong clock is named, and not believed"),
    mutant("doctor-asks-one-authority", "relay/doctor/doctor.cpp", "for (const auto& service : files.services)\n        tasks.spawn",
           "if (const auto& service = files.services.front(); !files.services.empty())\n        tasks.spawn",
           "tests/system/faults_doctor_test.py", "Faults.test_one_of_three_authorities_with_a_wrong_clock", PROGRAMS),
    mutant("offset-to-the-millisecond", "relay/operation/metrics.cpp",
           "const auto tenths = std::lround(base::to_seconds(*ahead) * 10);",
           "const auto tenths = base::to_seconds(*ahead) * 10;", UNIT,
           "metrics: the clock's offset in tenths of a second, and none without an authority"),
    # --- the metrics port ---
    mutant("metrics-for-every-certificate", "relay/operation/metrics_access.cpp",
           "ssl::verify_peer | ssl::verify_fail_if_no_peer_cert", "ssl::verify_peer", "tests/system/metrics_windows_test.py",
           "Windows.test_tls_with_certificates_on_both_sides", PROGRAMS),
    mutant("metrics-key-that-others-read", "relay/operation/metrics_access.cpp",
           'open_secret(rules.tls_key, "metrics.tls_key: " + rules.tls_key.string() + ": ");', "",
           "tests/system/metrics_windows_test.py", "Windows.test_tls_with_certificates_on_both_sides", PROGRAMS),
    mutant("tls-with-two-files", "relay/operation/config.cpp", "given != 0 && given != std::size(files)", "given == 1", UNIT,
           "relay config: each refusal says where, what and how to mend it"),
    # --- handshakes ---
    mutant("evicted-handshake-has-failed-too", "sphinx/node/link/listener.cpp", "if (!link && place->holds())", "if (!link)",
           SYSTEM, "listener: silent connections from any number of sources keep no handshake out"),
    mutant("failed-dial-is-not-counted", "relay/io/links.cpp", "links.dialled_.failed.count(why);", "static_cast<void>(why);",
           SYSTEM, "links: every handshake is counted by what became of it"),
    mutant("handshakes-that-came-are-not-counted", "relay/io/links_counts.cpp", "all.made += counts.answered;", "", SYSTEM,
           "links: every handshake is counted by what became of it"),
    mutant("handshakes-since-the-start", "relay/metrics/publish.cpp", "end.handshakes[i] - begin.handshakes[i]",
           "end.handshakes[i]", CORE, "published window: each result of handshakes has a draw of its own"),
    mutant("results-of-handshakes-mixed-up", "relay/operation/metrics.cpp", "facts.window->handshakes[i])",
           "facts.window->handshakes[0])", UNIT, "metrics: every value of a window has a name of its own"),
]
