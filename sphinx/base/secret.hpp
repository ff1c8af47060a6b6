// Owners of secret bytes: move-only, wiped when their scope ends, impossible to print or compare
// by accident. There is no manual wipe to forget.
#pragma once

#include <sodium.h>

#include <cstddef>
#include <utility>

#include "sphinx/base/bytes.hpp"

namespace nightjar::base {

/// N secret bytes, zero at first. A moved-from Secret is zero again.
template <std::size_t N>
class Secret {
 public:
    Secret() = default;
    /// Copies the bytes in; the caller still owns, and must wipe, its own copy.
    explicit Secret(std::span<const std::uint8_t, N> bytes) {
        for (std::size_t i = 0; i < N; ++i)
            bytes_[i] = bytes[i];
    }
    Secret(Secret&& other) noexcept : bytes_{other.bytes_} { other.wipe(); }
    Secret& operator=(Secret&& other) noexcept {
        if (this != &other) {
            bytes_ = other.bytes_;
            other.wipe();
        }
        return *this;
    }
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(); }

    /// A second owner, asked for by name because each copy of a secret is a decision.
    Secret copy() const { return Secret{std::span<const std::uint8_t, N>{bytes_}}; }

    static constexpr std::size_t size() { return N; }
    std::span<const std::uint8_t, N> view() const {
        return std::span<const std::uint8_t, N>{bytes_};
    }
    std::span<std::uint8_t, N> span() { return std::span<std::uint8_t, N>{bytes_}; }
    const std::uint8_t* data() const { return bytes_.data(); }
    std::uint8_t* data() { return bytes_.data(); }

 private:
    void wipe() noexcept { sodium_memzero(bytes_.data(), N); }

    ByteArray<N> bytes_{};
};

/// A secret whose length is known only at run time. Never grows, so no stale copy is left behind.
class SecretBytes {
 public:
    SecretBytes() = default;
    explicit SecretBytes(std::size_t size) : bytes_(size) {}
    explicit SecretBytes(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {}
    SecretBytes(SecretBytes&& other) noexcept : bytes_{std::move(other.bytes_)} {}
    SecretBytes& operator=(SecretBytes&& other) noexcept {
        if (this != &other) {
            wipe();
            bytes_ = std::move(other.bytes_);
        }
        return *this;
    }
    SecretBytes(const SecretBytes&) = delete;
    SecretBytes& operator=(const SecretBytes&) = delete;
    ~SecretBytes() { wipe(); }

    std::size_t size() const { return bytes_.size(); }
    ByteView view() const { return bytes_; }
    ByteSpan span() { return bytes_; }

 private:
    void wipe() noexcept { sodium_memzero(bytes_.data(), bytes_.size()); }

    Bytes bytes_;
};

}  // namespace nightjar::base
