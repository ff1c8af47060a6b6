"""Mutants of the authority and of what relays send to it: descriptors, their proofs, and the service."""
from mutant_list import CORE, SYSTEM, UNIT, mutant

POSSESSION = "sphinx/directory/possession.cpp"
DESCRIPTOR = "sphinx/directory/descriptor.cpp"
REGISTRY = "relay/authority/registry.cpp"
AUTHORITY = "relay/authority/authority.cpp"
LATER = "registry, faults 39: of two descriptors with one key the later is refused, by name"
LEFT_OUT = "registry, faults 42: a relay that breaks the document is left out by name, no other"
RESTART = "authority: a restart goes on, and never signs an epoch twice"
SILENT = "authority: one relay that is silent delays a document by half a minute, and is not in it"
PLAN = "relay/operation/authority_plan.cpp"
CONTACT = "relay/operation/authority_contact.cpp"
IN_TIME = "authority plan: each epoch has one descriptor and one document, each in its time"
TRUSTED = "authority contact, faults 37: a document that is not to be trusted is not kept"
HTTPS = "sphinx/node/https/server.cpp"
PINNED = "sphinx/node/https/pinned_tls.cpp"
BOUNDS = "https: what breaks a bound is refused before the handler sees it"
PREFIX = "https: a prefix has its rate, and all connections together their number"
HOLDS = "a descriptor proves that its relay holds each key that it names"

