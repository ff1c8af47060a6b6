#include "sphinx/node/https/pinned_tls.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sodium.h>

#include "sphinx/node/link/self_signed.hpp"

namespace nightjar::node::https {

namespace {

namespace ssl = boost::asio::ssl;
using link::require_openssl;

// A certificate of ours has about 200 bytes, and a peer may send only one.
constexpr long certificate_list_size_max = 2048;

ssl::context new_context(ssl::context::method method) {
    ssl::context context{method};
    auto* native = context.native_handle();
    bool ok = SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION) == 1;
    ok = ok && SSL_CTX_set_num_tickets(native, 0) == 1;
    ok = ok && SSL_CTX_set_max_early_data(native, 0) == 1;
    // A handshake with ffdhe8192, which OpenSSL offers too, costs a server 0.1 s.
    ok = ok && SSL_CTX_set1_groups_list(native, "X25519") == 1;
    require_openssl(ok, "our choice of TLS 1.3");
    SSL_CTX_set_options(native, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_max_cert_list(native, certificate_list_size_max);
    return context;
}

std::optional<base::LinkKey> key_of(X509* certificate) {
    EVP_PKEY* key = certificate == nullptr ? nullptr : X509_get0_pubkey(certificate);
    base::LinkKey shown;
    std::size_t length = shown.bytes.size();
    if (key == nullptr || EVP_PKEY_is_a(key, "ED25519") != 1 ||
        EVP_PKEY_get_raw_public_key(key, shown.bytes.data(), &length) != 1 ||
        length != shown.bytes.size())
        return std::nullopt;
    return shown;
}

int said(X509_STORE_CTX* store, bool ok) {
    X509_STORE_CTX_set_error(store, ok ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
    return ok ? 1 : 0;
}

// Both replace OpenSSL's chain building. TLS's CertificateVerify proves that the other end holds
// the key.
int verify_server(X509_STORE_CTX* store, void* pinned) {
    const auto& wanted = *static_cast<const base::LinkKey*>(pinned);
    const auto shown = key_of(X509_STORE_CTX_get0_cert(store));
    return said(store, shown && sodium_memcmp(shown->bytes.data(), wanted.bytes.data(),
                                              wanted.bytes.size()) == 0);
}
int verify_client(X509_STORE_CTX* store, void*) {
    return said(store, key_of(X509_STORE_CTX_get0_cert(store)).has_value());
}

void use_key(SSL_CTX* native, const base::Secret<32>& ed25519_seed) {
    const auto key = link::ed25519_key(ed25519_seed);
    const auto certificate = link::self_signed(key.get());
    require_openssl(SSL_CTX_use_certificate(native, certificate.get()) == 1 &&
                        SSL_CTX_use_PrivateKey(native, key.get()) == 1,
                    "our certificate");
}

}  // namespace

ssl::context server_context(const base::Secret<32>& ed25519_seed, bool asks_for_keys) {
    auto context = new_context(ssl::context::tls_server);
    auto* native = context.native_handle();
    use_key(native, ed25519_seed);
    if (!asks_for_keys) return context;
    // A client without a certificate is served too.
    require_openssl(SSL_CTX_set1_client_sigalgs_list(native, "ed25519") == 1,
                    "clients' signatures by Ed25519");
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(native, verify_client, nullptr);
    return context;
}

std::optional<base::LinkKey> proven_key(SSL* session) {
    return key_of(SSL_get0_peer_certificate(session));
}

PinnedContext::PinnedContext(const base::LinkKey& key, const base::Secret<32>* own)
    : key_{std::make_unique<const base::LinkKey>(key)},
      context_{new_context(ssl::context::tls_client)} {
    auto* native = context_.native_handle();
    require_openssl(SSL_CTX_set1_sigalgs_list(native, "ed25519") == 1, "signatures by Ed25519");
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(native, verify_server, const_cast<base::LinkKey*>(key_.get()));
    if (own != nullptr) use_key(native, *own);
}

}  // namespace nightjar::node::https
