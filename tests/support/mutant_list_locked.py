"""Mutants of how secrets are kept in memory: locked, in no dump, and a relay that cannot says so."""
from mutant_list import CORE, PROGRAMS, mutant

LOCKED = "locked: a secret is in pages of its own, read-only, in no dump, and locked if it says so"
RELAY = "tests/system/locked_secrets_test.py"
EACH = "LockedSecrets.test_each_key_is_locked_and_in_no_dump"

MUTANTS = [
    mutant("locked-says-what-it-likes", "sphinx/base/locked.cpp", "    return sodium_mlock(pages, size) == 0;",
           "    sodium_mlock(pages, size);\n    return true;", CORE,
           "locked: where nothing may be locked the secret is there all the same, and says so"),
    mutant("locked-stays-writable", "sphinx/base/locked.hpp", "        sodium_mprotect_readonly(pages);\n", "", CORE, LOCKED),
    mutant("link-key-in-the-common-heap", "sphinx/node/link/self_signed.cpp",
           "EvpKey key{d2i_PrivateKey(EVP_PKEY_ED25519, nullptr, &at, long{encoded.size()})};",
           "EvpKey key{EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, at + head.size(), 32)};", RELAY, EACH, PROGRAMS),
    mutant("key-memory-comes-too-late", "relay/daemon.cpp", "    node::link::lock_key_memory();\n", "", RELAY, EACH, PROGRAMS),
]
