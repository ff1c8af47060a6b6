"""Mutants of the capacity that a relay announces, of its weight in a document, and of countries."""
from mutant_list import CORE, PROGRAMS, UNIT, mutant

CAPACITY = "relay/operation/capacity.cpp"
CONFIG = "relay/operation/config.cpp"
DESCRIPTOR = "sphinx/directory/descriptor.cpp"
WEIGHTS = "relay/authority/core/weights.cpp"
STRANGERS = "weights: relays that no operator admitted move no median, and weigh no more than it"
LIE = "weights: a lie gains at most twice the median of the relay's role"
MONTH = "capacity: a month's cap lowers what is announced, so that all of it fits into each month"
STAYS = "capacity: what was announced stays while the machine is about the same"
CODES = "countries: the codes of ISO 3166-1, in lower case"
SAID = "a descriptor's capacity and country: what no text could say is refused"
REFUSALS = "relay config: each refusal says where, what and how to mend it"

GROUP = "sphinx/directory/exit_group.cpp"
GUARDS = "client/core/guards.cpp"
LARGE = "exit groups: only large ones may be chosen, and the line says which these are"
EARLIER = "guards: an exit of earlier is used only while the country allows it"
TURN = "no session begins at an exit that the chosen country no longer allows"
ONLY = "guards: of a chosen country only its exits, and none while the group is small"

SUMS = "relay/metrics/month.cpp"
ADDED = "month: the windows of a calendar month are added up, each once"
ENDS = "month: a window that ends with the month belongs to it, the next one begins anew"

