// AES-128-CTR and ChaCha20 with counters that start at zero. The OpenSSL contexts live as long as
// the thread, because creating one costs more than using it. Internal to sphinx/packet.
#pragma once

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/secret.hpp"

namespace nightjar::crypto {

/// The two ciphers of this thread. Destroy the object when the work on its packets is done: the
/// destructor overwrites the last keys in the contexts. The constructor throws std::bad_alloc if
/// OpenSSL cannot create a context.
class StreamCiphers {
 public:
    StreamCiphers();
    ~StreamCiphers();
    StreamCiphers(const StreamCiphers&) = delete;
    StreamCiphers& operator=(const StreamCiphers&) = delete;

    /// data ^= AES-128-CTR keystream, in place.
    void aes_ctr(const base::Secret<16>& key, base::ByteSpan data);
    /// data ^= ChaCha20 keystream, in place.
    void chacha20(const base::Secret<32>& key, base::ByteSpan data);

 private:
    struct Contexts;
    static Contexts& of_this_thread();

    Contexts& contexts_;
};

}  // namespace nightjar::crypto
