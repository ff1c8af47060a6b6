"""Mutants of an authority's status page."""
from mutant_list import UNIT, mutant

LOOK = "sphinx/node/page/page.cpp"
PAGE = "relay/authority/status_page.cpp"
LEFT_OUT = "authority: with each document it writes a page, which names who is left out and why"
LOAD = "network's page: clients that the network carries, by its busiest relay"

MUTANTS = [
    mutant("page-cells-with-markup", LOOK, "escaped(value.text)", "value.text", UNIT, "page: every text in every place is escaped"),
    mutant("page-shows-empty-facts", LOOK, "if (!fact.value.text.empty())", "if (!fact.name.empty())", UNIT,
           "page: what is not there is not shown"),
    mutant("page-without-colours", LOOK, 'return "wait";', 'return "good";', UNIT,
           "page: each part that is opened is closed, a state has its colour"),
    mutant("page-all-have-signed", PAGE, "return signature.authority == authority;", "return !signature.authority.is_zero();",
           UNIT, "network's page: which authorities signed, and which did not"),
    mutant("page-load-by-number-only", PAGE, "std::max(even, relay->capacity / whole)", "std::min(even, relay->capacity / whole)",
           UNIT, LOAD),
    mutant("page-load-without-loops", PAGE, "packets_per_second - loops * even", "packets_per_second - 0 * loops * even", UNIT, LOAD),
    mutant("page-a-lab-protects", PAGE, "if (law.lab) words", "if (false) words", UNIT,
           "network's page: the law in words, each law of mixing, and that a lab protects nothing"),
    mutant("page-names-nobody-left-out", PAGE, "if (!record.left_out.empty())", "if (record.left_out.size() > 99)", UNIT, LEFT_OUT),
    mutant("page-forgets-refusals", "relay/authority/registry.cpp", "refused->second.epoch == document.epoch", "false", UNIT, LEFT_OUT),
]
