// BLAKE2b (RFC 7693) with one message per 64-bit lane. The register type R provides V, lanes,
// load_words (sixteen message words of every lane) and the rotations. Include it only from a
// kernel's own file: everything here ends up in that file's unnamed namespace.
#pragma once

#include <immintrin.h>
#include <sodium.h>

#include <cstdint>
#include <cstring>

#include "sphinx/crypto/blake2b_kernels.hpp"

#define NIGHTJAR_INLINE static inline __attribute__((always_inline))
#define NIGHTJAR_UNROLL _Pragma("GCC unroll 16")

namespace nightjar::crypto {

namespace {

constexpr std::size_t block_size = 128;
constexpr std::uint64_t initial[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                      0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                      0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
constexpr std::uint8_t sigma[10][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                        {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
                                        {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
                                        {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
                                        {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
                                        {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
                                        {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
                                        {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
                                        {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
                                        {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};
// The words that the four columns mix, then those that the four diagonals mix.
constexpr int quarters[8][4] = {{0, 4, 8, 12},  {1, 5, 9, 13},  {2, 6, 10, 14}, {3, 7, 11, 15},
                                {0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13},  {3, 4, 9, 14}};

/// Transposes sixteen words of four lanes, four words at a time.
template <class V>
NIGHTJAR_INLINE void transpose_words(V (&m)[16], const std::uint8_t* const* rows) {
    NIGHTJAR_UNROLL
    for (int word = 0; word < 16; word += 4) {
        __m256i r[4];
        NIGHTJAR_UNROLL
        for (int lane = 0; lane < 4; ++lane)
            r[lane] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[lane] + 8 * word));
        const __m256i p0 = _mm256_unpacklo_epi64(r[0], r[1]);
        const __m256i p1 = _mm256_unpackhi_epi64(r[0], r[1]);
        const __m256i p2 = _mm256_unpacklo_epi64(r[2], r[3]);
        const __m256i p3 = _mm256_unpackhi_epi64(r[2], r[3]);
        m[word] = (V)_mm256_permute2x128_si256(p0, p2, 0x20);
        m[word + 1] = (V)_mm256_permute2x128_si256(p1, p3, 0x20);
        m[word + 2] = (V)_mm256_permute2x128_si256(p0, p2, 0x31);
        m[word + 3] = (V)_mm256_permute2x128_si256(p1, p3, 0x31);
    }
}

template <class R>
struct Blake2b {
    using V = typename R::V;

    V h[8];

    NIGHTJAR_INLINE void mix(V& a, V& b, V& c, V& d, const V& x, const V& y) {
        a = a + b + x;
        d = R::template rotate_right<32>(d ^ a);
        c = c + d;
        b = R::template rotate_right<24>(b ^ c);
        a = a + b + y;
        d = R::template rotate_right<16>(d ^ a);
        c = c + d;
        b = R::template rotate_right<63>(b ^ c);
    }

    template <int Round>
    NIGHTJAR_INLINE void round(V (&v)[16], const V (&m)[16]) {
        constexpr auto& s = sigma[Round % 10];
        NIGHTJAR_UNROLL
        for (int i = 0; i < 8; ++i) {
            constexpr auto& q = quarters;
            mix(v[q[i][0]], v[q[i][1]], v[q[i][2]], v[q[i][3]], m[s[2 * i]], m[s[2 * i + 1]]);
        }
    }

    /// `total`: the number of bytes hashed, this block included.
    __attribute__((noinline)) void compress(const std::uint8_t* const* blocks, std::uint64_t total,
                                            bool last) {
        V m[16], v[16];
        R::load_words(m, blocks);
        NIGHTJAR_UNROLL
        for (int i = 0; i < 8; ++i) {
            v[i] = h[i];
            v[i + 8] = V{} + initial[i];
        }
        v[12] ^= V{} + total;
        if (last) v[14] = ~v[14];
        round<0>(v, m);
        round<1>(v, m);
        round<2>(v, m);
        round<3>(v, m);
        round<4>(v, m);
        round<5>(v, m);
        round<6>(v, m);
        round<7>(v, m);
        round<8>(v, m);
        round<9>(v, m);
        round<10>(v, m);
        round<11>(v, m);
        NIGHTJAR_UNROLL
        for (int i = 0; i < 8; ++i)
            h[i] ^= v[i] ^ v[i + 8];
    }
};

/// Lanes from `count` on repeat the first message.
template <class R>
void hash_in_lanes(const KeyedHash* batch, std::size_t count, std::size_t message_size) {
    struct Work {
        Blake2b<R> state;
        std::uint8_t block[R::lanes][block_size];
        ~Work() { sodium_memzero(this, sizeof *this); }
    } work;
    const std::uint8_t* blocks[R::lanes];
    const auto source = [&](std::size_t lane) -> const KeyedHash& {
        return batch[lane < count ? lane : 0];
    };

    for (int i = 0; i < 8; ++i)
        work.state.h[i] = typename R::V{} + initial[i];
    work.state.h[0] ^= typename R::V{} + (0x01010000 ^ blake2b_key_size << 8 ^ blake2b_digest_size);
    for (std::size_t lane = 0; lane < R::lanes; ++lane) {
        std::memset(work.block[lane], 0, block_size);
        std::memcpy(work.block[lane], source(lane).key, blake2b_key_size);
        blocks[lane] = work.block[lane];
    }
    work.state.compress(blocks, block_size, message_size == 0);

    for (std::size_t done = 0; done < message_size; done += block_size) {
        const std::size_t rest = message_size - done;
        const bool last = rest <= block_size;
        for (std::size_t lane = 0; lane < R::lanes; ++lane) {
            blocks[lane] = source(lane).message + done;
            if (rest >= block_size) continue;
            std::memset(work.block[lane], 0, block_size);
            std::memcpy(work.block[lane], blocks[lane], rest);
            blocks[lane] = work.block[lane];
        }
        work.state.compress(blocks, block_size + done + (last ? rest : block_size), last);
    }
    for (std::size_t lane = 0; lane < count; ++lane) {
        for (std::size_t i = 0; i < blake2b_digest_size / 8; ++i) {
            const std::uint64_t word = work.state.h[i][lane];
            std::memcpy(batch[lane].digest + 8 * i, &word, 8);
        }
    }
    // Wipe the working vectors of compress(), which were in the stack frame below.
    sodium_stackzero(4096);
}

}  // namespace

}  // namespace nightjar::crypto
