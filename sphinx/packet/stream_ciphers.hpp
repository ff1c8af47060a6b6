// AES-128-CTR and ChaCha20 with their counters at zero, through OpenSSL contexts that live as long
// as the thread: making a context costs more than what we do with it. Internal to sphinx/packet.
#pragma once

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/packet/geometry.hpp"

namespace nightjar::packet {

/// The thread's two ciphers. Whoever is done with its packets lets the object go; the last keys are
/// then overwritten in the contexts. Throws std::bad_alloc if OpenSSL cannot make a context.
class StreamCiphers {
 public:
    StreamCiphers();
    ~StreamCiphers();
    StreamCiphers(const StreamCiphers&) = delete;
    StreamCiphers& operator=(const StreamCiphers&) = delete;

    /// data ^= AES-128-CTR keystream, in place.
    void aes_ctr(const base::Secret<key_size>& key, base::ByteSpan data);
    /// data ^= ChaCha20 keystream, in place.
    void chacha20(const base::Secret<32>& key, base::ByteSpan data);

 private:
    struct Contexts;
    static Contexts& of_this_thread();

    Contexts& contexts_;
};

}  // namespace nightjar::packet
