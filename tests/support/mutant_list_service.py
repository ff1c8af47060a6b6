"""Mutants of what daemons say to a service manager, of its watchdog, and of the sockets that it passes."""
from mutant_list import PROGRAMS, mutant

SERVICE = "tests/system/service_test.py"
MANAGER = "sphinx/node/process/service_manager.cpp"
ACTIVATION = "sphinx/node/process/activation.cpp"
SAYS = "Service.test_a_relay_says_that_it_is_ready_reloads_and_ends"
STUCK = "Service.test_no_sign_of_life_while_any_thread_of_a_relay_is_stuck"
GIVEN = "Service.test_a_relay_serves_the_socket_that_it_was_given"
UNNAMED = "Service.test_a_socket_that_the_configuration_does_not_name_is_an_error"
ODD = "Service.test_what_is_no_listening_socket_is_an_error"
OTHERS = "Service.test_sockets_for_another_process_are_left_alone"


def service(name, file, was, becomes, case):
    return mutant(name, file, was, becomes, SERVICE, case, PROGRAMS)


MUTANTS = [
    # --- messages ---
    service("manager-not-told-of-the-end", "sphinx/node/process/shutdown.cpp", "if (announces_) notify_stopping();", "", SAYS),
    service("reload-never-over", "sphinx/node/process/shutdown.cpp", "if (announces_) notify_ready();", "", SAYS),
    service("reload-untold", "sphinx/node/process/shutdown.cpp", "if (announces_) notify_reloading();", "", SAYS),
    service("status-stays-at-the-first-state", "relay/daemon.cpp",
            "    node::process::notify_status(core::state_names[static_cast<std::size_t>(now)]);\n", "",
            "Service.test_the_status_follows_the_state"),
    service("waiting-relay-is-killed-by-its-start", "relay/joining.cpp",
            '        node::process::notify_ready("waits for a network document that lists this relay");\n', "",
            "Service.test_a_relay_that_waits_to_be_listed_has_started"),
    # --- the watchdog ---
    service("watchdog-fed-for-stuck-workers", "relay/io/unwrap_pool.cpp", "if (unanswered_ > 0) return false;", "", STUCK),
    service("watchdog-asks-one-worker", "relay/io/unwrap_pool.cpp",
            "    unanswered_ = workers_.size();\n    for (auto& worker : workers_) {\n",
            "    unanswered_ = 1;\n    {\n        auto& worker = workers_.front();\n", STUCK),
    service("watchdog-fed-whatever-is-alive", MANAGER, "if (!alive || alive()) send", "if (!alive || alive() || timeout) send", STUCK),
    service("watchdog-of-another-process", MANAGER,
            "if (watched && *watched != static_cast<std::uint64_t>(::getpid())) return std::nullopt;", "(void)watched;",
            "Service.test_the_watchdog_of_another_process_is_not_fed"),
    service("watchdog-fed-once", MANAGER, "constexpr int signs_per_timeout = 4;", "constexpr int signs_per_timeout = 1;",
            "Service.test_signs_of_life_four_times_in_the_watchdogs_time"),
    # --- sockets ---
    service("passed-socket-left-alone", ACTIVATION, "if (found == sockets.end()) return", "if (found == sockets.begin()) return",
            GIVEN),
    service("unused-socket-left-open", "relay/io/links.cpp", '    node::process::refuse_unused_sockets("listen");\n', "", UNNAMED),
    service("any-socket-taken", ACTIVATION,
            "if (option(descriptor, SO_TYPE) != SOCK_STREAM || option(descriptor, SO_ACCEPTCONN) != 1)",
            "if (option(descriptor, SO_TYPE) < 0)", ODD),
    service("sockets-of-another-process", ACTIVATION, "|| pid != std::to_string(::getpid())) return {};", ") return {};", OTHERS),
]
