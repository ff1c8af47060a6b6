// One direction of a TCP connection between a client or relay and a relay, as a recorder had it:
// finds out whether a key opens it. For the seizure test only.
//
// A key is tried without its nonce. In AES-GCM the tag is GHASH XOR E(nonce, 1), and GHASH follows
// from key and record (NIST SP 800-38D). So E, applied backwards, gives the nonce and the counter 1
// for the right key, and any number for another.
#pragma once

#include <optional>
#include <vector>

#include "sphinx/base/bytes.hpp"
#include "sphinx/cell/cell.hpp"
#include "tests/support/seized_memory.hpp"

namespace nightjar::test {

using Iv = base::ByteArray<12>;
using PlainCell = base::ByteArray<cell::cell_size>;

/// The key and the IV of one direction (RFC 8446, section 5.3).
struct RecordKeys {
    LinkKey key{};
    Iv iv{};
};

/// What follows from a traffic secret (RFC 8446, section 7.3).
RecordKeys keys_of(const TrafficSecret& secret);

/// What the first bytes of the first record are XORed with, under these keys.
using Pad = base::ByteArray<16>;
Pad first_pad(const RecordKeys& keys);

class RecordedWay {
 public:
    /// `bytes` must outlive the object. What is no whole record at the end is left out.
    explicit RecordedWay(base::ByteView bytes);

    /// Cells under one key: a new one begins after each KeyUpdate.
    using Phase = std::vector<base::ByteView>;  // records with their headers
    const std::vector<Phase>& phases() const { return phases_; }

    /// The keys if this is the phase's key. Precondition: the phase has a record.
    static std::optional<RecordKeys> open_by(const LinkKey& key, const Phase& phase);
    /// True if this is the pad of the first record: by its cell, whose beginning all know.
    bool begins_under(const Pad& pad) const;
    /// The cell in the record of this number; nullopt if its tag is wrong.
    static std::optional<PlainCell> decrypt(const RecordKeys& keys, const Phase& phase,
                                            std::size_t number);

 private:
    std::vector<Phase> phases_{1};
};

}  // namespace nightjar::test
