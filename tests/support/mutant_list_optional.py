"""Mutants of the lines that programs take without knowing them."""
from mutant_list import CORE, UNIT, mutant

LINES = "sphinx/directory/optional_lines.cpp"
RELAY = "sphinx/directory/relay_fields.cpp"
BUILDER = "relay/authority/core/builder.cpp"
REGISTRY = "relay/authority/registry.cpp"
FORM = "optional lines, faults 39: each has one form and one place, and all have bounds"
AGREED = "driver: what a relay of a later version says is in the document that all four sign"
HEAD = "driver: optional lines of the document are those that all authorities configured"
ODD = "optional lines: a version that is none is as if it were not there"
UPDATED = "registry: a relay whose version changes says so now, or after what is signed"
SPOKEN = "network's page: relays by layer, with operator, capacity, addresses and exit"

MUTANTS = [
    mutant("optional-lines-twice", LINES, "name <= lines.back().name", "name < lines.back().name", CORE, FORM),
    mutant("optional-lines-without-number", LINES, "if (lines.size() == bounds.lines)", "if (lines.size() > bounds.lines)", CORE, FORM),
    mutant("optional-lines-without-bytes", LINES, "if (bytes > bounds.bytes)", "if (bytes > bounds.bytes + 1)", CORE, FORM),
    mutant("optional-names-of-any-kind", LINES, "if (!is_word(name))", "if (name.size() > 32)", CORE, FORM),
    mutant("optional-values-of-any-kind", LINES, "if (!is_phrase(value))", "if (value.size() > 512)", CORE, FORM),
    mutant("optional-version-of-any-kind", LINES, "return is_version(value) ? value : std::string_view{};", "return value;", CORE, ODD),
    mutant("optional-lines-dropped", RELAY, '    put_optional(text, "relay.optional.", relay.optional);\n', "", CORE, AGREED),
    mutant("configured-lines-dropped", BUILDER, "        document.optional = terms_.optional_of(epoch_);\n", "", CORE, HEAD),
    mutant("update-waits-for-an-epoch", REGISTRY, "signed_epochs.contains(epoch) || !lists(relay.identity);",
           "!signed_epochs.empty() || lists(relay.identity);", UNIT, UPDATED),
    mutant("update-too-late", REGISTRY, "if (but_optional) b.optional = a.optional;", "static_cast<void>(but_optional);", UNIT, UPDATED),
    mutant("page-without-versions", "relay/authority/status_page.cpp", "std::string{directory::version_in(relay->optional)}",
           "std::string{}", UNIT, SPOKEN),
    mutant("optional-line-without-a-value-quoted-whole", "sphinx/directory/fields.cpp",
           "        fail(quoted(next) + \" has no value\");\n        return {};\n", "", CORE,
           "optional lines: the reason for one without a value stays short"),
]
