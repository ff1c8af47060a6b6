// The OpenSSL contexts inside a TlsIdentity: one for each end of a link, and the callback that
// checks the peer's key. The contexts allow TLS 1.3 with Ed25519 only, and no resumption. Internal
// to the links.
#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "sphinx/base/bytes.hpp"
#include "sphinx/node/link/self_signed.hpp"
#include "sphinx/node/link/tls_identity.hpp"

namespace nightjar::node::link {

using SslContext = std::unique_ptr<SSL_CTX, OpensslFree<&SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, OpensslFree<&SSL_free>>;

struct TlsIdentity::Impl {
    base::LinkKey key;
    SslContext dialing;
    SslContext answering;
};

/// OpenSSL's verify callback asks this object, which belongs to the handshake. Only the key of the
/// certificate is examined. The SSL object's application data points to the verifier.
struct PeerVerifier {
    virtual ~PeerVerifier() = default;
    virtual bool accepts(const base::LinkKey& key) = 0;
    /// Called for every record header and handshake message, sent or received
    /// (SSL_CTX_set_msg_callback).
    virtual void on_message(bool sent, int content_type, base::ByteView bytes) = 0;
};
void set_verifier(SSL* ssl, PeerVerifier* verifier);

}  // namespace nightjar::node::link
