"""Mutants of the authority and of what relays send to it: descriptors, their proofs, and the service."""
from mutant_list import CORE, SYSTEM, mutant

POSSESSION = "sphinx/directory/possession.cpp"
DESCRIPTOR = "sphinx/directory/descriptor.cpp"
HTTPS = "sphinx/node/https/server.cpp"
PINNED = "sphinx/node/https/pinned_tls.cpp"
BOUNDS = "https: what breaks a bound is refused before the handler sees it"
PREFIX = "https: a prefix has its rate, and all connections together their number"
HOLDS = "a descriptor proves that its relay holds each key that it names"

MUTANTS = [
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
    mutant("time-of-a-descriptor-is-lost", DESCRIPTOR, 'put_field(text, "made",\n              static_cast<std::uint64_t>(descriptor.made.time_since_epoch() / base::Seconds{1}));',
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
    mutant("https-loser-stays", HTTPS, "tasks_.cancel(found->second);", "static_cast<void>(found->second);", SYSTEM, PREFIX),
    mutant("https-client-without-deadline", "sphinx/node/https/client.cpp", "lowest.expires_after(limits.deadline);",
           "lowest.expires_after(limits.deadline * 1000);", SYSTEM,
           "https, faults 43: a server that hangs, or says too much, fails the request in time"),
]
