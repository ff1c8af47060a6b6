// The node keys that this thread has multiplied by. A network's keys stay the same for an epoch:
// each is checked once, and the vector kernels make a table of its multiples. Keys are public.
// Internal to sphinx/packet.
#pragma once

#include <map>
#include <memory>

#include "sphinx/packet/kernel.hpp"
#include "sphinx/packet/keys.hpp"
#include "sphinx/packet/x25519_kernels.hpp"

namespace nightjar::packet {

class KnownKeys {
 public:
    /// More than this many are forgotten, all at once, between two calls: 20 kB each at most.
    static constexpr std::size_t size_max = 512;

    static KnownKeys& of_this_thread();

    /// Before each batch: forgets what is too much, and what another kernel has made.
    void begin_batch();

    /// A good key's table, valid until the next batch begins; null where the kernel in force makes
    /// none. Errors: bad_key (a point of the twist), low_order.
    base::Result<const PointTable*, Error> find(const PublicKey& key);

    /// Any number of multiplications by tables found since the batch began, by the kernel that made
    /// them, whichever is in force by now.
    void multiply(std::span<const TableMultiplication> batch) const;

 private:
    Kernel kernel_ = Kernel::portable;
    std::map<PublicKey, std::unique_ptr<PointTable>> good_;
};

}  // namespace nightjar::packet
