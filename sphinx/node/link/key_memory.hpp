// Where OpenSSL keeps private keys: a heap of its own that is locked in memory, is in no core dump,
// and stands between pages that nothing may touch. It holds the key of each TlsIdentity, and of
// each link the X25519 key that its handshake made. What is freed there is overwritten.
//
// Not there: the keys of TLS records. They are in the common heap, and end with their link.
#pragma once

#include <cstddef>

namespace nightjar::node::link {

/// A link holds one key of this size for as long as it is open.
inline constexpr std::size_t key_size_min = 32;
/// Room for 131,072 keys: more than a gateway's clients (100,000 at most), handshakes and links to
/// relays. A page takes memory when its first key comes. All of it counts for RLIMIT_MEMLOCK.
inline constexpr std::size_t key_memory_size = std::size_t{4} << 20;

/// Makes that heap. Call it before the first TlsIdentity, and before threads; later calls only
/// answer. False if the system does not allow to lock it: then it is there, but may be swapped.
/// Throws std::runtime_error if there is no memory for it.
bool lock_key_memory();

}  // namespace nightjar::node::link
