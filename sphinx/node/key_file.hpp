// Long-lived secrets in files: 32 bytes (an Ed25519 seed or an X25519 scalar) under a first line
// that says what they are, so that two files cannot be swapped unnoticed:
//
//     nightjar identity-key v1
//     <64 lower-case hexadecimal digits>
//
// Every failure is a KeyError (exit 5) of one line: which file, what is wrong, how to mend it. No
// byte of a key is ever in a message.
#pragma once

#include <filesystem>
#include <string_view>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/secret.hpp"

namespace nightjar::node {

enum class KeyKind { identity, link, mix, authority, mailbox };
/// "identity-key" and so on: the word in the file's first line.
std::string_view to_string(KeyKind kind);

/// Creates the file with mode 0600, written through to the disk. Never overwrites one.
void write_key(const std::filesystem::path& file, KeyKind kind, const base::Secret<32>& secret);

/// Reads it, if it is a regular file (not a link to one) of ours that nobody else may read, of
/// exactly this format and kind.
base::Secret<32> read_key(const std::filesystem::path& file, KeyKind kind);

/// A fresh seed from the kernel's generator.
base::Secret<32> new_key();

/// The public half of an Ed25519 seed.
base::ByteArray<32> ed25519_public(const base::Secret<32>& seed);

}  // namespace nightjar::node
