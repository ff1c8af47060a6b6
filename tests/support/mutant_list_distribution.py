"""Mutants of how documents travel: diffs, compression, and what an authority serves."""
from mutant_list import CORE, SYSTEM, UNIT, mutant

DIFF = "sphinx/directory/diff.cpp"
GZIP = "sphinx/directory/gzip.cpp"
ZSTD = "sphinx/node/https/zstd.cpp"
NEGOTIATION = "sphinx/node/https/negotiation.cpp"
PAGES = "relay/authority/pages.cpp"
CONTACT = "relay/operation/authority_contact.cpp"
NEXT = "diff: the next document, from one that others signed, with a line for each new key"
REFUSED = "diff: what is malformed, of another document or not what it says is refused"
BOUND = "diff, faults 40: the result has the bound of a document"
BOMB = "gzip, faults 40: a bomb costs its bound, and what is cut or long is refused"
ZSTD_BOMB = "zstd, faults 40: a bomb costs its bound, and what is cut or long is refused"
WINDOW = "zstd, faults 40: a window above 8 MiB is refused, whatever the frame holds"
ONE_FRAME = "zstd, faults 40: one frame, no dictionary, no older format and nothing skipped"
WEIGHTS = "https: of two codings the client's weights decide, and what is no weight refuses"
RESTORED = "https, faults 40: a compressed answer is restored, within the bound of a body"
SERVED = "authority: documents and diffs are served compressed, and published as files"
AS_DIFF = "authority contact: the next document comes as a diff, or whole if that is of no use"

MUTANTS = [
    mutant("diff-with-signatures-of-the-older", DIFF, "    const auto base = signed_part(older);\n    const auto from = lines_of(base)",
           "    const auto base = older;\n    const auto from = lines_of(base)", CORE, NEXT),
    mutant("diff-takes-nothing", DIFF, "if (value_of(older_[other]) != value) continue;", "if (!value.empty()) continue;", CORE, NEXT),
    mutant("diff-of-another-document", DIFF, 'if (fields_.ok() && from != older) fields_.fail("of another document");', "static_cast<void>(older);",
           CORE, REFUSED),
    mutant("diff-without-hash-of-its-result", DIFF, "if (hash_of(out_) != to)", "if (hash_of(out_) != to && out_.empty())", CORE, REFUSED),
    mutant("difference-with-its-value", "relay/authority/core/document_signatures.cpp", 'line.substr(0, line.find_first_of(" \\n"))',
           "line.substr(0, line.find('\\n'))", CORE, "document signatures: the first line in which two texts differ is named, not quoted"),
    mutant("outvoted-without-a-word", "relay/authority/core/document_signatures.cpp", "        misfits_ = true;\n", "", CORE,
           "driver: an authority that adds an optional line of its own hinders no document"),
    mutant("diff-keeps-beyond-the-end", DIFF, "if (number > left) fields_.fail(\"beyond the end\");", "if (number > left) return 0;", CORE, REFUSED),
    mutant("diff-result-without-bound", DIFF, "if (out_.size() + begin.size() + end.size() + 1 > document_text_max)",
           "if (out_.size() + begin.size() + end.size() + 1 > 2 * document_text_max)", CORE, BOUND),
    mutant("gunzip-without-bound", GZIP, "if (!whole || text.size() > size_max) return std::nullopt;", "if (!whole && text.size() <= size_max) return std::nullopt;",
           CORE, BOMB),
    mutant("gunzip-takes-what-follows", GZIP, "result == Z_STREAM_END && stream.avail_in == 0;", "result == Z_STREAM_END;", CORE, BOMB),
    mutant("unzstd-without-bound", ZSTD, " || text.size() > size_max) return std::nullopt;", ") return std::nullopt;", UNIT,
           "zstd: texts of all sizes come back, and equal ones give equal bytes"),
    mutant("unzstd-takes-what-follows", ZSTD, " || in.pos != in.size || ", " || ", UNIT, ZSTD_BOMB),
    mutant("unzstd-takes-what-is-cut", ZSTD, "if (left != 0 || in.pos != in.size", "if (in.pos != in.size", UNIT, ZSTD_BOMB),
    mutant("unzstd-with-any-window", ZSTD, "ZSTD_d_windowLogMax, window_log_max", "ZSTD_d_windowLogMax, window_log_max + 4", UNIT, WINDOW),
    mutant("unzstd-of-other-formats", ZSTD, "if (!packed.starts_with(magic)) return std::nullopt;", "static_cast<void>(magic);", UNIT, ONE_FRAME),
    mutant("codings-with-weight-zero", NEGOTIATION, "if (gzip == 0 && zstd == 0) return Coding::none;", "", UNIT,
           "https: a compressed answer goes to a client that names its coding"),
    mutant("zstd-against-the-weights", NEGOTIATION, "return zstd >= gzip ?", "return zstd > 0 ?", UNIT, WEIGHTS),
    mutant("weights-above-one", NEGOTIATION, "return weight <= full_weight ? weight : 0;", "return weight;", UNIT, WEIGHTS),
    mutant("etags-by-strong-comparison", NEGOTIATION, "opaque(one) == opaque(etag)", "opaque(one) == etag", UNIT,
           "https: a tag that a client knows is found in its list"),
    mutant("encoding-that-was-not-asked-for", "sphinx/node/https/client.cpp", "asked >= Coding::gzip && coding", "coding", SYSTEM, RESTORED),
    mutant("zstd-that-was-not-asked-for", "sphinx/node/https/client.cpp", "asked >= Coding::zstd && coding", "coding", SYSTEM, RESTORED),
    mutant("old-epochs-are-compressed", PAGES, "if (!is_among_the_newest(archive, epoch)) {",
           "if (!is_among_the_newest(archive, epoch) && epoch.value == 0) {", UNIT, SERVED),
    mutant("diff-from-two-epochs-before", PAGES, "archive.document({epoch.value - 1})", "archive.document({epoch.value - 2})", UNIT, SERVED),
    mutant("newest-without-last-modified", "relay/authority/answers.cpp",
           "answer.last_modified = directory::epoch_start(epoch, epoch_length) - epoch_length;", "static_cast<void>(epoch_length), static_cast<void>(epoch);",
           UNIT, SERVED),
    mutant("bytes-beyond-ascii-in-a-descriptor", "sphinx/directory/fields.cpp",
           'if (byte >= 0x80) return "a character outside ASCII";', "", CORE,
           "descriptor, faults 39: a relay's own signature makes no bad descriptor good"),
    mutant("relay-asks-for-no-diff", CONTACT, "if (held && held->epoch.next() == epoch) {", "if (held && held->epoch == epoch) {", SYSTEM, AS_DIFF),
    mutant("no-document-after-a-bad-diff", CONTACT, "co_return *std::move(text);\n", "co_return *std::move(text);\n        co_return std::string{};\n",
           SYSTEM, AS_DIFF),
]
