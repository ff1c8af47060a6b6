"""Mutants of `nightjar-relay doctor` and what it asks, and of `status --html`."""
from mutant_list import PROGRAMS, SYSTEM, UNIT, mutant

FILES = "relay/doctor/file_checks.cpp"
HOST = "relay/doctor/host_rules.cpp"
LIMITS = "relay/doctor/limit_rules.cpp"
NAMES = "relay/doctor/name_check.cpp"
NETWORK = "relay/doctor/network_rules.cpp"
FINDING = "relay/doctor/finding.cpp"
PAGE = "relay/operation/status_page.cpp"
LOOK = "sphinx/node/page/page.cpp"
DATE = "sphinx/node/https/http_date.cpp"
KEYS = "doctor: keys that others may read, that are links, missing or another user's are bad"
ESCAPED = "status page: every text is escaped"
RUNTIME = "doctor: a runtime directory that keys must not be in is bad"

MUTANTS = [
    mutant("doctor-key-of-the-group", FILES, "constexpr mode_t of_others = 077;", "constexpr mode_t of_others = 007;",
           UNIT, KEYS),
    mutant("doctor-key-of-another-user", FILES, 'if (status.st_uid != owner) return another_users("keys"',
           'if (status.st_uid + 9 == owner) return another_users("keys"', UNIT, KEYS),
    mutant("doctor-follows-a-link-to-a-key", FILES, "if (::lstat(file.c_str(), &status) != 0)",
           "if (::stat(file.c_str(), &status) != 0)", UNIT, KEYS),
    mutant("doctor-anchors-that-a-group-writes", FILES, "constexpr mode_t writing = S_IWGRP | S_IWOTH;",
           "constexpr mode_t writing = S_IWOTH;", UNIT,
           "doctor: a configuration, anchors or a folder that others may change are bad"),
    mutant("doctor-epoch-keys-on-a-disk", FILES, "if (!on_tmpfs(directory))", "if (!on_tmpfs(directory) && false)",
           UNIT, RUNTIME),
    mutant("doctor-runtime-dir-would-be-on-a-disk", FILES, "if (!on_tmpfs(parent))", "if (!on_tmpfs(parent) && false)",
           UNIT, RUNTIME),
    mutant("doctor-takes-swap-for-memory", HOST, 'file.starts_with("/dev/zram")', 'file.starts_with("/")', UNIT,
           "doctor: swap that stays in memory is no swap"),
    mutant("doctor-kdump-unseen", HOST, 'host.crash_kernel.value_or("0") == "0"', 'host.crash_kernel.value_or("0") != ""', UNIT,
           "doctor: each fault of a host is found by its file, with its mend"),
    mutant("doctor-terminal-codes", FINDING, "return c < ' ' || c > '~';", "return c > '~';", UNIT,
           "doctor: findings for people begin with the worst, and hold no control character"),
    mutant("doctor-forgets-connections", LIMITS, "needed.always += exit.places.places_max;",
           "static_cast<void>(exit.places.places_max);", UNIT,
           "doctor: an exit needs a descriptor for each connection that it may have"),
    mutant("doctor-one-filter", LIMITS, "return 2 * static_cast<std::uint64_t>", "return 1 * static_cast<std::uint64_t>", UNIT,
           "doctor: the filters of two keys count at twice the size that they are made for"),
    mutant("doctor-swapped-keys-are-a-warning", LIMITS, 'return lock.swap ? bad("memory_lock"',
           'return lock.swap ? warn("memory_lock"', UNIT,
           "doctor: keys that may be swapped out are bad, keys that only are not locked a warning"),
    mutant("doctor-unreached-is-well", NETWORK, "if (expected > 0 && relay->previous_relays_up == 0)",
           "if (expected > 9 && relay->previous_relays_up == 0)", UNIT,
           "doctor: a relay is reachable if relays of the layer before have links to it"),
    mutant("doctor-gateway-before-the-first-layer", NETWORK,
           "if (config.role == Role::gateway) return listed(document, Role::mix, document.layers());", "", UNIT,
           "doctor: a relay is reachable if relays of the layer before have links to it"),
    mutant("doctor-private-address-is-well", NETWORK, "if (!address || base::is_public(*address)) continue;",
           "if (address) continue;", UNIT, "doctor: addresses that the internet cannot reach are bad outside a lab"),
    mutant("doctor-believes-a-liar", NAMES, "return one.answer && one.answer->has_value(); });",
           "return one.answer && !one.answer; });", SYSTEM,
           "doctor: a name server with an address for an impossible name is a liar"),
    mutant("doctor-silent-name-server", NAMES, "one.answer->error() == NameError::failed",
           "one.answer->error() == NameError::bad_name", SYSTEM, "doctor: a name server that does not answer is found"),
    mutant("doctor-workers-beyond-cores", LIMITS, "const auto at_once = std::min(speed.workers, speed.cores);",
           "const auto at_once = speed.workers;", UNIT,
           "doctor: workers beyond the cores unwrap nothing, and half the power is for the rest"),
    mutant("doctor-looks-as-root", "relay/doctor/doctor.cpp", "become_owner(operation::load_config(config_file));",
           "if (json && !json) become_owner(operation::load_config(config_file));", "tests/system/doctor_owner_test.py",
           "Owner.test_files_of_the_relays_user_are_well", PROGRAMS),
    mutant("doctor-clock-without-the-authority", "relay/doctor/doctor.cpp", "facts.answers.push_back({address, time});",
           "facts.answers.push_back({address, {time.asked, time.asked, time.answered}});", "tests/system/faults_doctor_test.py",
           "Faults.test_a_clock_that_the_authority_contradicts", PROGRAMS),
    mutant("page-of-a-dead-relay-stays", "relay/main.cpp", "    if (!given.html.empty())\n        write_page(",
           "    if (!given.html.empty() && json)\n        write_page(", "tests/system/faults_doctor_test.py",
           "Faults.test_the_page_of_a_relay_that_does_not_run_says_so", PROGRAMS),
    mutant("self-test-to-the-packet", "relay/operation/self_test.cpp", "static_cast<std::uint32_t>(hundreds) * 100",
           "static_cast<std::uint32_t>(hundreds * 100) | 1", UNIT, "self-test: a figure in hundreds, within its time"),
    mutant("page-with-marks-of-its-own", LOOK, 'safe += "&lt;";', "safe += c;", UNIT, ESCAPED),
    mutant("page-with-a-name-of-its-own", LOOK, '"<title>" + escaped(title)', '"<title>" + std::string{title}', UNIT,
           "page: every text in every place is escaped"),
    mutant("page-with-any-state", PAGE, "if (state == one.state) return one;",
           "if (state == one.state || state[0] == '<') return one;", UNIT, ESCAPED),
    mutant("page-may-load", LOOK, "default-src 'none'; style-src", "style-src", UNIT,
           "status page: it loads nothing, and forbids the browser to"),
    mutant("page-shows-links", PAGE, '{"Epoch", word(status, "epoch")}',
           '{"Epoch", word(status, "epoch") + word(status, "next_relays_up")}', UNIT,
           "status page: nothing that traffic, links or loops change, in a lab neither"),
    mutant("https-says-no-time", "sphinx/node/https/server.cpp",
           "response.set(http::field::date, http_date(process::wall_now()));", "static_cast<void>(process::wall_now());", SYSTEM,
           "https: every answer says what the server's clock says"),
    mutant("http-date-any-weekday", DATE, "if (http_date(at) != text) return std::nullopt;",
           "if (http_date(at).substr(3) != text.substr(3)) return std::nullopt;", UNIT, "http date: every other text is refused"),
]
