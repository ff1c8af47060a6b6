"""Mutants of how a gateway hands documents to its clients."""
from mutant_list import CORE, SYSTEM, mutant

PACKED = "sphinx/directory/packed.cpp"
FETCH = "client/protocol/document_fetch.cpp"
FORMS = "packed: a client gets what it has not, as a diff if it has the document before"
BOUND = "packed, faults 40: what is packed is unpacked to at most a document's size"
OTHERS = "client/protocol/other_gateways.cpp"
MOMENTS = "other gateways: asked at three moments that are the same for all, and within a minute"
SLEPT = "other gateways: a client that slept over a moment waits for the next one"
SAME = "other gateways: the same ones while the client keeps its own, and by capacity"
APART = "other gateways: none of the own one's operator or family, nor two of one"
WITHHELD = "client: a document that its gateway withholds comes from another one, and it goes on"
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
    mutant("gateway-packs-no-newer-document", "relay/io/links.cpp", "    pack_document();\n    know_relays();\n    neighbours_.use(", "    know_relays();\n    neighbours_.use(",
           SYSTEM, "links: a client with the document before gets a diff, any other the whole one"),
    mutant("no-other-gateway-is-asked", "client/daemon_answers.cpp", "if (core && dialer_) look_for_other_gateway(core->clock);", "", SYSTEM, WITHHELD),
    mutant("withheld-document-untold", "client/daemon_documents.cpp", "report_.document_withheld(source == Source::another_gateway);",
           "static_cast<void>(source);", SYSTEM, WITHHELD),
    mutant("own-gateway-asked-by-chance", OTHERS, "const auto next = begin + ((now - begin) / part + 1) * part;",
           "const auto next = begin + (now - begin) + base::Milliseconds{1};", CORE, "other gateways: before the first is asked, the own one has been asked twice"),
    mutant("other-gateways-without-end", OTHERS, "if (number_ > other_gateways_max || now < at_) return std::nullopt;",
           "if (now < at_) return std::nullopt;", CORE, MOMENTS),
    mutant("other-gateways-from-the-begin-on", OTHERS, "validity_of(document) * (4 + number) / 8", "validity_of(document) * (1 + number) / 8", CORE, MOMENTS),
    mutant("other-gateways-in-one-second", OTHERS, "validity / 120);", "validity / 1'000'000);", CORE, MOMENTS),
    mutant("moment-long-past-used", OTHERS, "if (number_ != before) return std::nullopt;  // long past", "static_cast<void>(before);", CORE, SLEPT),
    mutant("start-after-a-moment-asks", OTHERS, "const auto past = now - validity / 32;", "const auto past = now - validity;", CORE, SLEPT),
    mutant("newer-document-keeps-the-moments", OTHERS, "        number_ = 1;\n", "        if (number_ == 0) number_ = 1;\n", CORE,
           "other gateways: a newer document ends it, and begins it anew"),
    mutant("other-gateways-whatever-their-capacity", OTHERS, "-std::log(unit) / gateway.capacity;", "-std::log(unit);", CORE, SAME),
    mutant("other-gateways-drawn-at-each-start", OTHERS, "std::chrono::floor<base::Seconds>(kept_until).time_since_epoch()", "kept_until.time_since_epoch()",
           CORE, SAME),
    mutant("own-gateway-among-the-others", OTHERS, "if (apart(own) && std::all_of(", "if ((apart(own) || relay != nullptr) && std::all_of(", CORE, SAME),
    mutant("other-gateway-of-the-own-operator", OTHERS, "directory::may_share_route(*gateway, other);", "gateway->role == other.role;", CORE, APART),
]
