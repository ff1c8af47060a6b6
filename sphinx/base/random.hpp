// Randomness is always an argument: production passes SystemRandom, a simulation passes
// SeededRandom. An object must not be shared between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::base {

class Random {
 public:
    virtual ~Random() = default;
    virtual void fill(ByteSpan out) = 0;

    std::uint64_t u64();
    /// Uniform in [0, bound), without bias. Precondition: bound > 0.
    std::uint64_t below(std::uint64_t bound);
    /// Uniform in [0, 1), 53 bits.
    double unit();
    /// Exponential with the given mean. Precondition: mean > 0.
    Nanoseconds exponential(Nanoseconds mean);
    /// Exponential, redrawn while above `cap` (docs/traffic-law.md). Precondition: cap > 0.
    Nanoseconds exponential_capped(Nanoseconds mean, Nanoseconds cap);
    /// A random id or key of any type with a `bytes` array.
    template <class IdType>
    IdType id() {
        IdType id;
        fill(id.bytes);
        return id;
    }
    /// Fisher-Yates shuffle of any indexable container.
    template <class Container>
    void shuffle(Container& items) {
        for (std::size_t i = items.size(); i > 1; --i) {
            using std::swap;
            swap(items[i - 1], items[static_cast<std::size_t>(below(i))]);
        }
    }
};

/// The kernel's generator, read in blocks ahead of use; bytes are wiped as they are used. The
/// constructor checks that the generator works; libsodium aborts the process if there is none.
class SystemRandom final : public Random {
 public:
    SystemRandom();
    void fill(ByteSpan out) override;

 private:
    static constexpr std::size_t buffer_size = 1024;
    Secret<buffer_size> buffer_;
    std::size_t used_ = buffer_size;
};

/// An independent stream under a secret key that is drawn once from `parent`: its output does not
/// depend on how much other code draws. The key changes with every block, so that memory contents
/// do not reveal earlier output.
class ForkedRandom final : public Random {
 public:
    explicit ForkedRandom(Random& parent);
    void fill(ByteSpan out) override;

 private:
    static constexpr std::size_t block_size = 512;
    Secret<32> key_;
    Secret<block_size> block_;
    std::size_t used_ = block_size;
};

/// ChaCha20 with a seed as its key: the same seed gives the same bytes on every machine. For
/// simulations and tests only.
class SeededRandom final : public Random {
 public:
    explicit SeededRandom(std::uint64_t seed);
    void fill(ByteSpan out) override;

 private:
    void refill();

    ByteArray<32> key_{};
    std::uint64_t block_ = 0;
    ByteArray<1024> buffer_{};
    std::size_t used_ = 1024;
};

}  // namespace nightjar::base
