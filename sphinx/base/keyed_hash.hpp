// A hash for names that peers choose: SipHash-2-4 (Aumasson, Bernstein 2012) under a random key
// that never leaves the process, so that an attacker cannot choose names that collide. A hash table
// finds one of thousands of such names with two cache misses; a tree needs a dozen.
#pragma once

#include <sodium.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"

namespace nightjar::base {

class KeyedHash {
 public:
    using is_avalanching = void;  // for Boost: every output bit depends on the whole name

    explicit KeyedHash(base::Random& random) { random.fill(key_); }

    template <class Tag, std::size_t N>
    std::size_t operator()(const base::Id<Tag, N>& id) const {
        return (*this)(base::ByteView{id.bytes});
    }
    std::size_t operator()(base::ByteView name) const {
        static_assert(sizeof(std::size_t) == crypto_shorthash_siphash24_BYTES);
        base::ByteArray<crypto_shorthash_siphash24_BYTES> out;
        crypto_shorthash_siphash24(out.data(), name.data(), name.size(), key_.data());
        std::size_t hash = 0;
        std::memcpy(&hash, out.data(), sizeof hash);
        return hash;
    }

 private:
    base::ByteArray<crypto_shorthash_siphash24_KEYBYTES> key_{};
};

}  // namespace nightjar::base
