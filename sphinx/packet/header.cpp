#include "sphinx/packet/header.hpp"

#include <algorithm>
#include <cassert>

#include "sphinx/base/codec.hpp"
#include "sphinx/packet/routing.hpp"

namespace nightjar::packet {

using base::ByteSpan;
using base::ByteView;
using base::Secret;

Filler make_filler(crypto::StreamCiphers& ciphers, const RouteKeys& keys) {
    Filler filler;
    std::size_t size = 0;
    for (std::size_t i = 0; i + 1 < keys.hops; ++i) {
        // Hop i shifts in 60 zero bytes, and encrypts the end with the end of its keystream.
        Secret<keystream_size> stream;
        ciphers.aes_ctr(keys.of_hop[i].cipher_key, stream.span());
        size += routing_slot_size;
        for (std::size_t k = 0; k < size; ++k)
            filler.data()[k] ^= stream.data()[keystream_size - size + k];
    }
    return filler;
}

Header wrap(crypto::StreamCiphers& ciphers, Version version, std::span<const Hop> route,
            const RouteKeys& keys, const Filler& filler, const FinalBlock& final_block) {
    assert(route.size() == keys.hops && keys.hops >= 1 && keys.hops <= max_hops);
    const std::size_t filler_size = (keys.hops - 1) * routing_slot_size;
    Header header{};
    const auto beta = ByteSpan{header}.subspan(beta_offset);
    const auto gamma = ByteSpan{header}.subspan(gamma_offset, key_size);
    const auto seal = [&](const HopKeys& hop) {
        const auto made = header_mac_each<1>({&hop}, {beta})[0];
        std::copy(made.begin(), made.end(), gamma.begin());
    };

    const auto& last = keys.of_hop[keys.hops - 1];
    const auto own = beta.first(beta_size - filler_size);
    write_final_block(own, version, final_block.destination, final_block.identifier,
                      final_block.padding);
    ciphers.aes_ctr(last.cipher_key, own);
    std::copy_n(filler.data(), filler_size, beta.begin() + static_cast<std::ptrdiff_t>(own.size()));
    seal(last);

    for (std::size_t i = keys.hops - 1; i-- > 0;) {
        std::copy_backward(beta.begin(), beta.end() - routing_slot_size, beta.end());
        write_forward_block(beta.first<routing_slot_size>(), version, route[i + 1].address,
                            route[i].delay_ns, gamma);
        ciphers.aes_ctr(keys.of_hop[i].cipher_key, beta);
        seal(keys.of_hop[i]);
    }
    std::copy(keys.alpha.bytes.begin(), keys.alpha.bytes.end(), header.begin());
    return header;
}

}  // namespace nightjar::packet
