"""Mutants of the authority and of what relays send to it: descriptors, their proofs, and the service."""
from mutant_list import CORE, mutant

POSSESSION = "sphinx/directory/possession.cpp"
DESCRIPTOR = "sphinx/directory/descriptor.cpp"
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
]
