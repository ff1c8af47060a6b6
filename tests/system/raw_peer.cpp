#include "tests/system/raw_peer.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace nightjar::tests {

namespace {

void require(bool ok, const char* what) {
    if (!ok) throw std::runtime_error{what};
}

EVP_PKEY* make_key(const RawTlsOptions& options) {
    if (options.elliptic_curve_certificate) return EVP_EC_gen("P-256");
    std::array<unsigned char, 32> seed;
    seed.fill(*options.seed);
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size());
}

void use_certificate(SSL_CTX* context, EVP_PKEY* key, bool ed25519) {
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 77);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate), -3600);  // expired; no side checks it
    X509_set_pubkey(certificate, key);
    require(X509_sign(certificate, key, ed25519 ? nullptr : EVP_sha256()) > 0, "sign");
    require(SSL_CTX_use_certificate(context, certificate) == 1, "certificate");
    require(SSL_CTX_use_PrivateKey(context, key) == 1, "key");
    X509_free(certificate);
}

// Runs both ends in memory until neither makes progress.
void pump(SSL* client, SSL* server) {
    for (int i = 0; i < 20; ++i) {
        std::array<char, 16> ignored;
        SSL_do_handshake(client);
        SSL_do_handshake(server);
        SSL_read(client, ignored.data(), ignored.size());  // processes the tickets
    }
    ERR_clear_error();
}

}  // namespace

RawTcp::RawTcp(const boost::asio::ip::tcp::endpoint& address, const char* source)
    : descriptor_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    inet_pton(AF_INET, source, &from.sin_addr);
    const timeval patience{5, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (descriptor_ < 0 ||
        ::bind(descriptor_, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0 ||
        ::connect(descriptor_, address.data(), static_cast<socklen_t>(address.size())) != 0)
        throw std::system_error{errno, std::generic_category(), "connect"};
}

RawTcp::~RawTcp() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

RawTcp::RawTcp(RawTcp&& other) noexcept : descriptor_{std::exchange(other.descriptor_, -1)} {}

bool RawTcp::send(base::ByteView bytes) {
    return ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
}

std::optional<base::Bytes> RawTcp::until_closed(base::Milliseconds patience) {
    base::Bytes all;
    const auto end = std::chrono::steady_clock::now() + patience;
    while (true) {
        const auto left =
            std::chrono::duration_cast<base::Milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0) return std::nullopt;
        pollfd waiting{descriptor_, POLLIN, 0};
        if (::poll(&waiting, 1, static_cast<int>(left.count())) == 0) return std::nullopt;
        std::array<std::uint8_t, 4096> chunk;
        const ssize_t size = ::recv(descriptor_, chunk.data(), chunk.size(), 0);
        if (size <= 0) return all;  // closed or reset
        all.insert(all.end(), chunk.begin(), chunk.begin() + size);
    }
}

std::shared_ptr<SSL_SESSION> foreign_session() {
    SSL_CTX* serving = SSL_CTX_new(TLS_server_method());
    SSL_CTX* dialing = SSL_CTX_new(TLS_client_method());
    const RawTlsOptions options;
    EVP_PKEY* key = make_key(options);
    use_certificate(serving, key, true);
    EVP_PKEY_free(key);
    SSL_CTX_set_max_early_data(serving, 16384);
    // The cipher suite of our links: a session with another hash would not be offered at all.
    SSL_CTX_set_ciphersuites(dialing, "TLS_AES_256_GCM_SHA384");
    SSL* server = SSL_new(serving);
    SSL* client = SSL_new(dialing);
    BIO* one = nullptr;
    BIO* other = nullptr;
    BIO_new_bio_pair(&one, 65536, &other, 65536);
    SSL_set_bio(server, one, one);
    SSL_set_bio(client, other, other);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    pump(client, server);
    SSL_SESSION* session = SSL_get1_session(client);
    const bool good = session != nullptr && SSL_SESSION_is_resumable(session) == 1 &&
                      SSL_SESSION_get_max_early_data(session) == 16384;
    SSL_shutdown(client);  // without an orderly close the session would not be resumable
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(serving);
    SSL_CTX_free(dialing);
    require(good, "no session to offer");
    return {session, SSL_SESSION_free};
}

