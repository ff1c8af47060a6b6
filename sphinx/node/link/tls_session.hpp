// The TLS session of one link without its socket: converts bytes from the wire to cells, and cells
// to bytes. Sans-I/O: the owner moves the bytes and passes the time.
//
//   feed() -> handshake() ... done, then next_cell()        write_cell(), update_key() -> output()
//
// Every error is final: the owner closes the socket and makes no further calls.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/node/link/link_error.hpp"
#include "sphinx/node/link/tls_identity.hpp"

namespace nightjar::node::link {

/// The sizes of records on the wire by kind, without the header of 5 bytes.
inline constexpr std::size_t record_overhead = 17;  // content type 1, tag 16
inline constexpr std::size_t cell_record = cell::cell_size + record_overhead;
inline constexpr std::size_t key_update_record = 5 + record_overhead;
inline constexpr std::size_t alert_record = 2 + record_overhead;
static_assert(cell_record == 2433 && key_update_record == 22 && alert_record == 19);
inline constexpr std::size_t record_header = 5;

class TlsSession {
 public:
    /// Acts as TLS client if `pinned` gives the expected peer's key, else as server. `identity`
    /// must outlive this object. Throws std::bad_alloc if OpenSSL has no memory.
    TlsSession(TlsIdentity& identity, std::optional<base::LinkKey> pinned,
               std::uint32_t key_updates_per_minute);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    /// Passes bytes that arrived. They must stay valid until the session has consumed them: until
    /// handshake() or next_cell() reports that it needs more bytes. Only then call feed() again.
    void feed(base::ByteView bytes);
    /// Continues the handshake. Returns true once both Finished messages are exchanged.
    base::Result<bool, LinkError> handshake();
    /// Returns one cell, or nullptr if more bytes are needed. Precondition: the handshake is done.
    base::Result<cell::CellBox, LinkError> next_cell(base::Mono now);

    /// Each appends exactly one record to output(). Returns false if OpenSSL fails; the link is
    /// over then.
    bool write_cell(const cell::Cell& cell);
    bool update_key();
    bool write_close();

    /// The bytes to write to the socket; the owner takes them by swapping with an empty buffer.
    base::Bytes& output();
    /// The peer's key; all zeros before the handshake is done.
    const base::LinkKey& peer_key() const;
    /// The keys come from X25519MLKEM768, not from X25519 alone. False before the handshake is
    /// done.
    bool post_quantum() const;

    struct Impl;

 private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::node::link
