"""Mutants of an authority's status page."""
from mutant_list import UNIT, mutant

LOOK = "sphinx/node/page/page.cpp"

MUTANTS = [
    mutant("page-cells-with-markup", LOOK, "escaped(value.text)", "value.text", UNIT, "page: every text in every place is escaped"),
    mutant("page-shows-empty-facts", LOOK, "if (!fact.value.text.empty())", "if (!fact.name.empty())", UNIT,
           "page: what is not there is not shown"),
    mutant("page-without-colours", LOOK, 'return "wait";', 'return "good";', UNIT,
           "page: each part that is opened is closed, a state has its colour"),
]
