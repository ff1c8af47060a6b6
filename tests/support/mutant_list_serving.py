"""Mutants of what an authority serves: bytes that wait for readers, descriptors, and a change that is announced."""
from mutant_list import CORE, SYSTEM, UNIT, mutant

SERVER = "sphinx/node/https/server.cpp"
ARCHIVE = "relay/authority/archive.cpp"
BUILDS = "relay/operation/network_builds.cpp"
CHANGE = "documents announce a change for a day of epochs, and not before"
UNREAD = "https, faults 43: peers that read nothing hold a bounded number of bytes"
KNOWN = "https: known clients prove their keys, and have bytes of their own"
STALLED = "https, faults 43: an answer that does not move is ended before its time is over"
LISTED = "authority: the descriptors of a document are served to all, and published"
READ = "network builds: many descriptors are read, and the newest of each relay counts"
JUDGED = "network builds: same, other or unknown against a manifest"
NO_ANNOUNCEMENT = "announcement: a line that is none is passed over, because older programs take it"

MUTANTS = [
    # --- slow readers ---
    mutant("open-answers-without-bound", SERVER, "if (answer.kept || size <= small_answer) return true;", "if (answer.kept || size > 0) return true;",
           SYSTEM, UNREAD),
    mutant("kept-answers-count", SERVER, "if (answer.kept || size <= small_answer) return true;", "if (size <= small_answer) return true;",
           SYSTEM, UNREAD),
    mutant("loser-of-bytes-goes-on", SERVER, "if (other == number) return false;\n        if (connection.task) tasks_.cancel(*connection.task);",
           "if (other == number) return true;\n        if (connection.task) tasks_.cancel(*connection.task);", SYSTEM, UNREAD),
    mutant("answers-may-stall", SERVER, "base::Milliseconds{1}, limits.stall_time));", "base::Milliseconds{1}, limits.answer_time));",
           SYSTEM, STALLED),
    mutant("every-key-is-known", SERVER, "if (known && !known_bytes_.contains(*known)) known.reset();", "if (known) known_bytes_[*known] += 0;",
           SYSTEM, KNOWN),
    mutant("known-without-bound", SERVER, "if (open + bytes > limits_.open_bytes_known) return false;", "", SYSTEM, KNOWN),
    mutant("known-share-with-strangers", SERVER, "return connection.known ? take_known(size, connection)", "return connection.known && size == 0 ? take_known(size, connection)",
           SYSTEM, KNOWN),
    mutant("authorities-show-no-key", "relay/authority/peers.cpp", "auto reply = co_await node::https::ask(peer, request, limits, &own_);",
           "auto reply = co_await node::https::ask(peer, request, limits, nullptr);", SYSTEM, "authorities: each proves its key to the others that it asks"),
    mutant("new-pages-are-not-kept", "relay/authority/pages.cpp", "made.kept = true;", "", UNIT,
           "authority: what caches may keep, and requests that it refuses"),
    # --- descriptors ---
    mutant("descriptors-are-not-kept", "relay/authority/authority.cpp", "archive_.keep_listed(draft.document, archive_.descriptors());", "",
           UNIT, LISTED),
    mutant("descriptors-of-relays-that-are-not-listed", ARCHIVE, "if (at != text.npos && has_line(text, begin))", "if (at != text.npos)",
           UNIT, "archive: descriptors of the newest documents are kept, those with other keys are not"),
    mutant("descriptors-for-ever", ARCHIVE, "for (; kept.size() > listed_max; kept.erase(kept.begin()))", "for (; kept.size() > 100; kept.erase(kept.begin()))",
           UNIT, "archive: descriptors of the newest documents are kept, those with other keys are not"),
    mutant("descriptors-with-other-keys", ARCHIVE,
           'has_line(*found->second, "relay.mix-key " + base::to_hex(relay.mix_key.bytes)))', "!relay.mix_key.is_zero())",
           UNIT, "archive: descriptors of the newest documents are kept, those with other keys are not"),
    mutant("older-descriptor-counts", BUILDS, "std::tie(held->epoch, held->made) < std::tie(each.epoch, each.made)",
           "std::tie(held->epoch, held->made) > std::tie(each.epoch, each.made)", UNIT, READ),
    mutant("every-version-is-comparable", BUILDS, "!relay.version.empty() && has_version(*manifest, relay.version);", "true;", UNIT, JUDGED),
    # --- a change that is announced ---
    mutant("change-is-not-announced", "relay/authority/core/builder.cpp", "document.optional = terms_.optional_of(epoch_);",
           "document.optional = terms_.optional;", CORE,
           "driver: parameters that were configured for an epoch come with its document, in no other"),
    mutant("change-is-announced-at-once", "relay/authority/core/builder.cpp", " || change->from.value - epoch.value > announced_epochs)", ")", CORE, CHANGE),
    mutant("introductions-without-the-change", "relay/authority/introduction.cpp", "if (const auto& change = settings.terms.change)",
           "if (const auto& change = settings.terms.change; change && change->from.value == 0)", UNIT,
           "introduction: authorities compare a change of parameters before they begin"),
    mutant("announcement-with-two-texts", "sphinx/directory/announcement.cpp", "if (to_line(read).value != value) return std::nullopt;", "", CORE,
           NO_ANNOUNCEMENT),
    mutant("announcement-without-room", "relay/authority/terms.cpp", "if (const auto fault = fault_of(announced); !fault.empty())",
           "if (const auto fault = fault_of(announced); !fault.empty() && announced.empty())", UNIT,
           "authority.yaml: a change needs room for its announcement, which no operator writes"),
    # --- the clock in the status ---
    mutant("all-authorities-agree", "relay/operation/clock_offset.cpp", "std::chrono::abs(each - opinion.ahead) <= clocks_alike;",
           "std::chrono::abs(each - opinion.ahead) >= base::Milliseconds{0};", UNIT,
           "clock offset: how many authorities agree, and a difference in words"),
    mutant("a-right-clock-is-named", "relay/operation/status.cpp", "if (std::chrono::abs(ahead) <= clocks_alike) return {};", "", UNIT,
           "status: a clock that is off is named, and how many authorities agree"),
]
