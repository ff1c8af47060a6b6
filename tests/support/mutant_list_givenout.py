"""Mutants of how a gateway hands documents to its clients."""
from mutant_list import CORE, SYSTEM, mutant

PACKED = "sphinx/directory/packed.cpp"
FETCH = "client/protocol/document_fetch.cpp"
FORMS = "packed: a client gets what it has not, as a diff if it has the document before"
BOUND = "packed, faults 40: what is packed is unpacked to at most a document's size"
NO_USE = "document fetch: after a diff of no use it asks for the whole document, once"

MUTANTS = [
    mutant("diff-for-every-client", PACKED, "diff_ != nullptr && have == before_ ?", "diff_ != nullptr && before_ >= base::Epoch{0} ?", CORE, FORMS),
    mutant("diff-for-no-client", PACKED, "diff_ != nullptr && have == before_ ?", "diff_ != nullptr && have > before_ ?", CORE, FORMS),
    mutant("diff-that-saves-nothing", PACKED, "if (diff.size() < whole->size())", "if (!diff.empty())", CORE,
           "packed: a diff that saves nothing is not given"),
    mutant("diff-without-a-held-document", PACKED,
           'if (diff && held == nullptr) return refused("it is a diff, and none was asked for");', "if (diff && held == nullptr) return std::string{};",
           CORE, BOUND),
    mutant("packed-of-any-form", PACKED, "if (!diff && !packed.starts_with(whole_form))", "if (packed.empty())", CORE, BOUND),
    mutant("unpacked-beyond-a-document", PACKED, "gunzip(packed.substr(1), document_text_max);", "gunzip(packed.substr(1), 200 * document_text_max);",
           CORE, BOUND),
    mutant("asks-for-a-diff-again", FETCH, "whole_next_ = !text && directory::is_diff(packed_);", "whole_next_ = text && directory::is_diff(packed_);",
           CORE, NO_USE),
    mutant("asks-for-the-whole-for-ever", FETCH, "std::exchange(whole_next_, false)", "whole_next_", CORE, NO_USE),
    mutant("fetch-outlives-its-link", "client/protocol/document_fetch.hpp", "void end() { waiting_ = false; }", "void end() {}", CORE,
           "document fetch: a new fetch forgets the one under way, and so does a link's end"),
    mutant("gateway-packs-no-newer-document", "relay/io/links.cpp", "    pack_document();\n    know_relays();\n    for (auto", "    know_relays();\n    for (auto",
           SYSTEM, "links: a client with the document before gets a diff, any other the whole one"),
]
