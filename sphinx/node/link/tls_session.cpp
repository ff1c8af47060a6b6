#include "sphinx/node/link/tls_session.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

#include "sphinx/node/link/tls_context.hpp"

namespace nightjar::node::link {

namespace {

constexpr base::Seconds key_update_window{60};

// The length field of a record header.
std::size_t record_length(base::ByteView header) {
    return (std::size_t{header[3]} << 8) | header[4];
}

}  // namespace

struct TlsSession::Impl final : PeerVerifier {
    base::LinkKey own;
    std::optional<base::LinkKey> pinned;
    base::LinkKey peer;
    base::ByteView input;  // fed, not yet consumed by OpenSSL
    base::Bytes output;

    bool established = false;
    std::optional<LinkError> fault;  // set by on_message(); OpenSSL then gets no more input
    std::uint32_t key_updates_max = 0;
    std::uint32_t key_updates = 0;
    base::Mono window_start;
    base::Mono now;
    Ssl ssl;  // last member: destroyed first, since it points to the others

    bool accepts(const base::LinkKey& key) override {
        // A peer that presents our own certificate proves nothing.
        if (base::equal_constant_time(key.bytes, own.bytes)) return false;
        if (pinned && !base::equal_constant_time(key.bytes, pinned->bytes)) return false;
        peer = key;
        return true;
    }

