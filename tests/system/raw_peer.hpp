// The other side of a link, played by hand: blocking sockets and OpenSSL with nothing of ours in
// between, so that it can do what our own code never does. Meant for a thread of its own while the
// test turns the I/O thread; every wait ends after a few seconds.
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
    /// `source`: the loopback address to come from. Throws std::system_error if it cannot connect.
    explicit RawTcp(const boost::asio::ip::tcp::endpoint& address,
                    const char* source = "127.0.0.1");
    ~RawTcp();
    RawTcp(RawTcp&& other) noexcept;
    RawTcp(const RawTcp&) = delete;

    int descriptor() const { return descriptor_; }
    /// False once the other side has closed.
    bool send(base::ByteView bytes);
    /// What came until the other side closed, or nothing if it has not within `patience`.
    std::optional<base::Bytes> until_closed(base::Milliseconds patience);

 private:
    int descriptor_ = -1;
};

/// A session (with a ticket, and early data allowed) as a server with tickets would have given it.
std::shared_ptr<SSL_SESSION> foreign_session();

struct RawTlsOptions {
    int version_max = TLS1_3_VERSION;
    std::optional<std::uint8_t> seed = 9;  // of the Ed25519 certificate; none: no certificate
    bool elliptic_curve_certificate = false;
    std::shared_ptr<SSL_SESSION> resume = {};
    base::Bytes early_data = {};
};

/// A TLS client. Records are what SSL_write makes of one call.
class RawTls {
 public:
    RawTls(const boost::asio::ip::tcp::endpoint& address, const RawTlsOptions& options = {});
    ~RawTls();

    /// The handshake as the client sees it. (In TLS 1.3 the server may refuse after it.)
    bool connected() const { return connected_; }
    bool resumed() const { return SSL_session_reused(ssl_) == 1; }
    bool early_data_accepted() const;
    bool holds_ticket() const;
    bool write(base::ByteView plain);
    bool write(const cell::Cell& cell) { return write(cell.bytes()); }
    bool key_update(int kind = SSL_KEY_UPDATE_NOT_REQUESTED);
    /// Pads each further record to a multiple of so many bytes.
    void pad(std::size_t block);
    /// The next record's plaintext; empty if the link is closed or nothing comes.
    base::Bytes read();

 private:
    RawTcp tcp_;
    SSL_CTX* context_ = nullptr;
    SSL* ssl_ = nullptr;
    bool connected_ = false;
};

/// A TLS server in memory, which gives tickets as ours never does.
class RawTlsServer {
 public:
    explicit RawTlsServer(std::uint8_t seed);
    ~RawTlsServer();

    /// Takes what a client sent and goes on with the handshake; what it has to say.
    base::Bytes answer(base::ByteView bytes);
    /// A ticket, in a record whose plaintext is padded to so many bytes.
    base::Bytes ticket(std::size_t padded);

 private:
    base::Bytes said();

    SSL_CTX* context_ = nullptr;
    SSL* ssl_ = nullptr;
};

}  // namespace nightjar::tests
