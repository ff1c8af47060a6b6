// HMAC-SHA256 and HKDF-SHA256 with saved pads, for one packet or two in parallel. Lanes are
// independent: two lanes give the results of two calls with one lane each. Internal to
// sphinx/packet.
#pragma once

#include <array>
#include <cstddef>

#include "sphinx/base/bytes.hpp"
#include "sphinx/crypto/sha256.hpp"

namespace nightjar::crypto {

template <class T, std::size_t Lanes>
using Each = std::array<T, Lanes>;

inline constexpr std::size_t sha256_size = 32;

/// One HMAC key per lane; its two pads are hashed once.
template <std::size_t Lanes>
class Hmac {
 public:
    /// Precondition: keys of equal length, at most 64 bytes.
    explicit Hmac(const Each<base::ByteView, Lanes>& keys);
    /// Uses the same key in every lane.
    static Hmac same(base::ByteView key);

    /// Writes up to 32 bytes of each lane's MAC. Precondition: all messages have equal length, and
    /// all results have equal length.
    void mac(const Each<base::ByteView, Lanes>& messages,
             const Each<base::ByteSpan, Lanes>& out) const;

 private:
    Each<Sha256State, Lanes> inner_;
    Each<Sha256State, Lanes> outer_;
};

/// HKDF (RFC 5869). `salt` is the HMAC keyed with the salt; the caller saves it, because salts are
/// constants here. Preconditions: info of at most hkdf_info_size_max bytes; results of at most 255
/// blocks; key materials of equal length; results of equal length.
inline constexpr std::size_t hkdf_info_size_max = 128;
template <std::size_t Lanes>
void hkdf(const Hmac<Lanes>& salt, const Each<base::ByteView, Lanes>& key_material,
          base::ByteView info, const Each<base::ByteSpan, Lanes>& out);

}  // namespace nightjar::crypto
