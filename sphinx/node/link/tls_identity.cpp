#include "sphinx/node/link/tls_identity.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "sphinx/cell/cell.hpp"
#include "sphinx/node/link/tls_context.hpp"

namespace nightjar::node::link {

namespace {

// Our certificates have about 200 bytes, and a peer may send only one.
constexpr long certificate_list_size_max = 2048;

int verifier_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

PeerVerifier* verifier_of(const SSL* ssl) {
    return static_cast<PeerVerifier*>(SSL_get_ex_data(ssl, verifier_index()));
}

// Replaces OpenSSL's chain building. TLS's CertificateVerify proves that the peer holds the private
// key, and no callback can switch that off.
int verify_peer(X509_STORE_CTX* store, void*) {
    auto* ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    PeerVerifier* verifier = verifier_of(ssl);
    X509* certificate = X509_STORE_CTX_get0_cert(store);
    EVP_PKEY* key = certificate == nullptr ? nullptr : X509_get0_pubkey(certificate);
    base::LinkKey peer;
    std::size_t length = peer.bytes.size();
    const bool ok = verifier != nullptr && key != nullptr && EVP_PKEY_is_a(key, "ED25519") == 1 &&
                    EVP_PKEY_get_raw_public_key(key, peer.bytes.data(), &length) == 1 &&
                    length == peer.bytes.size() && verifier->accepts(peer);
    X509_STORE_CTX_set_error(store, ok ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
    return ok ? 1 : 0;
}

void observe_message(int sent, int, int content_type, const void* bytes, size_t size, SSL* ssl,
                     void*) {
    PeerVerifier* verifier = verifier_of(ssl);
    if (verifier == nullptr) return;
    verifier->on_message(sent == 1, content_type, {static_cast<const std::uint8_t*>(bytes), size});
}

void allow_only_our_tls(SSL_CTX* context) {
    bool ok = SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1;
    ok = ok && SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1;
    // Both suites have tags of 16 bytes, so the record length of a cell does not depend on the
    // suite.
    ok = ok && SSL_CTX_set_ciphersuites(context,
                                        "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1;
    // Hybrid post-quantum key exchange if the installed OpenSSL supports it (3.5 and later).
    // OpenSSL rejects a whole list if it contains an unknown group.
    ok = ok && (SSL_CTX_set1_groups_list(context, "X25519MLKEM768:X25519") == 1 ||
                SSL_CTX_set1_groups_list(context, "X25519") == 1);
    ok = ok && SSL_CTX_set1_sigalgs_list(context, "ed25519") == 1;
    ok = ok && SSL_CTX_set1_client_sigalgs_list(context, "ed25519") == 1;
    require_openssl(ok, "our choice of TLS 1.3");
    ERR_clear_error();

    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    require_openssl(SSL_CTX_set_num_tickets(context, 0) == 1, "to do without tickets");
    require_openssl(SSL_CTX_set_max_early_data(context, 0) == 1, "to do without early data");
    require_openssl(SSL_CTX_set_recv_max_early_data(context, 0) == 1, "to do without early data");

    // One record per cell: SSL_write never splits a cell, and every write is complete.
    require_openssl(SSL_CTX_set_max_send_fragment(context, cell::cell_size) == 1,
                    "records of a cell");
    SSL_CTX_clear_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 0);

    SSL_CTX_set_max_cert_list(context, certificate_list_size_max);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_cert_verify_callback(context, verify_peer, nullptr);
    SSL_CTX_set_msg_callback(context, observe_message);
}

SslContext make_context(const SSL_METHOD* method, X509* certificate, EVP_PKEY* key) {
    SslContext context{SSL_CTX_new(method)};
    require_openssl(context != nullptr, "a context");
    allow_only_our_tls(context.get());
    require_openssl(SSL_CTX_use_certificate(context.get(), certificate) == 1 &&
                        SSL_CTX_use_PrivateKey(context.get(), key) == 1 &&
                        SSL_CTX_check_private_key(context.get()) == 1,
                    "our certificate");
    return context;
}

}  // namespace

void set_verifier(SSL* ssl, PeerVerifier* verifier) {
    require_openssl(SSL_set_ex_data(ssl, verifier_index(), verifier) == 1, "application data");
}

TlsIdentity::TlsIdentity(const base::Secret<32>& ed25519_seed) : impl_{std::make_unique<Impl>()} {
    const auto key = ed25519_key(ed25519_seed);
    std::size_t length = impl_->key.bytes.size();
    require_openssl(EVP_PKEY_get_raw_public_key(key.get(), impl_->key.bytes.data(), &length) == 1,
                    "our Ed25519 public key");
    const Certificate certificate = self_signed(key.get());
    impl_->dialing = make_context(TLS_client_method(), certificate.get(), key.get());
    impl_->answering = make_context(TLS_server_method(), certificate.get(), key.get());
}

TlsIdentity::~TlsIdentity() = default;

const base::LinkKey& TlsIdentity::key() const {
    return impl_->key;
}

}  // namespace nightjar::node::link
