// Owners of secret bytes: move-only, wiped at the end of their scope, and without printing or
// comparison. There is no manual wipe that a caller could forget.
#pragma once

#include <sodium.h>

#include <cstddef>
#include <utility>

#include "sphinx/base/bytes.hpp"

namespace nightjar::base {

/// N secret bytes, initially zero. A moved-from Secret is zero again.
template <std::size_t N>
class Secret {
 public:
    Secret() = default;
    /// Copies the bytes. The caller still owns its own copy and must wipe it.
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

    /// A second owner. Copying has a name because each copy of a secret is a deliberate decision.
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

/// A secret whose length is known only at run time. It never grows, so reallocation leaves no stale
/// copy.
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