    void on_message(bool sent, int content_type, base::ByteView bytes) override {
        if (sent || !established || fault) return;
        if (content_type == SSL3_RT_HEADER && bytes.size() == record_header) {
            // Checked before the body is read: tickets, certificate requests, and empty or padded
            // records are rejected here without being parsed.
            const std::size_t length = record_length(bytes);
            if (length != cell_record && length != key_update_record && length != alert_record)
                fault = LinkError::bad_cell;
        } else if (content_type == SSL3_RT_HANDSHAKE && !bytes.empty()) {
            // A handshake message padded to the length of a cell looks like one until it is
            // decrypted.
            if (bytes[0] != SSL3_MT_KEY_UPDATE) {
                fault = LinkError::bad_cell;
                return;
            }
            if (now - window_start >= key_update_window) {
                window_start = now;
                key_updates = 0;
            }
            if (++key_updates > key_updates_max) fault = LinkError::abuse;
        }
    }
};

namespace {

using Session = TlsSession::Impl;

// One BIO in place of a pair of memory BIOs, without copies of its own: OpenSSL reads the fed bytes
// and appends to the output.
int bio_read(BIO* bio, char* out, std::size_t size, std::size_t* taken) {
    auto* session = static_cast<Session*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    *taken = 0;
    if (session->fault) return 0;
    if (session->input.empty()) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *taken = std::min(size, session->input.size());
    std::memcpy(out, session->input.data(), *taken);
    session->input = session->input.subspan(*taken);
    return 1;
}

int bio_write(BIO* bio, const char* bytes, std::size_t size, std::size_t* written) {
    auto* session = static_cast<Session*>(BIO_get_data(bio));
    const auto* first = reinterpret_cast<const std::uint8_t*>(bytes);
    session->output.insert(session->output.end(), first, first + size);
    *written = size;
    return 1;
}

long bio_ctrl(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int bio_create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD* bio_method() {
    struct Free {
        void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
    };
    static const std::unique_ptr<BIO_METHOD, Free> method = [] {
        std::unique_ptr<BIO_METHOD, Free> made{
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "nightjar link")};
        if (!made || BIO_meth_set_read_ex(made.get(), bio_read) != 1 ||
            BIO_meth_set_write_ex(made.get(), bio_write) != 1 ||
            BIO_meth_set_ctrl(made.get(), bio_ctrl) != 1 ||
            BIO_meth_set_create(made.get(), bio_create) != 1)
            throw std::bad_alloc{};
        return made;
    }();
    return method.get();
}

}  // namespace

TlsSession::TlsSession(TlsIdentity& identity, std::optional<base::LinkKey> pinned,
                       std::uint32_t key_updates_per_minute)
    : impl_{std::make_unique<Impl>()} {
    const bool dials = pinned.has_value();
    impl_->own = identity.key();
    impl_->pinned = pinned;
    impl_->key_updates_max = key_updates_per_minute;
    impl_->ssl.reset(
        SSL_new(dials ? identity.impl().dialing.get() : identity.impl().answering.get()));
    BIO* bio = impl_->ssl ? BIO_new(bio_method()) : nullptr;
    if (bio == nullptr) throw std::bad_alloc{};
    BIO_set_data(bio, impl_.get());
    SSL_set_bio(impl_->ssl.get(), bio, bio);  // takes our only reference
    set_verifier(impl_->ssl.get(), impl_.get());
    if (dials)
        SSL_set_connect_state(impl_->ssl.get());
    else
        SSL_set_accept_state(impl_->ssl.get());
}

TlsSession::~TlsSession() = default;

void TlsSession::feed(base::ByteView bytes) {
    assert(impl_->input.empty());
    impl_->input = bytes;
}

base::Result<bool, LinkError> TlsSession::handshake() {
    assert(!impl_->established);
    ERR_clear_error();
    const int result = SSL_do_handshake(impl_->ssl.get());
    if (result == 1) {
        assert(SSL_version(impl_->ssl.get()) == TLS1_3_VERSION);
        assert(!SSL_session_reused(impl_->ssl.get()));
        impl_->established = true;
        return true;
    }
    if (SSL_get_error(impl_->ssl.get(), result) == SSL_ERROR_WANT_READ) return false;
    ERR_clear_error();
    return base::Fail{LinkError::handshake};
}

base::Result<cell::CellBox, LinkError> TlsSession::next_cell(base::Mono now) {
    assert(impl_->established);
    impl_->now = now;
    // One byte more than a cell, so that a longer record is detected. OpenSSL never joins two
    // records in one read.
    base::ByteArray<cell::cell_size + 1> plain;
    ERR_clear_error();
    const int size = SSL_read(impl_->ssl.get(), plain.data(), static_cast<int>(plain.size()));
    if (impl_->fault) {
        ERR_clear_error();
        return base::Fail{*impl_->fault};
    }
    if (size > 0) {
        if (SSL_pending(impl_->ssl.get()) != 0) return base::Fail{LinkError::bad_cell};
        auto box = cell::Cell::parse_boxed({plain.data(), static_cast<std::size_t>(size)});
        if (!box) return base::Fail{LinkError::bad_cell};
        return box;
    }
    const int error = SSL_get_error(impl_->ssl.get(), size);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ) return cell::CellBox{};
    return base::Fail{error == SSL_ERROR_ZERO_RETURN ? LinkError::closed : LinkError::bad_cell};
}

bool TlsSession::write_cell(const cell::Cell& cell) {
    assert(impl_->established);
    const base::ByteView bytes = cell.bytes();
    ERR_clear_error();
    const int size = SSL_write(impl_->ssl.get(), bytes.data(), static_cast<int>(bytes.size()));
    return size == static_cast<int>(bytes.size());
}

bool TlsSession::update_key() {
    assert(impl_->established);
    ERR_clear_error();
    return SSL_key_update(impl_->ssl.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
           SSL_do_handshake(impl_->ssl.get()) == 1;
}

bool TlsSession::write_close() {
    ERR_clear_error();
    const bool ok = SSL_shutdown(impl_->ssl.get()) >= 0;
    ERR_clear_error();
    return ok;
}

base::Bytes& TlsSession::output() {
    return impl_->output;
}

const base::LinkKey& TlsSession::peer_key() const {
    return impl_->peer;
}

bool TlsSession::post_quantum() const {
    // Our contexts allow these two groups only, and OpenSSL has no name of its own for the hybrid.
    const auto group = SSL_get_negotiated_group(impl_->ssl.get());
    return impl_->established && group != NID_X25519;
}

}  // namespace nightjar::node::link