RawTls::RawTls(const boost::asio::ip::tcp::endpoint& address, const RawTlsOptions& options)
    : tcp_{address, options.source}, context_{SSL_CTX_new(TLS_client_method())} {
    SSL_CTX_set_max_proto_version(context_, options.version_max);
    if (options.seed || options.elliptic_curve_certificate) {
        EVP_PKEY* key = make_key(options);
        use_certificate(context_, key, !options.elliptic_curve_certificate);
        EVP_PKEY_free(key);
    }
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, tcp_.descriptor());
    if (options.resume)
        require(SSL_SESSION_is_resumable(options.resume.get()) == 1 &&
                    SSL_set_session(ssl_, options.resume.get()) == 1,
                "no session to offer");
    if (!options.early_data.empty()) {
        std::size_t written = 0;
        const int early = SSL_write_early_data(ssl_, options.early_data.data(),
                                               options.early_data.size(), &written);
        require(early == 1 && written == options.early_data.size(), "no early data to offer");
    }
    connected_ = SSL_connect(ssl_) == 1;
    ERR_clear_error();
}

RawTls::~RawTls() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
}

bool RawTls::early_data_accepted() const {
    return SSL_get_early_data_status(ssl_) == SSL_EARLY_DATA_ACCEPTED;
}

bool RawTls::holds_ticket() const {
    const SSL_SESSION* session = SSL_get0_session(ssl_);
    return session != nullptr && SSL_SESSION_is_resumable(session) == 1;
}

bool RawTls::write(base::ByteView plain) {
    const int size = SSL_write(ssl_, plain.data(), static_cast<int>(plain.size()));
    ERR_clear_error();
    return size == static_cast<int>(plain.size());
}

bool RawTls::key_update(int kind) {
    const bool ok = SSL_key_update(ssl_, kind) == 1 && SSL_do_handshake(ssl_) == 1;
    ERR_clear_error();
    return ok;
}

void RawTls::pad(std::size_t block) {
    SSL_set_block_padding(ssl_, block);
}

base::Bytes RawTls::read() {
    base::Bytes plain(16384);
    const int size = SSL_read(ssl_, plain.data(), static_cast<int>(plain.size()));
    ERR_clear_error();
    plain.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return plain;
}

namespace {

/// What waits in the memory that `ssl` writes to.
base::Bytes said_by(SSL* ssl) {
    base::Bytes bytes(BIO_ctrl_pending(SSL_get_wbio(ssl)));
    BIO_read(SSL_get_wbio(ssl), bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
}

}  // namespace

base::Bytes tls_offer(int version_max) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context, version_max);
    SSL* ssl = SSL_new(context);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl);
    SSL_do_handshake(ssl);
    ERR_clear_error();
    auto offer = said_by(ssl);
    SSL_free(ssl);
    SSL_CTX_free(context);
    return offer;
}

RawTlsServer::RawTlsServer(std::uint8_t seed) : context_{SSL_CTX_new(TLS_server_method())} {
    RawTlsOptions options;
    options.seed = seed;
    EVP_PKEY* key = make_key(options);
    use_certificate(context_, key, true);
    EVP_PKEY_free(key);
    SSL_CTX_set_num_tickets(context_, 0);  // ticket() creates them
    ssl_ = SSL_new(context_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl_);
}

RawTlsServer::~RawTlsServer() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
}

base::Bytes RawTlsServer::answer(base::ByteView bytes) {
    BIO_write(SSL_get_rbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
    SSL_do_handshake(ssl_);
    ERR_clear_error();
    return said_by(ssl_);
}

base::Bytes RawTlsServer::ticket(std::size_t padded) {
    SSL_set_block_padding(ssl_, padded);
    require(SSL_new_session_ticket(ssl_) == 1 && SSL_do_handshake(ssl_) == 1, "ticket");
    return said_by(ssl_);
}

}  // namespace nightjar::tests
