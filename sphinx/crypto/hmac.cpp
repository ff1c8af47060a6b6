#include "sphinx/crypto/hmac.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "sphinx/base/secret.hpp"

namespace nightjar::crypto {

using base::ByteSpan;
using base::ByteView;
using base::Secret;

namespace {

constexpr std::size_t block_size = 64;

template <std::size_t Lanes>
Each<Sha256State, Lanes> hashed_pads(const Each<ByteView, Lanes>& keys, std::uint8_t pad) {
    Each<Secret<block_size>, Lanes> padded;
    Each<const std::uint8_t*, Lanes> blocks;
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
        assert(keys[lane].size() <= block_size && keys[lane].size() == keys[0].size());
        auto block = padded[lane].span();
        std::fill(block.begin(), block.end(), pad);
        for (std::size_t i = 0; i < keys[lane].size(); ++i)
            block[i] ^= keys[lane][i];
        blocks[lane] = block.data();
    }
    Each<Sha256State, Lanes> states;
    sha256_compress<Lanes>(states, blocks, 1);
    return states;
}

/// Hashes messages of equal length to the end. One block has already gone into the states.
template <std::size_t Lanes>
void finish(Each<Sha256State, Lanes>& states, const Each<ByteView, Lanes>& messages) {
    const std::size_t size = messages[0].size();
    const std::size_t whole = size / block_size;
    const std::size_t rest = size % block_size;
    const std::size_t last_blocks = rest + 9 <= block_size ? 1 : 2;
    const std::uint64_t bits = 8 * (block_size + size);

    Each<Secret<2 * block_size>, Lanes> tails;
    Each<const std::uint8_t*, Lanes> blocks;
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
        assert(messages[lane].size() == size);
        auto tail = tails[lane].span();
        if (rest > 0) std::memcpy(tail.data(), messages[lane].data() + whole * block_size, rest);
        tail[rest] = 0x80;
        for (std::size_t i = 0; i < 8; ++i)
            tail[last_blocks * block_size - 1 - i] = static_cast<std::uint8_t>(bits >> (8 * i));
        blocks[lane] = messages[lane].data();
    }
    if (whole > 0) sha256_compress<Lanes>(states, blocks, whole);
    for (std::size_t lane = 0; lane < Lanes; ++lane)
        blocks[lane] = tails[lane].data();
    sha256_compress<Lanes>(states, blocks, last_blocks);
}

void write_digest(const Sha256State& state, ByteSpan out) {
    assert(out.size() <= sha256_size);
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<std::uint8_t>(state.words[i / 4] >> (24 - 8 * (i % 4)));
}

}  // namespace

template <std::size_t Lanes>
Hmac<Lanes>::Hmac(const Each<ByteView, Lanes>& keys)
    : inner_{hashed_pads<Lanes>(keys, 0x36)}, outer_{hashed_pads<Lanes>(keys, 0x5c)} {}

template <std::size_t Lanes>
Hmac<Lanes> Hmac<Lanes>::same(ByteView key) {
    Each<ByteView, Lanes> keys;
    keys.fill(key);
    return Hmac{keys};
}

template <std::size_t Lanes>
void Hmac<Lanes>::mac(const Each<ByteView, Lanes>& messages,
                      const Each<ByteSpan, Lanes>& out) const {
    auto states = inner_;
    finish<Lanes>(states, messages);
    Each<Secret<sha256_size>, Lanes> digests;
    Each<ByteView, Lanes> views;
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
        write_digest(states[lane], digests[lane].span());
        views[lane] = digests[lane].view();
    }
    states = outer_;
    finish<Lanes>(states, views);
    for (std::size_t lane = 0; lane < Lanes; ++lane)
        write_digest(states[lane], out[lane]);
}

template <std::size_t Lanes>
void hkdf(const Hmac<Lanes>& salt, const Each<ByteView, Lanes>& key_material, ByteView info,
          const Each<ByteSpan, Lanes>& out) {
    assert(info.size() <= hkdf_info_size_max && out[0].size() <= 255 * sha256_size);
    Each<Secret<sha256_size>, Lanes> pseudorandom_keys;
    Each<ByteSpan, Lanes> spans;
    Each<ByteView, Lanes> views;
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
        spans[lane] = pseudorandom_keys[lane].span();
        views[lane] = pseudorandom_keys[lane].view();
    }
    salt.mac(key_material, spans);
    const Hmac<Lanes> expand{views};

    // T(i) = HMAC(T(i-1) || info || i); T(0) is empty.
    Each<Secret<sha256_size + hkdf_info_size_max + 1>, Lanes> inputs;
    for (auto& input : inputs)
        std::copy(info.begin(), info.end(), input.data() + sha256_size);
    const std::size_t size = out[0].size();
    for (std::size_t done = 0, counter = 1; done < size; done += sha256_size, ++counter) {
        const std::size_t from = counter == 1 ? sha256_size : 0;
        for (std::size_t lane = 0; lane < Lanes; ++lane) {
            inputs[lane].data()[sha256_size + info.size()] = static_cast<std::uint8_t>(counter);
            views[lane] = {inputs[lane].data() + from, sha256_size + info.size() + 1 - from};
            spans[lane] = {inputs[lane].data(), sha256_size};
        }
        expand.mac(views, spans);
        for (std::size_t lane = 0; lane < Lanes; ++lane)
            std::copy_n(inputs[lane].data(), std::min(sha256_size, size - done),
                        out[lane].data() + done);
    }
}

template class Hmac<1>;
template class Hmac<2>;
template void hkdf<1>(const Hmac<1>&, const Each<ByteView, 1>&, ByteView, const Each<ByteSpan, 1>&);
template void hkdf<2>(const Hmac<2>&, const Each<ByteView, 2>&, ByteView, const Each<ByteSpan, 2>&);

}  // namespace nightjar::crypto
