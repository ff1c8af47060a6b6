// The certificate that carries an Ed25519 key through TLS. It says nothing else: no name, date or
// serial number that could reveal anything. Its peer knows the key from elsewhere.
#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "sphinx/base/secret.hpp"

namespace nightjar::node::link {

template <auto Free>
struct OpensslFree {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using EvpKey = std::unique_ptr<EVP_PKEY, OpensslFree<&EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, OpensslFree<&X509_free>>;

/// Throws std::runtime_error("OpenSSL refuses WHAT") unless `ok`.
void require_openssl(bool ok, const char* what);

/// Both throw std::runtime_error if OpenSSL fails.
EvpKey ed25519_key(const base::Secret<32>& seed);
Certificate self_signed(EVP_PKEY* key);

}  // namespace nightjar::node::link
