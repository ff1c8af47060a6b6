#include "sphinx/base/random.hpp"

#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace nightjar::base {
namespace {

/// Initialises libsodium, which also selects the fastest code for this processor: without it
/// ChaCha20 runs without vector instructions.
void start_sodium() {
    if (sodium_init() < 0) throw std::runtime_error("libsodium finds no source of randomness");
}

}  // namespace

std::uint64_t Random::u64() {
    ByteArray<8> bytes;
    fill(bytes);
    std::uint64_t value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

std::uint64_t Random::below(std::uint64_t bound) {
    assert(bound > 0);
    for (;;) {
        const auto value = u64();
        // Values below 2^64 mod bound would make small remainders more likely, so they are redrawn.
        // Nearly every value is at least bound; the first comparison then avoids the second
        // division.
        if (value >= bound || value >= (0 - bound) % bound) return value % bound;
    }
}

double Random::unit() {
    return static_cast<double>(u64() >> 11) * 0x1.0p-53;
}

Nanoseconds Random::exponential(Nanoseconds mean) {
    assert(mean.count() > 0);
    // 1 - unit() is in (0, 1], so the logarithm is finite.
    return Nanoseconds{
        static_cast<std::int64_t>(-std::log(1.0 - unit()) * static_cast<double>(mean.count()))};
}

Nanoseconds Random::exponential_capped(Nanoseconds mean, Nanoseconds cap) {
    assert(cap.count() > 0);
    for (;;) {
        const auto drawn = exponential(mean);
        if (drawn <= cap) return drawn;
    }
}

SystemRandom::SystemRandom() {
    start_sodium();
}

void SystemRandom::fill(ByteSpan out) {
    if (out.size() > buffer_size / 4) {
        randombytes_buf(out.data(), out.size());
        return;
    }
    if (out.size() > buffer_size - used_) {
        randombytes_buf(buffer_.data(), buffer_size);
        used_ = 0;
    }
    std::memcpy(out.data(), buffer_.data() + used_, out.size());
    sodium_memzero(buffer_.data() + used_, out.size());
    used_ += out.size();
}

ForkedRandom::ForkedRandom(Random& parent) {
    parent.fill(key_.span());
}

void ForkedRandom::fill(ByteSpan out) {
    constexpr ByteArray<crypto_stream_chacha20_NONCEBYTES> nonce{};
    while (!out.empty()) {
        if (used_ == block_size) {
            crypto_stream_chacha20(block_.data(), block_size, nonce.data(), key_.data());
            std::memcpy(key_.data(), block_.data(), key_.size());
            used_ = key_.size();
        }
        const auto n = std::min(out.size(), block_size - used_);
        std::memcpy(out.data(), block_.data() + used_, n);
        sodium_memzero(block_.data() + used_, n);
        used_ += n;
        out = out.subspan(n);
    }
}

SeededRandom::SeededRandom(std::uint64_t seed) {
    start_sodium();
    for (std::size_t i = 0; i < 8; ++i)
        key_[i] = static_cast<std::uint8_t>(seed >> (8 * i));
}

void SeededRandom::refill() {
    ByteArray<crypto_stream_chacha20_NONCEBYTES> nonce;
    std::memcpy(nonce.data(), &block_, sizeof block_);
    ++block_;
    crypto_stream_chacha20(buffer_.data(), buffer_.size(), nonce.data(), key_.data());
    used_ = 0;
}

void SeededRandom::fill(ByteSpan out) {
    while (!out.empty()) {
        if (used_ == buffer_.size()) refill();
        const auto n = std::min(out.size(), buffer_.size() - used_);
        std::memcpy(out.data(), buffer_.data() + used_, n);
        used_ += n;
        out = out.subspan(n);
    }
}

}  // namespace nightjar::base
