// Files with long-lived secrets: 32 bytes (an Ed25519 seed or an X25519 scalar). The first line
// names the kind of key, so that swapped files are detected:
//
//     nightjar identity-key v1
//     <64 lower-case hexadecimal digits>
//
// Every failure throws KeyError (exit code 5) with one line: the file, what is wrong, and how to
// fix it. A message never contains a byte of a key.
#pragma once

#include <filesystem>
#include <string_view>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/secret.hpp"

namespace nightjar::node::files {

enum class KeyKind { identity, link, mix, authority, mailbox, service };
/// The word in the file's first line, such as "identity-key".
std::string_view to_string(KeyKind kind);

/// Creates the file with mode 0600 and flushes it to disk. Never overwrites a file.
void write_key(const std::filesystem::path& file, KeyKind kind, const base::Secret<32>& secret);

/// Reads the key. The file must be a regular file (no symbolic link), owned by this user, not
/// accessible to others, and of exactly this format and kind.
base::Secret<32> read_key(const std::filesystem::path& file, KeyKind kind);

/// A new seed from the kernel's generator.
base::Secret<32> new_key();

/// The Ed25519 public key of a seed.
base::ByteArray<32> ed25519_public(const base::Secret<32>& seed);

}  // namespace nightjar::node::files