MUTANTS = [
    mutant("month-window-added-twice", SUMS, "if (window.end <= until_) return;", "", CORE, ADDED),
    mutant("month-that-never-ends", SUMS, "if (month_of_window(window.end) != month_of_window(until_)) *this = {};",
           "if (until_ == base::Wall{}) *this = {};", CORE, ENDS),
    mutant("month-without-its-last-window", SUMS, "return month_of(end - base::Seconds{1});", "return month_of(end);", CORE, ENDS),
    mutant("month-of-another-month-shown", SUMS, "until_ == base::Wall{} || month_of_window(until_) != month", "until_ == base::Wall{}",
           CORE, ENDS),
    mutant("month-sum-wraps-around", SUMS, "std::min(window.packets_in, std::numeric_limits<std::uint64_t>::max() - packets_)",
           "window.packets_in", CORE, "month: a sum that is damaged does not wrap around"),
    mutant("month-use-on-the-public-page", "relay/operation/status_page.cpp", 'found->find("cap_bytes")', 'found->find("used_bytes")',
           CORE, "status page: nothing that traffic, links or loops change, in a lab neither"),
    mutant("month-by-windows-of-seconds", "relay/operation/startup.cpp", "config.keeps_windows() && config.metrics_rules.window",
           "config.serves_metrics() && config.metrics_rules.window", "tests/system/metrics_windows_test.py",
           "Windows.test_no_short_window_outside_a_lab", PROGRAMS),
    mutant("month-forgotten-by-a-restart", "relay/metrics_service.cpp", "if (kept && kept->until() <= sources_.now()) month_ = *kept;", "",
           "tests/system/metrics_windows_test.py", "Windows.test_what_is_used_of_a_months_cap", PROGRAMS),
    mutant("group-of-few-exits", GROUP, "group.exits >= group_exits_least", "group.exits + 1 >= group_exits_least", CORE, LARGE),
    mutant("group-of-two-operators", GROUP, "group.operators >= group_operators_least", "group.operators + 1 >= group_operators_least",
           CORE, LARGE),
    mutant("group-of-a-ninth", GROUP, "group.exits * group_part >=", "group.exits * (group_part + 1) >=", CORE, LARGE),
    mutant("group-with-gateways-that-are-no-exits", GROUP, "if (!relay.is_exit()) continue;", "", CORE,
           "exit groups: exits of a country, their operators, and their share of the capacity"),
    mutant("exits-of-a-small-group", GUARDS, "country_.empty() || directory::is_large(directory::exit_group(document, country_))",
           "country_.empty() || directory::is_large(directory::exit_group(document, country_)) || true", CORE, ONLY),
    mutant("exits-of-every-country", GUARDS, "country_.empty() || exit.country == country_", "country_.empty() || exit.is_exit()", CORE,
           ONLY),
    mutant("turn-at-an-exit-of-another-country", GUARDS, "in_country(exit) && has_large_group(document)", "exit.is_exit() && has_large_group(document)", CORE,
           EARLIER),
    mutant("turn-in-a-small-group", GUARDS, "in_country(exit) && has_large_group(document)", "in_country(exit) && !document.relays.empty()", CORE, EARLIER),
    mutant("turn-whatever-the-country", "client/core/core_sessions.cpp", "exit != nullptr && guards.may_use(*document, *exit) ? exit : nullptr",
           "exit", CORE, TURN),
    mutant("exits-without-room-for-a-country", GUARDS, "        make_room_for_country(document);\n", "", CORE,
           "guards: a full list has room for three exits of the chosen country"),
    mutant("exits-of-other-countries-forgotten", GUARDS, "guard_exits_max - rules_.exits)", "0 * rules_.exits)", CORE,
           "guards: who changes the country and back has the same exits again"),
    mutant("status-hides-the-country", "client/operation/status_text.cpp", 'status.contains("exit_country")', 'status.contains("exits")', UNIT,
           "status: the text says that exits are of one country only, and among whom that hides"),
    mutant("country-of-the-attacker-alone", "client/operation/exit_country.cpp", "std::min(1.0, bad / group.share)", "bad", UNIT,
           "exit country: an attacker who is in one country only has more of it"),
    mutant("weights-without-a-median", WEIGHTS, "medians[role] = *middle;", "medians[role] = 1'000'000;", CORE, LIE),
    mutant("weights-moved-by-strangers", WEIGHTS, "if (!open) of_role", "of_role", CORE, STRANGERS),
    mutant("weights-of-strangers-twice-the-median", WEIGHTS, "(open ? 1 : weight_most)", "weight_most", CORE, STRANGERS),
    mutant("weights-of-all-roles", WEIGHTS, "of_role[relay->role].push_back", "of_role[directory::Role::mix].push_back", CORE, LIE),
    mutant("weights-by-the-upper-median", WEIGHTS, "(capacities.size() - 1) / 2", "capacities.size() / 2", CORE, LIE),
    mutant("weights-without-a-bound", WEIGHTS, "std::min(relay->capacity, announced)", "std::max(1u, announced)", CORE,
           "weights: what a relay announces, below the authorities' bound"),
    mutant("weights-not-built", "relay/authority/core/builder.cpp", "        set_weights(offers);\n", "", CORE,
           "builder: a relay weighs what it announces, within the lists' bound and the median's"),
    mutant("weights-not-by-one-authority", "relay/authority/registry.cpp", "    core::set_weights(offers);\n", "", UNIT,
           "registry: a relay weighs what it announces, within the operator's bound"),
    mutant("capacity-raised-by-its-operator", CAPACITY, "std::min({of_machine, facts.configured.value_or(of_machine), of_month})",
           "facts.configured.value_or(of_month)", UNIT, "capacity: an operator lowers it, and never raises it"),
    mutant("capacity-of-absent-cores", CAPACITY, "std::min(facts.workers, facts.cores)", "facts.workers", UNIT,
           "capacity: what the workers do, no more than the cores and the I/O thread allow"),
    mutant("capacity-anew-at-each-start", CAPACITY, "stays ? facts.before : coarse(now)", "stays ? coarse(now) : coarse(now)", UNIT, STAYS),
    mutant("capacity-never-less", CAPACITY, "std::uint64_t{3} * before", "0 * std::uint64_t{before}", UNIT, STAYS),
    mutant("capacity-to-the-last-digit", CAPACITY, "return number / place * place;", "return number + 0 * place;", UNIT,
           "capacity: one digit, rounded down"),
    mutant("month-without-a-cap", CAPACITY, "facts.month ? month_packets(*facts.month) : of_machine", "of_machine", UNIT, MONTH),
    mutant("month-of-cells-out-only", "relay/operation/capacity.hpp", "= 2 * 2'560", "= 2'560", UNIT, MONTH),
    mutant("month-below-the-law", CAPACITY, "if (!month || *month >= least)", "if (!month || *month + 1 >= 0 * least)", UNIT,
           "capacity: a cap below what the law sends without any client is named, with its mend"),
    mutant("descriptor-of-any-capacity", DESCRIPTOR, "descriptor.capacity < 1 ||", "false ||", CORE, SAID),
    mutant("country-between-two-codes", "sphinx/directory/country.cpp", "i += 2", "i += 1", CORE, CODES),
    mutant("country-in-upper-case", "sphinx/directory/country.cpp", "c >= 'a' && c <= 'z'", "(c | 32) >= 'a' && (c | 32) <= 'z'", CORE,
           SAID),
    mutant("country-of-any-letters", CONFIG, "!directory::is_country(config.country)", "config.country.size() != 2", UNIT, REFUSALS),
]
