// TLS of one link without its socket: bytes from the wire in, cells out, and the other way round.
// Sans-I/O: whoever owns it moves the bytes and tells the time.
//
//   feed() -> handshake() ... done, then next_cell()        write_cell(), update_key() -> output()
//
// Any error is final: the owner closes the socket and asks nothing more.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/node/link.hpp"

namespace nightjar::node {

/// What a record of a given kind measures on the wire, behind its header of 5 bytes.
inline constexpr std::size_t record_overhead = 17;  // content type 1, tag 16
inline constexpr std::size_t cell_record = cell::cell_size + record_overhead;
inline constexpr std::size_t key_update_record = 5 + record_overhead;
inline constexpr std::size_t alert_record = 2 + record_overhead;
static_assert(cell_record == 2433 && key_update_record == 22 && alert_record == 19);
inline constexpr std::size_t record_header = 5;

class TlsSession {
 public:
    /// Dials if `pinned` names whom to expect, answers if not. `identity` outlives it. Throws
    /// std::bad_alloc if OpenSSL has no memory.
    TlsSession(TlsIdentity& identity, std::optional<base::LinkKey> pinned,
               std::uint32_t key_updates_per_minute);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    /// What arrived. The bytes must stay until the session has asked for more, that is until
    /// handshake() or next_cell() found nothing left to do; only then feed again.
    void feed(base::ByteView bytes);
    /// True once both Finished messages are exchanged.
    base::Result<bool, LinkError> handshake();
    /// One cell, or null if more bytes are needed. Precondition: the handshake is done.
    base::Result<cell::CellBox, LinkError> next_cell(base::Mono now);

    /// Each appends exactly one record to output(). False: OpenSSL refused, the link is over.
    bool write_cell(const cell::Cell& cell);
    bool update_key();
    bool write_close();

    /// What has to go to the socket; the owner takes it by swapping it for an empty buffer.
    base::Bytes& output();
    /// All zeros before the handshake is done.
    const base::LinkKey& peer_key() const;

    struct Impl;

 private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::node
