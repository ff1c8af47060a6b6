#include "sphinx/node/link/key_memory.hpp"

#include <openssl/crypto.h>

#include "sphinx/node/link/self_signed.hpp"

namespace nightjar::node::link {

bool lock_key_memory() {
    // 0: no memory; 1: locked; 2: not locked.
    static const int made = CRYPTO_secure_malloc_init(key_memory_size, key_size_min);
    require_openssl(made != 0, "memory for private keys");
    return made == 1;
}

}  // namespace nightjar::node::link
