// The other side of a link with blocking sockets and plain OpenSSL, without any of our code, so
// that it can break every rule. Run it in a separate thread while the test runs the I/O loop. Every
// wait ends after a few seconds.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"

namespace nightjar::tests {

/// A connected TCP socket.
class RawTcp {
 public:
    /// `source`: the loopback address to connect from. Throws std::system_error if it cannot
    /// connect.
    explicit RawTcp(const boost::asio::ip::tcp::endpoint& address,
                    const char* source = "127.0.0.1");
    ~RawTcp();
    RawTcp(RawTcp&& other) noexcept;
    RawTcp(const RawTcp&) = delete;

    int descriptor() const { return descriptor_; }
    /// False once the other side has closed.
    bool send(base::ByteView bytes);
    /// The bytes received until the other side closed. Empty optional if it has not within
    /// `patience`.
    std::optional<base::Bytes> until_closed(base::Milliseconds patience);

 private:
    int descriptor_ = -1;
};

/// A TLS session with a ticket that allows early data, as another server could have issued it.
std::shared_ptr<SSL_SESSION> foreign_session();

struct RawTlsOptions {
    int version_max = TLS1_3_VERSION;
    std::optional<std::uint8_t> seed = 9;  // for the Ed25519 certificate; empty: no certificate
    bool elliptic_curve_certificate = false;
    std::shared_ptr<SSL_SESSION> resume = {};
    base::Bytes early_data = {};
    const char* source = "127.0.0.1";
};

/// A TLS client. Each call of SSL_write makes one record.
class RawTls {
 public:
    RawTls(const boost::asio::ip::tcp::endpoint& address, const RawTlsOptions& options = {});
    ~RawTls();

    /// The handshake succeeded from the client's view. (In TLS 1.3 the server may still refuse.)
    bool connected() const { return connected_; }
    bool resumed() const { return SSL_session_reused(ssl_) == 1; }
    bool early_data_accepted() const;
    bool holds_ticket() const;
    bool write(base::ByteView plain);
    bool write(const cell::Cell& cell) { return write(cell.bytes()); }
    bool key_update(int kind = SSL_KEY_UPDATE_NOT_REQUESTED);
    /// Pads all further records to a multiple of `block` bytes.
    void pad(std::size_t block);
    /// The plaintext of the next record. Empty if the link is closed or nothing arrives.
    base::Bytes read();

 private:
    RawTcp tcp_;
    SSL_CTX* context_ = nullptr;
    SSL* ssl_ = nullptr;
    bool connected_ = false;
};

/// The first message of a TLS client that supports no later version than this.
base::Bytes tls_offer(int version_max);

/// A TLS server in memory. Unlike ours it issues tickets.
class RawTlsServer {
 public:
    explicit RawTlsServer(std::uint8_t seed);
    ~RawTlsServer();

    /// Takes a client's bytes, continues the handshake, and returns the answer.
    base::Bytes answer(base::ByteView bytes);
    /// A ticket in a record whose plaintext is padded to `padded` bytes.
    base::Bytes ticket(std::size_t padded);

 private:
    SSL_CTX* context_ = nullptr;
    SSL* ssl_ = nullptr;
};

}  // namespace nightjar::tests
