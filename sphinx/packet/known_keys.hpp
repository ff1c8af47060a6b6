// A cache of the node keys that this thread has multiplied by. A network's keys stay the same for
// an epoch, so each key is checked once, and the vector kernels compute a table of its multiples
// once. The keys are public. Internal to sphinx/packet.
#pragma once

#include <map>
#include <memory>

#include "sphinx/crypto/kernel.hpp"
#include "sphinx/crypto/x25519_kernels.hpp"
#include "sphinx/packet/keys.hpp"

namespace nightjar::packet {

class KnownKeys {
 public:
    /// If there are more keys than this, all are forgotten at once, between two calls. A key takes
    /// at most 20 kB.
    static constexpr std::size_t size_max = 512;

    static KnownKeys& of_this_thread();

    /// Call before each batch: forgets the keys if there are too many, or if another kernel made
    /// the tables.
    void begin_batch();

    /// Returns the table of a valid key, which stays valid until the next batch begins; nullptr if
    /// the kernel in force uses no tables. Errors: bad_key (a point of the twist), low_order.
    base::Result<const crypto::PointTable*, Error> find(const PublicKey& key);

    /// Runs any number of multiplications with tables found since the batch began. Uses the kernel
    /// that made the tables, even if another is in force by now.
    void multiply(std::span<const crypto::TableMultiplication> batch) const;

 private:
    crypto::Kernel kernel_ = crypto::Kernel::portable;
    std::map<PublicKey, std::unique_ptr<crypto::PointTable>> good_;
};

}  // namespace nightjar::packet
