#include "sphinx/packet/key_schedule.hpp"

#include <algorithm>
#include <string_view>

namespace nightjar::packet {

using base::ByteSpan;
using base::ByteView;
using base::Secret;

namespace {

constexpr std::string_view expansion_info =
    "Dwste mou enan moxlo arketa makru kai ena upomoxlio gia na ton topothetisw kai tha kinisw thn "
    "gh.";
constexpr std::string_view payload_salt = "sphinx-payload-key-V01-CS01-HKDF:SHA256-SALT";
constexpr std::string_view payload_info = "sphinx-payload-key-V01-CS01-HKDF:SHA256-INFO";
static_assert(expansion_info.size() == 97 && expansion_info.size() <= crypto::hkdf_info_size_max);

// The offsets of the parts in an expanded shared secret.
constexpr std::size_t cipher_key_offset = 0;
constexpr std::size_t mac_key_offset = 16;
constexpr std::size_t seed_offset = 32;
constexpr std::size_t blinding_offset = 224;
constexpr std::size_t tag_offset = 256;
static_assert(tag_offset + 32 == expanded_secret_size);

template <class Part>
void take(const Secret<expanded_secret_size>& expanded, std::size_t offset, Part& part) {
    std::copy_n(expanded.data() + offset, part.size(), part.data());
}

}  // namespace

template <std::size_t Lanes>
void expand_each(const crypto::Each<const SharedSecret*, Lanes>& shared,
                 const crypto::Each<HopKeys*, Lanes>& keys) {
    // HMAC pads an empty salt with zeros: it is the same as a salt of zeros.
    static const auto salt = crypto::Hmac<Lanes>::same({});
    crypto::Each<Secret<expanded_secret_size>, Lanes> expanded;
    crypto::Each<ByteView, Lanes> material;
    crypto::Each<ByteSpan, Lanes> out;
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
        material[lane] = shared[lane]->view();
        out[lane] = expanded[lane].span();
    }
    crypto::hkdf<Lanes>(salt, material, base::as_bytes(expansion_info), out);
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
        take(expanded[lane], cipher_key_offset, keys[lane]->cipher_key);
        take(expanded[lane], mac_key_offset, keys[lane]->mac_key);
        take(expanded[lane], seed_offset, keys[lane]->payload_seed);
        take(expanded[lane], blinding_offset, keys[lane]->blinding);
        take(expanded[lane], tag_offset, keys[lane]->tag);
    }
}

template <std::size_t Lanes>
void payload_key_each(const crypto::Each<const PayloadSeed*, Lanes>& seeds,
                      const crypto::Each<PayloadKey*, Lanes>& keys) {
    static const auto salt = crypto::Hmac<Lanes>::same(base::as_bytes(payload_salt));
    crypto::Each<ByteView, Lanes> material;
    crypto::Each<ByteSpan, Lanes> out;
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
        material[lane] = seeds[lane]->view();
        out[lane] = keys[lane]->span();
    }
    crypto::hkdf<Lanes>(salt, material, base::as_bytes(payload_info), out);
}

template <std::size_t Lanes>
crypto::Each<Gamma, Lanes> header_mac_each(const crypto::Each<const HopKeys*, Lanes>& keys,
                                           const crypto::Each<ByteView, Lanes>& beta) {
    crypto::Each<Gamma, Lanes> gammas;
    crypto::Each<ByteView, Lanes> mac_keys;
    crypto::Each<ByteSpan, Lanes> out;
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
        mac_keys[lane] = keys[lane]->mac_key.view();
        out[lane] = gammas[lane];
    }
    crypto::Hmac<Lanes>{mac_keys}.mac(beta, out);
    return gammas;
}

template void expand_each<1>(const crypto::Each<const SharedSecret*, 1>&,
                             const crypto::Each<HopKeys*, 1>&);
template void expand_each<2>(const crypto::Each<const SharedSecret*, 2>&,
                             const crypto::Each<HopKeys*, 2>&);
template void payload_key_each<1>(const crypto::Each<const PayloadSeed*, 1>&,
                                  const crypto::Each<PayloadKey*, 1>&);
template void payload_key_each<2>(const crypto::Each<const PayloadSeed*, 2>&,
                                  const crypto::Each<PayloadKey*, 2>&);
template crypto::Each<Gamma, 1> header_mac_each<1>(const crypto::Each<const HopKeys*, 1>&,
                                                   const crypto::Each<ByteView, 1>&);
template crypto::Each<Gamma, 2> header_mac_each<2>(const crypto::Each<const HopKeys*, 2>&,
                                                   const crypto::Each<ByteView, 2>&);

}  // namespace nightjar::packet