MUTANTS = [
    mutant("every-descriptor-delays-the-document", "relay/authority/authority.cpp",
           "if (taken->first && registry_.lists(taken->identity))", "if (registry_.lists(taken->identity))", UNIT,
           "authority: a relay that sends one descriptor after the other delays no document"),
    # --- sphinx/directory/possession, descriptor ---
    mutant("mix-proof-of-any-point", POSSESSION, "return mapped == key && verifies(with_line(mix_line, text), {point, signature});",
           "return (mapped == key || true) && verifies(with_line(mix_line, text), {point, signature});", CORE,
           "a signature by the point itself is no proof of another mix key"),
    mutant("mix-proof-of-any-text", POSSESSION, "verifies(with_line(mix_line, text), {point, signature});",
           "(verifies(with_line(mix_line, text), {point, signature}) || true);", CORE,
           "the holder of an X25519 key can prove that it is, for one text"),
    mutant("link-key-needs-no-proof", DESCRIPTOR, "if (!proves_link_key(proven, relay.link_key, proofs.link))",
           "if (!proves_link_key(proven, relay.link_key, proofs.link) && false)", CORE, HOLDS),
    mutant("next-mix-key-needs-no-proof", DESCRIPTOR, "!proves_mix_key(proven, relay.next_mix_key, proofs.next_mix))",
           "(!proves_mix_key(proven, relay.next_mix_key, proofs.next_mix) && false))", CORE, HOLDS),
    mutant("time-of-a-descriptor-is-lost", DESCRIPTOR, 'put_field(text, "made", base::unix_seconds(descriptor.made));',
           'put_field(text, "made", std::uint64_t{0 * descriptor.epoch.value});', CORE,
           "a descriptor says what its relay is, signed by the relay"),
    # --- sphinx/node/https ---
    mutant("any-key-is-the-pinned-one", PINNED, "return ok ? 1 : 0;", "return ok || true ? 1 : 0;", SYSTEM,
           "https: a server with another key gets no request"),
    mutant("https-header-without-bound", HTTPS, "parser.header_limit(static_cast<std::uint32_t>(limits_.header_max));",
           "parser.header_limit(static_cast<std::uint32_t>(limits_.body_max));", SYSTEM, BOUNDS),
    mutant("https-body-without-bound", HTTPS, "parser.body_limit(limits_.body_max);", "parser.body_limit(boost::none);",
           SYSTEM, BOUNDS),
    mutant("https-request-without-deadline", HTTPS, "lowest.expires_after(limits_.request_time);",
           "lowest.expires_after(limits_.request_time * 100);", SYSTEM,
           "https, faults 43: a peer that hangs or drips has its time and no more"),
    mutant("https-without-rates", HTTPS, "if (!rates_.take(from, std::chrono::steady_clock::now())) return;", "",
           SYSTEM, PREFIX),
    mutant("https-loser-stays", HTTPS, "tasks_.cancel(*found->second.task);", "static_cast<void>(found->second);", SYSTEM, PREFIX),
    mutant("https-client-without-deadline", "sphinx/node/https/client.cpp", "lowest.expires_after(limits.deadline);",
           "lowest.expires_after(limits.deadline * 1000);", SYSTEM,
           "https, faults 43: a server that hangs, or says too much, fails the request in time"),
    # --- relay/authority: the registry, and when it signs ---
    mutant("unlisted-relay-is-taken", REGISTRY, "if (auto refusal = stranger_refusal(*parsed, from)) return base::Fail{*std::move(refusal)};",
           "if (auto refusal = stranger_refusal(*parsed, from)) refused_.clear();", UNIT,
           "registry: an unlisted relay is refused, and a line says how to list it"),
    mutant("later-copy-of-a-link-key-is-taken", REGISTRY, "if (a.link_key == b.link_key)", "if (a.link_key == b.link_key && a.name.empty())",
           UNIT, LATER),
    mutant("later-copy-of-a-mix-key-is-taken", REGISTRY, "a.mix_key == b.next_mix_key || a.next_mix_key == b.mix_key ||", "",
           UNIT, LATER),
    mutant("older-descriptor-replaces", REGISTRY, "mine->second.made > descriptor.made)",
           "mine->second.made > descriptor.made && relay.name.empty())", UNIT,
           "registry: the descriptor that was made last counts, in whatever order they come"),
    mutant("descriptor-after-its-document", REGISTRY, "if (signed_epochs.contains(epoch))",
           "if (signed_epochs.contains(epoch) && text.empty())", UNIT,
           "registry: a descriptor is for this epoch or the next, and not for a signed one"),
    mutant("two-positions-end-the-document", REGISTRY, "!pairs.empty()) {", "!pairs.empty() && addresses.empty()) {", UNIT,
           LEFT_OUT),
    mutant("expelled-relay-stays", REGISTRY, "return !lists(entry.first) && (!open_.open() || expelled_.contains(entry.first));",
           "return !lists(entry.first) && expelled_.contains(entry.first);", UNIT,
           "registry: an expelled relay's descriptor counts no more"),
    mutant("signed-as-soon-as-complete", AUTHORITY,
           "if (now < directory::epoch_start(epoch, length()) - base::Milliseconds{length()} / 2)",
           "if (now < directory::epoch_start(epoch, length()) - base::Milliseconds{length()})", UNIT,
           "authority: each epoch's document is signed half an epoch ahead, for as long as it runs"),
    mutant("a-silent-relay-holds-the-document", AUTHORITY, "changed->second) + settle_time();",
           "changed->second) + settle_time() * 1000;", UNIT, SILENT),
    mutant("signed-documents-forgotten-at-restart", "relay/authority/archive.cpp",
           "if (const auto epoch = epoch_of(entry.path().filename())) signed_.insert(*epoch);",
           "if (const auto epoch = epoch_of(entry.path().filename()); epoch && folder_.empty()) signed_.insert(*epoch);",
           UNIT, RESTART),
    mutant("next-document-before-its-time", "relay/authority/answers.cpp", "auto last = epochs.upper_bound(current);",
           "auto last = epochs.upper_bound(current.next());", UNIT,
           "authority: each epoch's document is signed half an epoch ahead, for as long as it runs"),
    mutant("unsignable-network-examined-each-second", AUTHORITY, "refused->second == registry_.changes())",
           "refused->second == registry_.changes() && drafts_ == 0)", UNIT,
           "authority: without a whole network nothing is signed, until it is whole"),
    # --- relay/operation: what a relay asks, and when ---
    mutant("refused-relay-fetches-nothing", PLAN, "fetch && std::exchange(send_failed_, false);",
           "false && std::exchange(send_failed_, false);", UNIT,
           "authority plan: a relay whose descriptor is refused still fetches each document"),
    mutant("relays-send-at-one-moment", PLAN, "send_from_ = in_turn ? begin + drawn(length / 8) : begin;",
           "send_from_ = in_turn ? begin + drawn(length / 8) * 0 : begin;", UNIT,
           "authority plan: relays do not come at one moment"),
    mutant("next-document-is-asked-for-too-early", PLAN, "fetch_from_ = begin + length / 2 + drawn(length / 8);",
           "fetch_from_ = begin + length / 4 + drawn(length / 8);", UNIT, IN_TIME),
    mutant("failed-request-without-pause", PLAN, "pause_until_ = now + pause / 2 + drawn(pause);",
           "pause_until_ = now + drawn(pause) / 100;", UNIT,
           "authority plan, faults 43: an authority that is away is asked three times a minute, then all is made up"),
    mutant("untrusted-document-is-kept", CONTACT, "if (!directory::check(*parsed, anchors, when, {})) return std::nullopt;",
           "if (!directory::check(*parsed, anchors, when, {}) && text.empty()) return std::nullopt;", SYSTEM, TRUSTED),
    mutant("document-of-another-epoch-is-kept", CONTACT, "if (!document || document->epoch != epoch) {", "if (!document) {",
           SYSTEM, TRUSTED),
    mutant("early-document-replaces", CONTACT, "const bool early = document->valid_from > now;",
           "const bool early = document->valid_from > now + options_.epoch_length;", SYSTEM,
           "authority contact: both descriptors are sent, and the documents become files"),
    mutant("answer-shown-as-it-is", CONTACT, "return c < ' ' || c > '~';", "return c == '~' && false;", SYSTEM,
           "authority contact: what the authority says is shown as one printable line"),
    mutant("descriptor-of-the-epoch-before", "relay/authority/description.cpp", "if (later.epoch == epoch) return later;",
           "if (later.epoch == epoch) return descriptor;", "tests/unit/unit_tests",
           "descriptors that were fetched before the epochs changed give the new epoch's document"),
]
