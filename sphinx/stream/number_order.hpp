// The order in which a client uses its packet numbers: random within blocks of 64, and some numbers
// are never used (docs/traffic-law.md section 2, Numbers). So an exit cannot tell which packet left
// in which slot. How many are not used differs much from block to block, so that one more that is
// missing is hardly a sign of a dropped packet.
//
// Positions count the numbers in the order of sending, from 1, those never used included. Pure; one
// thread.
#pragma once

#include <array>
#include <deque>
#include <optional>

#include "sphinx/base/random.hpp"
#include "sphinx/stream/header.hpp"

namespace nightjar::stream {

class NumberOrder {
 public:
    static constexpr PacketNumber block = 64;
    /// The share of a block's numbers that are not used is drawn for each block, from 0 to this.
    static constexpr double unused_max = 0.4;

    /// Takes a random stream of its own from `random`, and nothing later.
    explicit NumberOrder(base::Random& random) : random_{random} {}

    /// Moves on to the next position, and returns its number. nullopt: that number is never used.
    std::optional<PacketNumber> next();
    /// The position of a number; 0 if its block is not in use yet, or is forgotten.
    PacketNumber position_of(PacketNumber number) const;
    /// Positions below `position` are no longer asked for.
    void forget_before(PacketNumber position);

 private:
    base::ForkedRandom random_;
    double unused_ = 0;        // share of the newest block
    PacketNumber last_ = 0;    // position
    PacketNumber forgot_ = 0;  // blocks
    struct Block {
        std::array<std::uint8_t, block> number_at;    // at a position in the block, from 0
        std::array<std::uint8_t, block> position_of;  // its inverse
    };
    std::deque<Block> blocks_;
};

}  // namespace nightjar::stream
