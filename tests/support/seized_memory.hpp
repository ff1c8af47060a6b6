// What an adversary looks for in a memory that was seized, where nothing says what stands where.
// For the seizure test only.
#pragma once

#include <set>
#include <vector>

#include "sphinx/base/bytes.hpp"

namespace nightjar::test {

using LinkKey = base::ByteArray<32>;        // of AES-256-GCM
using TrafficSecret = base::ByteArray<48>;  // of TLS 1.3 with SHA-384
using Value = base::ByteArray<16>;

/// The AES-256 keys whose round keys are all in the memory (FIPS 197, section 5.2). They stand in a
/// row that begins at a multiple of 4 bytes. OpenSSL keeps the key of an open link like that.
std::set<LinkKey> expanded_keys(base::ByteView memory);

/// Strings that look random, at multiples of 4 bytes: each may be a traffic secret (RFC 8446,
/// section 7.1), from which the keys of a link follow.
std::vector<TrafficSecret> possible_secrets(base::ByteView memory);

/// Strings of 16 bytes that look random, at multiples of `step` bytes; sorted, each once.
std::vector<Value> random_values(base::ByteView memory, std::size_t step);

/// Which of the values are anywhere in the memory.
std::set<Value> remembered(base::ByteView memory, const std::set<Value>& values);

}  // namespace nightjar::test
